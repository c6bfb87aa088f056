"""The events of a log as a verifier reads them, from the database or from a copy. Nothing read here is believed yet."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import tuple_row
from psycopg.types.json import set_json_loads

from domain.events.envelope import significant
from domain.events.facts import Event
from domain.tree.leaf import Blinding, LeafError, entry_of, leaf_in, leaf_of, opened, position_in, record_of
from domain.tree.merkle import TILE_WIDTH
from services.evidence.copies.copies import CopyError, LogCopy
from services.log import content
from services.log.blinding import BLINDING, BLINDING_COLUMNS, blinding_in
from services.log.reader import LogReader, is_readable
from services.log.tiles import Tile, TileError, decode_bundle, decode_raw_bundle, raw_part, split_hashes, split_raw_part
from services.log.tree import LOG

_COLUMNS: Final = f"""
SELECT notification_id, source, id, raw_sha256, recorded_at, publisher, intake, state, leaf_hash, learned_at,
       originator_id, originator_version, topic, subject, effective_on, content_sha256, {BLINDING_COLUMNS}
  FROM taizhang.log {BLINDING}
"""  # noqa: S608 - of constants
_BETWEEN: Final = _COLUMNS + " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id"
_AT: Final = _COLUMNS + " WHERE notification_id = ANY(%s) ORDER BY notification_id"
_ACCESS: Final = (
    _COLUMNS
    + """
 WHERE topic IN ('taizhang.access.granted.v1', 'taizhang.access.revoked.v1', 'taizhang.access.key_registered.v1')
   AND notification_id <= %s ORDER BY notification_id
"""
)
_ERASURES: Final = _COLUMNS + " WHERE topic = 'taizhang.evidence.erased.v1' ORDER BY notification_id"
_TILE_ROOTS: Final = """
SELECT index, hash FROM taizhang.tile_root WHERE level = %s AND index >= %s AND index < %s
"""
KNOWN_AT_ONCE: Final = 8192
_ENTRY_KEYS: Final = frozenset(("id", "intake", "position", "publisher", "raw_sha256", "recorded_at", "source"))


class Columns(NamedTuple):
    """What the database keeps beside the leaf, all of it derived from the event."""

    originator_id: UUID
    originator_version: int
    topic: str
    subject: str | None
    effective_on: date | None
    content_sha256: bytes


class StoredEvent(NamedTuple):
    """One event as it is stored; `leaf_hash` is the stored hash. `columns` is None in a copy.

    `learned_at` is the stored value, None where it is `recorded_at` and in a copy, where it follows from the leaves.
    """

    position: int
    source: str
    id: str
    raw_sha256: bytes
    recorded_at: datetime
    publisher: str
    intake: Mapping[str, Any]
    raw: bytes
    leaf_hash: bytes
    learned_at: datetime | None
    columns: Columns | None
    blinding: Blinding | None

    @property
    def is_erased(self) -> bool:
        """Whether its blinding value is gone, so that the tree does not prove its values any more."""
        return self.blinding is not None and self.blinding.value is None

    def leaf(self, position: int) -> bytes:
        """The leaf that these values make at a position."""
        return leaf_of(position, self._record(position), self.blinding)

    def entry(self) -> bytes:
        """What opens its leaf, for whoever has a right to the event."""
        return entry_of(self._record(self.position), self.blinding)

    def raw_part(self) -> bytes:
        """Its part of a raw bundle."""
        return raw_part(self._record(self.position), self.blinding, self.raw)

    def _record(self, position: int) -> bytes:
        return record_of(
            position, self.source, self.id, self.raw_sha256, self.recorded_at, self.publisher, self.intake
        )  # fmt: skip


def content_of(stored: StoredEvent) -> dict[str, Any]:
    """The CloudEvent, as structured mode would have it, without what says nothing.

    Raises:
        ValueError: the raw bytes are no event.
    """
    read = content.content_of(stored.raw, stored.intake.get("attributes"))
    if not isinstance(read, dict):
        raise TypeError("the raw bytes are no JSON object")
    return significant(read)


def event_of(stored: StoredEvent) -> Event:
    """The event that the raw bytes tell of."""
    told = content.content_of(stored.raw, stored.intake.get("attributes"))
    time_ns, data = content.time_and_data_of(told)
    return Event(stored.position, stored.source, stored.id, told["type"], time_ns, data)


class MangledEntryError(ValueError):
    """An entry that is no leaf; `position` is where it stands."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


class StoredLog(Protocol):
    """A log to be verified. A copy may leave out the tiles above level 0, a database may not."""

    keeps_all_tiles: bool

    def events(self, first: int, last: int) -> Iterator[StoredEvent]:
        """The events from position `first` to `last`, in order; those that are missing are left out."""

    def tile_roots(self, level: int, start: int, count: int) -> dict[int, bytes]:
        """Stored hashes of a level by index, those that there are."""

    def size(self) -> int:
        """How many events there are by now."""

    def known(self, position: int) -> Iterator[Event]:
        """The events at or before a position as the domain knows them; what they rest on is for `events` to check."""

    def close(self) -> None:
        """Let go of what it reads from."""


