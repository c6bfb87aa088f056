"""The log as a Merkle tree: roots, proofs, tiles and entries, read through any connection to it.

What was committed at an index never changes, so each call may run in any transaction or none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, tuple_row

from domain.tree.leaf import entry_of, leaf_of, record_of
from domain.tree.merkle import TILE_HEIGHT, TILE_WIDTH, MerkleError, ReadTiles, root_from_tiles
from domain.tree.proofs import consistency_proof_from_tiles, inclusion_proofs_from_tiles, shared_proof_from_tiles
from services.log.blinding import BLINDING, BLINDING_COLUMNS, blinding_in
from services.log.tiles import Tile, encode_bundle, encode_raw_bundle, raw_part
from services.system.errors import NotFoundError, TaizhangError

AnyConnection = Connection[Any]
#: Whole tiles that a reader keeps, of 8 KiB of hashes each.
TILES_KEPT: Final = 256


class LogDamagedError(TaizhangError):
    """The stored log lacks something that it once had; `taizhang verify` says what."""


_Query = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class StoredTree:
    """One tree.

    Attributes:
        leaf: what a leaf is, in words.
        size_sql: how many leaves there are.
        leaves_sql: the leaf hashes of the numbers after one and up to another, numbered from 1, in order.
        tile_roots_sql: of a level, the roots of complete tiles from one index to before another, in order.
        beside: what its origin and its files have behind those of the log; empty for the log itself.
    """

    leaf: str
    size_sql: str
    leaves_sql: str
    tile_roots_sql: str
    beside: str = ""

    def size(self, connection: AnyConnection) -> int:
        """How many leaves there are."""
        return int(rows(connection, self.size_sql, ())[0][0])

    def hashes_at(self, connection: AnyConnection, level: int, start: int, count: int) -> list[bytes]:
        """Up to that many hashes of a level, as far as they are stored."""
        return [value for (value,) in rows(connection, *self._hashes(level, start, count))]

    def _hashes(self, level: int, start: int, count: int) -> _Query:
        if level == 0:
            return self.leaves_sql, (start, start + count)
        return self.tile_roots_sql, (level, start, start + count)

    def reader(self, connection: AnyConnection) -> ReadTiles:
        """Hashes of any level, read a whole tile at a time; the tiles last used are kept as long as the reader is."""

        @lru_cache(maxsize=TILES_KEPT)
        def tile(level: int, number: int) -> list[bytes]:
            return self.hashes_at(connection, level, number * TILE_WIDTH, TILE_WIDTH)

        def read(level: int, start: int, count: int) -> Sequence[bytes]:
            number, offset = divmod(start, TILE_WIDTH)
            return tile(level, number)[offset : offset + count]

        return read

    def root_at(self, connection: AnyConnection, size: int) -> bytes:
        """Root hash of the first `size` leaves, in one round trip; NotFoundError where there are fewer."""
        levels = range(max(size, 1).bit_length() // TILE_HEIGHT + 1)
        # Of each level only the last tile, as far as it goes: those before it have a root one level up.
        first = [max(size, 0) >> TILE_HEIGHT * (level + 1) << TILE_HEIGHT for level in levels]
        queries = [self._hashes(n, first[n], (max(size, 0) >> TILE_HEIGHT * n) - first[n]) for n in levels]
        parts = [f"({self.size_sql})", *(f"ARRAY({statement})" for statement, _ in queries)]
        parameters = tuple(each for _, given in queries for each in given)
        ((present, *edge),) = rows(connection, f"SELECT {', '.join(parts)}", parameters)
        _check_size(size, present)

        def read(level: int, start: int, count: int) -> Sequence[bytes]:
            hashes: list[bytes] = edge[level]
            return hashes[start - first[level] : start - first[level] + count]

        try:
            return root_from_tiles(size, read)
        except MerkleError as fault:
            raise _damaged(fault) from None

    def inclusion_proof(self, connection: AnyConnection, number: int, size: int) -> list[bytes]:
        """Proof that the leaf of a number, from 1, is in the tree of the first `size`."""
        return next(self.inclusion_proofs(connection, (number,), size))

    def inclusion_proofs(self, connection: AnyConnection, numbers: Iterable[int], size: int) -> Iterator[list[bytes]]:
        """Proof for each number, in turn."""
        self._require_size(connection, size)
        indexes = (self._index(number, size) for number in numbers)
        try:
            yield from inclusion_proofs_from_tiles(indexes, size, self.reader(connection))
        except MerkleError as fault:
            raise _damaged(fault) from None

    def shared_proof(self, connection: AnyConnection, numbers: Iterable[int], size: int) -> list[bytes]:
        """One proof for all of these numbers (domain.tree.proofs.shared_ranges)."""
        self._require_size(connection, size)
        indexes = [self._index(number, size) for number in numbers]
        try:
            return shared_proof_from_tiles(indexes, size, self.reader(connection))
        except MerkleError as fault:
            raise _damaged(fault) from None

    def _index(self, number: int, size: int) -> int:
        if not 1 <= number <= size:
            raise NotFoundError(f"{self.leaf} {number} is not in the tree of {size}: it must be 1 to {size}")
        return number - 1

    def consistency_proof(self, connection: AnyConnection, old_size: int, new_size: int) -> list[bytes]:
        """Proof that the tree of `new_size` leaves extends that of `old_size`."""
        self._require_size(connection, new_size)
        if not 0 <= old_size <= new_size:
            raise NotFoundError(f"old_size {old_size} is not in the tree of {new_size}: it must be 0 to {new_size}")
        try:
            return consistency_proof_from_tiles(old_size, new_size, self.reader(connection))
        except MerkleError as fault:
            raise _damaged(fault) from None

    def _require_size(self, connection: AnyConnection, size: int) -> None:
        _check_size(size, self.size(connection))


def _check_size(size: int, present: int) -> None:
    if not 0 <= size <= present:
        raise NotFoundError(f"tree size {size} is not that of a tree of this log: it must be 0 to {present}")


def _damaged(fault: MerkleError) -> LogDamagedError:
    return LogDamagedError(f"the stored log has holes ({fault}): run taizhang verify")


def rows(connection: AnyConnection, statement: str, parameters: tuple[Any, ...] | Mapping[str, Any]) -> list[TupleRow]:
    """All rows of a query, as tuples."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchall()


