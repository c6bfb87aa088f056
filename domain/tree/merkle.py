"""The Merkle tree of the transparency log (RFC 6962 section 2.1) and its tiles (C2SP tlog-tiles).

A hash is 32 bytes of SHA-256. Leaves count from 0: the event at position p is leaf p - 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
#: Height of a tile (C2SP tlog-tiles): a full tile is 2**8 = 256 hashes wide.
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
#: Largest tree that the serialized frontier can say; far above any log.
TREE_SIZE_MAX = 2**63 - 1

_sha256 = hashlib.sha256


class MerkleError(ValueError):
    """A tree, an index or a proof breaks a rule of RFC 6962 or RFC 9162."""


#: (level, index, hash): the root of leaves index * 256**level up to (index + 1) * 256**level.
TileRoot = tuple[int, int, bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one leaf: SHA-256(0x00 || leaf) (RFC 6962 section 2.1)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right) (RFC 6962 section 2.1)."""
    return _sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """MTH of a list of leaf hashes; the hash of nothing for none (RFC 6962 section 2.1)."""
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        odd = [level.pop()] if len(level) % 2 else []
        pairs = iter(level)
        level = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
        level += odd
    return level[0]


@dataclass
class Frontier:
    """The roots of the complete subtrees of a growing tree, largest first: all that appending needs.

    A tree of n leaves has one such root for each 1 in the binary form of n.
    """

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse roots that do not fit the size."""
        if not 0 <= self.size <= TREE_SIZE_MAX:
            raise MerkleError(f"tree size {self.size} is out of range: it must be 0 to {TREE_SIZE_MAX}")
        if len(self.roots) != self.size.bit_count():
            raise MerkleError(
                f"{len(self.roots)} subtree roots do not make a tree of {self.size} leaves, which has "
                f"{self.size.bit_count()}: rebuild the frontier from the stored leaf hashes"
            )
        if any(len(subtree_root) != HASH_BYTES for subtree_root in self.roots):
            raise MerkleError(
                f"a subtree root is not of {HASH_BYTES} bytes: rebuild the frontier from the stored leaf hashes"
            )

    def append(self, leaf: bytes) -> list[TileRoot]:
        """Append one leaf hash; see extend."""
        return self.extend((leaf,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[TileRoot]:
        """Append leaf hashes in order and return the tile roots that they complete, in order.

        Levels count from 1: level 1 index i is the root of leaves 256 i to 256 (i + 1),
        level 2 that of 256 roots of level 1, and so on.
        """
        size, roots, completed = self.size, self.roots, []
        for leaf in leaf_hashes:
            node, index, height = leaf, size, 0
            while index & 1:
                node = _sha256(b"\x01" + roots.pop() + node).digest()
                index >>= 1
                height += 1
                if not height % TILE_HEIGHT:
                    completed.append((height // TILE_HEIGHT, index, node))
            roots.append(node)
            size += 1
        self.size = size
        return completed

    def root(self) -> bytes:
        """Root hash of the whole tree."""
        return join_roots(self.roots)

    def to_bytes(self) -> bytes:
        """Serialize: the size as 8 bytes big-endian, then the roots."""
        return self.size.to_bytes(8, "big") + b"".join(self.roots)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read what to_bytes wrote; MerkleError where it is cut or too long."""
        size, rest = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(rest) != HASH_BYTES * size.bit_count():
            raise MerkleError(
                f"a frontier of {len(data)} bytes is not 8 bytes of size and 32 for each complete "
                "subtree: rebuild it from the stored leaf hashes"
            )
        return cls(size, [rest[at : at + HASH_BYTES] for at in range(0, len(rest), HASH_BYTES)])


def join_roots(roots: Sequence[bytes]) -> bytes:
    """Root over complete subtrees, largest first."""
    if not roots:
        return EMPTY_ROOT
    node = roots[-1]
    for left in reversed(roots[:-1]):
        node = node_hash(left, node)
    return node


#: read(level, start, count) gives count consecutive hashes of a tile level, level 0 being the leaves'.
ReadTiles = Callable[[int, int, int], Sequence[bytes]]


def frontier_from_tiles(size: int, read: ReadTiles) -> Frontier:
    """Frontier of the first size leaves, from one read for each 1 in the binary form of size."""
    return Frontier(size, subtree_roots(0, size, read))


def root_from_tiles(size: int, read: ReadTiles) -> bytes:
    """Root hash of the first size leaves, from stored leaf hashes and tile roots."""
    return join_roots(subtree_roots(0, size, read))


def subtree_roots(start: int, end: int, read: ReadTiles) -> list[bytes]:
    """Roots of the complete subtrees that make up the leaves from start to end, largest first."""
    roots = []
    for height in reversed(range((end - start).bit_length())):
        if not (end - start) >> height & 1:
            continue
        level, within = divmod(height, TILE_HEIGHT)
        first, count = start >> (TILE_HEIGHT * level), 1 << within
        hashes = read(level, first, count)
        if len(hashes) != count:
            raise MerkleError(f"level {level} gave {len(hashes)} hashes from {first} on where {count} are due")
        roots.append(root(hashes))
        start += 1 << height
    return roots
