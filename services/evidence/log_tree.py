"""The log as a Merkle tree: tiles, entries, roots and proofs, read from the store through any connection to it.

What was committed at a position never changes, so each function may run in any transaction or none.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow, tuple_row

from domain.leaf import leaf
from domain.merkle import TILE_WIDTH, MerkleError, ReadTiles, root_from_tiles
from domain.proofs import consistency_proof_from_tiles, inclusion_proof_from_tiles
from services.errors import NotFoundError, TaizhangError
from services.evidence.tiles import Tile, encode_bundle, encode_raw_bundle

_SIZE: Final = "SELECT coalesce(max(notification_id), 0) FROM taizhang.log"
_LEAF_HASHES: Final = """
SELECT leaf_hash FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""
_TILE_ROOTS: Final = """
SELECT hash FROM taizhang.tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index
"""
_LEAVES: Final = """
SELECT notification_id, source, id, raw_sha256, recorded_at, publisher, intake FROM taizhang.log
 WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""
_RAW: Final = """
SELECT state FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""

AnyConnection = Connection[Any]
#: Whole tiles that a reader keeps, of 8 KiB of hashes each.
TILES_KEPT: Final = 256


class LogDamagedError(TaizhangError):
    """The stored log lacks something that it once had; `taizhang verify` says what."""


def tree_size(connection: AnyConnection) -> int:
    """Number of events in the log, which is its last position."""
    return int(_rows(connection, _SIZE, ())[0][0])


def tile_reader(connection: AnyConnection) -> ReadTiles:
    """Hashes of any level, read a whole tile at a time; the tiles last used are kept as long as the reader is."""

    @lru_cache(maxsize=TILES_KEPT)
    def tile(level: int, number: int) -> list[bytes]:
        return hashes_at(connection, level, number * TILE_WIDTH, TILE_WIDTH)

    def read(level: int, start: int, count: int) -> Sequence[bytes]:
        number, offset = divmod(start, TILE_WIDTH)
        return tile(level, number)[offset : offset + count]

    return read


def hashes_at(connection: AnyConnection, level: int, start: int, count: int) -> list[bytes]:
    """Up to that many hashes of a level, as far as they are stored."""
    if level == 0:
        rows = _rows(connection, _LEAF_HASHES, (start, start + count))
    else:
        rows = _rows(connection, _TILE_ROOTS, (level, start, start + count))
    return [value for (value,) in rows]


def root_at(connection: AnyConnection, size: int) -> bytes:
    """Root hash of the first `size` events; NotFoundError where the log is shorter."""
    _require_size(connection, size)
    try:
        return root_from_tiles(size, tile_reader(connection))
    except MerkleError as fault:
        raise _damaged(fault) from None


def inclusion_proof(connection: AnyConnection, position: int, size: int) -> list[bytes]:
    """Proof that the event at a position is in the tree of the first `size` events."""
    return next(inclusion_proofs(connection, (position,), size))


def inclusion_proofs(connection: AnyConnection, positions: Iterable[int], size: int) -> Iterator[list[bytes]]:
    """Proof for each position, in turn; neighbours are read together."""
    _require_size(connection, size)
    read = tile_reader(connection)
    for position in positions:
        if not 1 <= position <= size:
            raise NotFoundError(f"position {position} is not in the tree of {size} events: it must be 1 to {size}")
        try:
            yield inclusion_proof_from_tiles(position - 1, size, read)
        except MerkleError as fault:
            raise _damaged(fault) from None


def consistency_proof(connection: AnyConnection, old_size: int, new_size: int) -> list[bytes]:
    """Proof that the tree of `new_size` events extends that of `old_size`."""
    _require_size(connection, new_size)
    if not 0 <= old_size <= new_size:
        raise NotFoundError(f"old_size {old_size} is not in the tree of {new_size} events: it must be 0 to {new_size}")
    try:
        return consistency_proof_from_tiles(old_size, new_size, tile_reader(connection))
    except MerkleError as fault:
        raise _damaged(fault) from None


def tile_bytes(connection: AnyConnection, tile: Tile) -> bytes:
    """A tile's hashes, or its entries where it has no level; NotFoundError where the log is not that far."""
    if not tile.exists_at(tree_size(connection)):
        raise NotFoundError(f"{tile.path()} is not there yet: the log is too short; take its size from the checkpoint")
    if tile.level is None:
        parts = [leaf(*row) for row in _rows(connection, _LEAVES, (tile.start, tile.start + tile.width))]
    else:
        parts = hashes_at(connection, tile.level, tile.start, tile.width)
    if len(parts) != tile.width:
        raise LogDamagedError(f"{tile.path()} has {len(parts)} of {tile.width} parts left: run taizhang verify")
    return encode_bundle(parts) if tile.level is None else b"".join(parts)


def raw_bundle(connection: AnyConnection, tile: Tile) -> bytes:
    """The raw bytes of the events of an entry bundle, as received."""
    if not tile.exists_at(tree_size(connection)):
        raise NotFoundError(f"bundle {tile.index} is not there yet: the log is too short")
    rows = _rows(connection, _RAW, (tile.start, tile.start + tile.width))
    return encode_raw_bundle(state for (state,) in rows)


def _require_size(connection: AnyConnection, size: int) -> None:
    present = tree_size(connection)
    if not 0 <= size <= present:
        raise NotFoundError(f"tree size {size} is not that of a tree of this log: it must be 0 to {present}")


def _damaged(fault: MerkleError) -> LogDamagedError:
    return LogDamagedError(f"the stored log has holes ({fault}): run taizhang verify")


def _rows(connection: AnyConnection, statement: str, parameters: tuple[Any, ...]) -> list[TupleRow]:
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchall()