class DatabaseLog:
    """The log in a database, read by a connection of its own."""

    keeps_all_tiles = True

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, row_factory=tuple_row)
        set_json_loads(orjson.loads, self._connection)

    def events(self, first: int, last: int) -> Iterator[StoredEvent]:
        return self._read(_BETWEEN, (first - 1, last))

    def at(self, positions: Sequence[int]) -> Iterator[StoredEvent]:
        """The events at these positions, in order."""
        return self._read(_AT, (list(positions),))

    def _read(self, statement: str, parameters: tuple[Any, ...]) -> Iterator[StoredEvent]:
        with self._connection.cursor(binary=True) as cursor:
            for row in cursor.execute(statement, parameters, prepare=True):
                yield StoredEvent._make((*row[:10], Columns._make(row[10:16]), blinding_in(*row[16:])))

    def access(self, until: int) -> list[StoredEvent]:
        """The events of access up to a position, in order."""
        return list(self._read(_ACCESS, (until,)))

    def erasures(self) -> Iterator[StoredEvent]:
        """The events that say which blinding values were erased, in order."""
        return self._read(_ERASURES, ())

    def tile_roots(self, level: int, start: int, count: int) -> dict[int, bytes]:
        with self._connection.cursor(binary=True) as cursor:
            return dict(cursor.execute(_TILE_ROOTS, (level, start, start + count)).fetchall())

    def size(self) -> int:
        return LOG.size(self._connection)

    def known(self, position: int) -> Iterator[Event]:
        reader, after = LogReader(self._connection), 0
        while after < position:
            events = reader.after(after, min(KNOWN_AT_ONCE, position - after))
            if not events:
                return
            yield from filter(is_readable, events)
            after = events[-1].position

    def close(self) -> None:
        self._connection.close()


class CopiedLog:
    """A log in a copy of known size."""

    keeps_all_tiles = False

    def __init__(self, copy: LogCopy, size: int) -> None:
        self._copy, self._size = copy, size

    def events(self, first: int, last: int) -> Iterator[StoredEvent]:
        for index in range((first - 1) // TILE_WIDTH, (last - 1) // TILE_WIDTH + 1):
            width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
            name = Tile(None, index, width).path()
            position = index * TILE_WIDTH
            try:
                leaves = decode_bundle(self._copy.read(name), width)
                parts = decode_raw_bundle(self._copy.read(name.replace("tile/entries/", "raw/")), width)
                hashes = split_hashes(self._copy.read(Tile(0, index, width).path()), width)
            except TileError as fault:
                raise MangledEntryError(position + 1, str(fault)) from None
            for leaf, part, stored in zip(leaves, parts, hashes, strict=True):
                position += 1
                if first <= position <= last:
                    yield _read_part(position, leaf, part, stored)

    def tile_roots(self, level: int, start: int, count: int) -> dict[int, bytes]:
        """From the tile of that level; tiles that a copy leaves out are not compared."""
        present = self._size >> (8 * level)
        found: dict[int, bytes] = {}
        for index in range(start // TILE_WIDTH, -(-min(start + count, present) // TILE_WIDTH)):
            width = min(TILE_WIDTH, present - index * TILE_WIDTH)
            try:
                hashes: Sequence[bytes] = split_hashes(self._copy.read(Tile(level, index, width).path()), width)
            except (CopyError, TileError):
                continue
            found |= {index * TILE_WIDTH + offset: value for offset, value in enumerate(hashes)}
        return {index: value for index, value in found.items() if start <= index < start + count}

    def size(self) -> int:
        return self._size

    def known(self, position: int) -> Iterator[Event]:
        for stored in self.events(1, min(position, self._size)):
            yield event_of(stored)

    def close(self) -> None:
        self._copy.close()


def position_of(entry: bytes) -> int:
    """The position that an entry says; MangledEntryError where it says none."""
    try:
        return position_in(opened(entry)[0])
    except LeafError as fault:
        raise MangledEntryError(0, str(fault)) from None


def _read_part(position: int, leaf: bytes, part: bytes, stored: bytes) -> StoredEvent:
    """Read an event of a copy: its open leaf, and its part of the raw bundle, whose entry must open that leaf."""
    try:
        entry, raw = split_raw_part(leaf, part)
        opens = leaf_in(entry)
    except (TileError, LeafError) as fault:
        raise MangledEntryError(position, str(fault)) from None
    if opens != leaf:
        raise MangledEntryError(position, "the entry beside the raw bytes does not open the leaf: one was changed")
    return read_entry(position, entry, raw, stored)


def read_entry(position: int, entry: bytes, raw: bytes, stored: bytes) -> StoredEvent:
    """Read an entry, which must be in canonical form."""
    record, blinding = opened(entry)
    try:
        value = orjson.loads(record)
        if not isinstance(value, dict) or value.keys() != _ENTRY_KEYS:
            raise MangledEntryError(position, f"the entry has not the seven members of a leaf: {entry[:200]!r}")
        event = StoredEvent(
            value["position"], value["source"], value["id"], bytes.fromhex(value["raw_sha256"]),
            datetime.fromisoformat(value["recorded_at"]), value["publisher"], value["intake"], raw, stored, None, None,
            blinding,
        )  # fmt: skip
        canonical = event.entry()
    except (TypeError, ValueError, AttributeError, LeafError) as fault:
        raise MangledEntryError(position, f"the entry is no leaf: {fault}") from None
    if canonical != entry:
        raise MangledEntryError(position, "the entry is not in canonical form (RFC 8785)")
    return event