#: Leaf p - 1 is the event at position p; the size is the last position.
LOG: Final = StoredTree(
    "position",
    "SELECT coalesce(max(notification_id), 0) FROM taizhang.log",
    """
    SELECT leaf_hash FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
    """,
    "SELECT hash FROM taizhang.tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
)
_RECORDS: Final = f"""
SELECT notification_id, source, id, raw_sha256, recorded_at, publisher, intake, {BLINDING_COLUMNS}, state
  FROM taizhang.log {BLINDING} WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""  # noqa: S608 - of constants


def tile_bytes(connection: AnyConnection, tile: Tile) -> bytes:
    """A tile's hashes, or its entries where it has no level; NotFoundError where the log is not that far."""
    if not tile.exists_at(LOG.size(connection)):
        raise NotFoundError(f"{tile.path()} is not there yet: the log is too short; take its size from the checkpoint")
    if tile.level is None:
        records = rows(connection, _RECORDS, (tile.start, tile.start + tile.width))
        parts = [leaf_of(row[0], record_of(*row[:7]), blinding_in(*row[7:9])) for row in records]
    else:
        parts = LOG.hashes_at(connection, tile.level, tile.start, tile.width)
    if len(parts) != tile.width:
        raise LogDamagedError(f"{tile.path()} has {len(parts)} of {tile.width} parts left: run taizhang verify")
    return encode_bundle(parts) if tile.level is None else b"".join(parts)


def entry_at(connection: AnyConnection, position: int) -> bytes:
    """What opens the leaf of a position, for whoever has a right to the event; NotFoundError where there is none."""
    for row in rows(connection, _RECORDS, (position - 1, position)):
        return entry_of(record_of(*row[:7]), blinding_in(*row[7:9]))
    raise NotFoundError(f"the log has no event at position {position}")


def raw_bundle(connection: AnyConnection, tile: Tile) -> bytes:
    """The raw bytes of the events of an entry bundle, as received, and the entries of those that are blinded."""
    if not tile.exists_at(LOG.size(connection)):
        raise NotFoundError(f"bundle {tile.index} is not there yet: the log is too short")
    found = rows(connection, _RECORDS, (tile.start, tile.start + tile.width))
    return encode_raw_bundle(raw_part(record_of(*row[:7]), blinding_in(*row[7:9]), row[9]) for row in found)
