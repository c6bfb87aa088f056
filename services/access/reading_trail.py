"""The trail of reading: written before the answer is sent, searchable, in a Merkle tree of its own.

Requests that come at once share a transaction: the first writes for all that wait behind it.
"""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from domain.tree.merkle import frontier_from_tiles, leaf_hash
from domain.tree.reading_leaf import Reading, reading_leaf
from services.log.tree import StoredTree
from services.system.errors import NotFoundError

QUESTION_LENGTH_MAX: Final = 4_000

_TURN: Final = """
SELECT coalesce(last.number, 0), greatest(clock_timestamp(), last.at)
  FROM (VALUES (1)) one LEFT JOIN (SELECT number, at FROM taizhang.reading ORDER BY number DESC LIMIT 1) last ON true
"""
_INSERT: Final = """
INSERT INTO taizhang.reading (number, at, reader, action, subject, question, request_id, leaf_hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_TILE: Final = "INSERT INTO taizhang.reading_tile_root (level, index, hash) VALUES (%s, %s, %s)"
READINGS: Final = StoredTree(
    "reading",
    "SELECT coalesce(max(number), 0) FROM taizhang.reading",
    "SELECT leaf_hash FROM taizhang.reading WHERE number > %s AND number <= %s ORDER BY number",
    "SELECT hash FROM taizhang.reading_tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
    beside="readings",
)
_COLUMNS: Final = "SELECT number, at, reader, action, subject, question, request_id FROM taizhang.reading"
_SEARCH: Final = (
    _COLUMNS
    + """
 WHERE number > %(after)s AND number <= %(size)s
   AND (%(subject)s::text IS NULL OR subject = %(subject)s)
   AND (%(reader)s::text IS NULL OR reader = %(reader)s)
   AND (%(action)s::text IS NULL OR action = %(action)s)
   AND (%(begin)s::timestamptz IS NULL OR at >= %(begin)s)
   AND (%(end)s::timestamptz IS NULL OR at <= %(end)s)
 ORDER BY number LIMIT %(limit)s
"""
)
_LATEST: Final = _COLUMNS + " WHERE reader = %s AND (%s::bigint IS NULL OR number < %s) ORDER BY number DESC LIMIT %s"


class Look(NamedTuple):
    """One look at something, not yet recorded."""

    reader: str
    action: str
    subject: str | None
    question: str
    request_id: str


class Search(NamedTuple):
    """Which readings are meant; None means any. The range of instants includes both ends."""

    subject: str | None = None
    reader: str | None = None
    action: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


class Proof(NamedTuple):
    """Proof that a reading is in the tree of the first `tree_size`; hashes are 32 bytes (RFC 6962 section 2.1.1)."""

    reading: Reading
    leaf: bytes
    leaf_hash: bytes
    tree_size: int
    root_hash: bytes
    hashes: list[bytes]


class Readings:
    """The trail, over a pool of connections."""

    def __init__(self, pool: "ConnectionPool[Connection[TupleRow]]") -> None:
        self._pool = pool
        self._one_at_a_time = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[tuple[Look, threading.Event]] = []

    def record(self, look: Look) -> None:
        """Record one look; it is durable on return.

        Raises:
            psycopg.Error: it may not be recorded, so nothing must be shown.
        """
        written = threading.Event()
        with self._guard:
            self._waiting.append((look, written))
        with self._one_at_a_time:
            if written.is_set():
                return
            with self._guard:
                batch, self._waiting = self._waiting, []
            try:
                self._write([each for each, _ in batch])
            except BaseException:
                # The others try for themselves.
                with self._guard:
                    self._waiting = [pair for pair in batch if pair[1] is not written] + self._waiting
                raise
            for _, done in batch:
                done.set()

    def _write(self, looks: Sequence[Look]) -> None:
        with self._pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE taizhang.reading_gate IN EXCLUSIVE MODE")
            row = cursor.execute(_TURN).fetchone()
            assert row is not None  # noqa: S101 - the query gives one row
            last, now = row
            frontier = frontier_from_tiles(last, READINGS.reader(connection))
            rows, hashes = [], []
            for number, look in enumerate(looks, last + 1):
                question = look.question[:QUESTION_LENGTH_MAX]
                reading = Reading(number, now, look.reader, look.action, look.subject, question, look.request_id)
                hashes.append(leaf_hash(reading_leaf(reading)))
                rows.append((*reading, hashes[-1]))
            cursor.executemany(_INSERT, rows)
            completed = frontier.extend(hashes)
            if completed:
                cursor.executemany(_INSERT_TILE, completed)

    def size(self) -> int:
        """How many readings there are."""
        with self._pool.connection() as connection:
            return READINGS.size(connection)

    def search(self, wanted: Search, *, after: int, size: int, limit: int) -> list[Reading]:
        """Up to `limit` readings among the first `size`, in order of number, those after `after`."""
        parameters = {**wanted._asdict(), "after": after, "size": size, "limit": limit}
        with self._pool.connection() as connection:
            return [Reading(*row) for row in connection.execute(_SEARCH, parameters)]

    def latest(self, reader: str, limit: int, before: int | None = None) -> list[Reading]:
        """The last looks of one reader, the newest first; of those before a number where one is given."""
        with self._pool.connection() as connection:
            return [Reading(*row) for row in connection.execute(_LATEST, (reader, before, before, limit))]

    def root(self) -> tuple[int, bytes]:
        """Size and root hash of the tree."""
        with self._pool.connection() as connection:
            size = READINGS.size(connection)
            return size, READINGS.root_at(connection, size)

    def proof(self, number: int, size: int | None = None) -> Proof:
        """Proof that a reading is in the tree of the first `size`, all if left out.

        Raises:
            NotFoundError: there is no such reading, or the tree is not that large.
        """
        with self._pool.connection() as connection, connection.cursor() as cursor:
            present = READINGS.size(connection)
            size = present if size is None else size
            if not 1 <= number <= size <= present:
                raise NotFoundError(
                    f"reading {number} is not in a tree of {size}: there are {present} readings, numbered from 1"
                )
            row = cursor.execute(_COLUMNS + " WHERE number = %s", (number,)).fetchone()
            assert row is not None  # noqa: S101 - the numbers are dense
            reading = Reading(*row)
            leaf, root = reading_leaf(reading), READINGS.root_at(connection, size)
            return Proof(
                reading, leaf, leaf_hash(leaf), size, root, READINGS.inclusion_proof(connection, number, size)
            )  # fmt: skip
