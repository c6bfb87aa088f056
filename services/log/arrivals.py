"""The tree of arrivals: what came and did not become an event of its own, each a leaf, in the transaction it came in.

Accepted events are leaves of the log itself. Written by whoever holds the log's gate; a turn in which everything was
accepted writes nothing here.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.tree.arrival_leaf import Recorded, arrival_hash, arrival_record
from domain.tree.leaf import BLINDING_BYTES
from domain.tree.merkle import Frontier, frontier_from_tiles
from services.log.tree import StoredTree
from services.postgres.copying import Column, copy_rows

ARRIVALS: Final = StoredTree(
    "arrival",
    "SELECT coalesce(max(number), 0) FROM taizhang.arrival",
    "SELECT leaf_hash FROM taizhang.arrival WHERE number > %s AND number <= %s ORDER BY number",
    "SELECT hash FROM taizhang.arrival_tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
    beside="arrivals",
)
_COLUMNS: Final = ("number", "kind", "of", "record", "value", "leaf_hash")
_TYPES: Final[tuple[Column, ...]] = ("int8", "text", "int8", "bytea", "bytea", "bytea")
_LAST: Final = "SELECT number, leaf_hash FROM taizhang.arrival ORDER BY number DESC LIMIT 1"
_INSERT_TILES: Final = """
INSERT INTO taizhang.arrival_tile_root (level, index, hash)
SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])
"""


class ArrivalWriter:
    """Appends to the tree; the frontier is kept from one turn of this process to its next."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._last_hash: bytes | None = None

    def append(self, cursor: Cursor[TupleRow], at: datetime, recorded: Sequence[Recorded]) -> None:
        """Append arrivals in order, each a leaf of its own, in a turn that the caller has taken."""
        if not recorded:
            return
        frontier = self._frontier_at(cursor)
        first = frontier.size + 1
        drawn = secrets.token_bytes(BLINDING_BYTES * len(recorded))
        hashes: list[bytes] = []

        def rows() -> Iterator[tuple[Any, ...]]:
            for number, each in enumerate(recorded, first):
                record = arrival_record(number, at, each)
                value = drawn[BLINDING_BYTES * len(hashes) :][:BLINDING_BYTES]
                hashes.append(arrival_hash(number, record, value))
                yield number, each.kind, each.of, record, value, hashes[-1]

        copy_rows(cursor, "taizhang.arrival", _COLUMNS, _TYPES, rows())
        completed = frontier.extend(hashes)
        if completed:
            cursor.execute(_INSERT_TILES, tuple(map(list, zip(*completed, strict=True))), prepare=True)
        # After a rollback the tree's last leaf is another than this one, and the frontier is read anew.
        self._frontier, self._last_hash = frontier, hashes[-1]

    def _frontier_at(self, cursor: Cursor[TupleRow]) -> Frontier:
        size, last_hash = cursor.execute(_LAST, prepare=True, binary=True).fetchone() or (0, None)
        kept = self._frontier
        if kept.size == size and self._last_hash == last_hash:
            return Frontier(kept.size, list(kept.roots))
        return frontier_from_tiles(size, ARRIVALS.reader(cursor.connection))
