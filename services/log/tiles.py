"""Paths of tiles and bodies of entry bundles (C2SP tlog-tiles)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.tree.leaf import Blinding, entry_of, is_blinded
from domain.tree.merkle import TILE_HEIGHT, TILE_WIDTH
from services.system.errors import InvalidValueError

LEVEL_MAX = 63
#: Widest index that is taken: 6 groups of 3 digits, far above any log.
_GROUPS_MAX = 6
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TileError(InvalidValueError):
    """A tile path or an entry bundle that is not of the specification's form."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its level (None for a bundle of entries), its index in the level, and its width (256 when full)."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """Read `tile/<L>/<N>[.p/<W>]`; TileError for any other form of the same numbers."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise TileError(f"{path!r} is no tile: write tile/<L>/<N>[.p/<W>], with N as in x001/x234/067")
        groups = match["index"].split("/")
        if len(groups) > 1 and groups[0] == "x000":
            raise TileError(f"{path!r} has a leading group of zeroes: write the index in the fewest groups of 3 digits")
        level = None if match["level"] == "entries" else int(match["level"])
        width = int(match["width"] or TILE_WIDTH)
        if level is not None and level > LEVEL_MAX:
            raise TileError(f"{path!r}: level {level} is above {LEVEL_MAX}")
        if match["width"] and width >= TILE_WIDTH:
            raise TileError(f"{path!r}: a partial tile is 1 to {TILE_WIDTH - 1} wide; a full one has no .p")
        return cls(level, int("".join(groups).replace("x", "")), width)

    def path(self) -> str:
        """The path, as parse reads it."""
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        index = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{index}{partial}"

    @property
    def start(self) -> int:
        """Index of its first hash (or entry) within its level."""
        return self.index * TILE_WIDTH

    def exists_at(self, size: int) -> bool:
        """Whether a tree of that size has it: every hash of it is of a complete subtree."""
        return self.start + self.width <= size >> (TILE_HEIGHT * (self.level or 0))


def tiles_of_level(level: int | None, size: int) -> list[Tile]:
    """All tiles of a level in a tree of that size: the full ones, and the partial one if there is one."""
    count = size >> (TILE_HEIGHT * (level or 0))
    full, rest = divmod(count, TILE_WIDTH)
    tiles = [Tile(level, index) for index in range(full)]
    return [*tiles, Tile(level, full, rest)] if rest else tiles


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries, each behind its length as uint16 big-endian."""
    return _encode(entries, 2)


def decode_bundle(data: bytes, count: int) -> list[bytes]:
    """The entries of a bundle that must hold that many and nothing else."""
    return _decode(data, count, 2)


def encode_raw_bundle(events: Iterable[bytes]) -> bytes:
    """The raw bytes of events, which entry bundles do not hold: in the same form, with lengths as uint32."""
    return _encode(events, 4)


def raw_part(record: bytes, blinding: Blinding | None, raw: bytes) -> bytes:
    """An event's part of a raw bundle: its bytes, behind its entry and the entry's length where it is blinded."""
    if blinding is None:
        return raw
    entry = entry_of(record, blinding)
    return len(entry).to_bytes(4) + entry + raw


def split_raw_part(leaf: bytes, part: bytes) -> tuple[bytes, bytes]:
    """The entry and the raw bytes of an event, from its leaf and its part of a raw bundle."""
    if not is_blinded(leaf):
        return leaf, part
    end = 4 + int.from_bytes(part[:4])
    if end > len(part):
        raise TileError(f"the part of a blinded event is cut: its entry has {end - 4} bytes, there are {len(part)}")
    return part[4:end], part[end:]


def decode_raw_bundle(data: bytes, count: int) -> list[bytes]:
    """The raw bytes of a raw bundle that must hold that many and nothing else."""
    return _decode(data, count, 4)


def _encode(parts: Iterable[bytes], length_bytes: int) -> bytes:
    encoded: list[bytes] = []
    for part in parts:
        if len(part) >> (8 * length_bytes):
            raise TileError(f"an entry of {len(part)} bytes does not fit a bundle: the most is {256**length_bytes - 1}")
        encoded += (len(part).to_bytes(length_bytes, "big"), part)
    return b"".join(encoded)


def _decode(data: bytes, count: int, length_bytes: int) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(data) and len(parts) < count:
        start = at + length_bytes
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data) or start > len(data):
            raise TileError(f"the bundle is cut in entry {len(parts)}, at byte {at} of {len(data)}: fetch it again")
        parts.append(data[start:end])
        at = end
    if at != len(data) or len(parts) != count:
        raise TileError(f"the bundle has {len(parts)} entries and {len(data) - at} bytes more, {count} entries are due")
    return parts


def split_hashes(data: bytes, width: int) -> Sequence[bytes]:
    """The hashes of a tile that must be that wide."""
    if len(data) != 32 * width:
        raise TileError(f"the tile has {len(data)} bytes: {width} hashes have {32 * width}; fetch it again")
    return [data[at : at + 32] for at in range(0, len(data), 32)]
