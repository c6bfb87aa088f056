"""The log: every accepted event at its position, appended under one lock and read by position.

`LogRecorder` is the eventsourcing library's PostgreSQL recorder on the table taizhang.log. The library's columns keep
their meaning: originator_id and originator_version name the event, topic is the CloudEvents type, state the bytes as
received, notification_id the position.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import chain
from typing import Any, Final, NamedTuple, Never
from uuid import UUID

from eventsourcing.persistence import NotSupportedError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresProcessRecorder
from psycopg import Cursor
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow, tuple_row

from domain.events.facts import Event, EventKey
from domain.tree.merkle import TILE_HEIGHT, Frontier, frontier_from_tiles
from services.log import blinding, gate
from services.log.arrivals import ArrivalWriter
from services.log.content import time_and_data
from services.log.turns import Turn, read_turn
from services.postgres.copying import Column, copy_rows
from services.postgres.database import LOCK_TIMEOUT_S, Datastore
from services.system.errors import InstantToComeError

CHANNEL: Final = "taizhang_log"
TAIL_LIMIT: Final = 10_000

_NAMESPACE: Final = UUID("6f0c6a4e-3c1f-5d0e-9d58-9f4c3a1f7f52").bytes


# RFC 9562, 4.1 and 4.2: four bits for the version, two for the variant.
_NOT_OF_NAME: Final = 0xF << 76 | 0b11 << 62
_VERSION_5: Final = 5 << 76 | 0b10 << 62


def originator_bytes(key: EventKey) -> bytes:
    """The 16 bytes of `originator_id`."""
    digest = hashlib.sha1(_NAMESPACE + f"{key[0]} {key[1]}".encode(), usedforsecurity=False).digest()
    return (int.from_bytes(digest[:16]) & ~_NOT_OF_NAME | _VERSION_5).to_bytes(16)


def originator_id(key: EventKey) -> UUID:
    """UUID version 5 (RFC 9562, 5.5) of an event's name: source, a space (which no source has), id."""
    return UUID(bytes=originator_bytes(key))


class Entry(NamedTuple):
    """One event as it is appended; the fields are the columns of taizhang.log, and what hides its leaf, if anything."""

    originator_id: bytes
    originator_version: int
    topic: str
    state: bytes
    notification_id: int
    source: str
    id: str
    subject: str | None
    effective_on: date | None
    recorded_at: datetime
    publisher: str
    intake: bytes
    raw_sha256: bytes
    content_sha256: bytes
    leaf_hash: bytes
    learned_at: datetime | None
    blinding: bytes | None


_ENTRY_COLUMNS: Final[tuple[Column, ...]] = (
    "bytea", "int8", "text", "bytea", "int8", "text", "text", "text", "date", "timestamptz", "text", "bytea", "bytea",
    "bytea", "bytea", "timestamptz",
)  # fmt: skip


class Known(NamedTuple):
    """What the log has under a name: where, which content, which type."""

    position: int
    content_sha256: bytes
    type: str


class Recorded(NamedTuple):
    """One event of the log as it was recorded; `raw` are the bytes as received, SHA-256s are 32 bytes.

    `learned_at` is `recorded_at` where it is of no import.
    """

    position: int
    source: str
    id: str
    type: str
    subject: str | None
    effective_on: date | None
    recorded_at: datetime
    publisher: str
    intake: Mapping[str, Any]
    raw: bytes
    raw_sha256: bytes
    content_sha256: bytes
    leaf_hash: bytes
    learned_at: datetime

    @property
    def attributes(self) -> Mapping[str, str] | None:
        """Binary mode's CloudEvents attributes; None in structured mode."""
        return self.intake.get("attributes")

    def event(self) -> Event:
        """The event, read from the bytes as received.

        Raises:
            UnreadableError: they were changed since it was accepted.
        """
        return Event(self.position, self.source, self.id, self.type, *time_and_data(self.raw, self.attributes))


_SELECT_KNOWN: Final = """
SELECT name.source, name.id, event.*
  FROM unnest(%b::text[], %b::text[]) AS name (source, id),
       LATERAL (SELECT notification_id, content_sha256, topic FROM taizhang.log
                 WHERE log.source = name.source AND log.id = name.id LIMIT 1) event
"""
_RECORDED: Final = """
SELECT notification_id, source, id, topic, subject, effective_on, recorded_at, publisher, intake, state,
       raw_sha256, content_sha256, leaf_hash, coalesce(learned_at, recorded_at) FROM taizhang.log
"""
_SELECT_TAIL: Final = _RECORDED + " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
_SELECT_ONE: Final = _RECORDED + " WHERE notification_id = %s"
_SELECT_HEAD: Final = "SELECT notification_id, recorded_at FROM taizhang.log ORDER BY notification_id DESC LIMIT 1"
_SELECT_PRESENT: Final = """
SELECT clock_timestamp(), coalesce(learned_at, recorded_at), recorded_at
  FROM (VALUES (1)) one LEFT JOIN
       (SELECT * FROM taizhang.log ORDER BY notification_id DESC LIMIT 1) last ON true
"""
_SELECT_POSITIONS_AT: Final = """
SELECT taizhang.position_at(instant) FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS asked (instant, number)
 ORDER BY number
"""
_KEEP_AND_TELL: Final = f"WITH kept AS ({blinding.KEEP}) SELECT pg_notify(%b, %b)"
_KEEP_AHEAD: Final = """
INSERT INTO taizhang.said_ahead (import, said_ns) VALUES (%s, %s)
ON CONFLICT (import) DO UPDATE SET said_ns = excluded.said_ns
"""
_SELECT_LEAVES: Final = """
SELECT leaf_hash FROM taizhang.log WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""
_SELECT_TILE_ROOTS: Final = """
SELECT hash FROM taizhang.tile_root WHERE level = %s AND index >= %s AND index < %s ORDER BY index
"""
_INSERT_TILE_ROOTS: Final = """
INSERT INTO taizhang.tile_root (level, index, hash) SELECT * FROM unnest(%b::smallint[], %b::bigint[], %b::bytea[])
"""


class LogRecorder(PostgresProcessRecorder):
    """Appends to the log and reads it."""

    datastore: Datastore

    def __init__(self, datastore: Datastore) -> None:
        super().__init__(datastore, events_table_name="log", tracking_table_name="tracking")
        self.channel_name = CHANNEL
        self.arrivals = ArrivalWriter()
        self._frontier = Frontier()
        self._frontier_leaf: bytes | None = None

    def create_table(self) -> None:
        """Do nothing: the tables come by the migrations."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: object) -> Never:
        """Refuse: the library's way would leave out identity, quarantine and counts."""
        raise NotSupportedError(
            f"{len(stored_events)} events were not stored: taizhang.log is written by Intake.admit alone, call that"
        )

    @contextmanager
    def transaction(self) -> Iterator[Cursor[TupleRow]]:
        """One transaction, committed at the end; an error of the database comes as the library's."""
        with (
            self.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor(row_factory=tuple_row) as cursor,
        ):
            yield cursor

    def take_turn(self, cursor: Cursor[TupleRow]) -> Turn:
        """Wait for the gate and hold it until the transaction ends.

        Raises:
            psycopg.errors.LockNotAvailable: another writer held it all the time (services/log/gate.py).
        """
        gate.lock(cursor, "EXCLUSIVE")
        return self.look(cursor)

    def look(self, cursor: Cursor[TupleRow]) -> Turn:
        """The turn that it would be now, for whoever writes nothing; the gate stays with others."""
        return read_turn(cursor)

    def known(self, cursor: Cursor[TupleRow], keys: Sequence[EventKey]) -> dict[EventKey, Known]:
        """Which of these names the log has, and as what."""
        if not keys:
            return {}
        rows = cursor.execute(_SELECT_KNOWN, tuple(map(list, zip(*keys, strict=True))), prepare=True, binary=True)
        return {(source, id_): Known(*rest) for source, id_, *rest in rows}

    def append(self, cursor: Cursor[TupleRow], turn: Turn, entries: Iterable[Entry]) -> None:
        """Append events and the tiles that they complete; followers hear of it once the transaction commits.

        The server stores each entry while the next one is made: `entries` is best an iterator.
        """
        leaf_hashes: list[bytes] = []
        blindings: list[bytes] = []

        def rows(given: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
            for entry in given:
                leaf_hashes.append(entry.leaf_hash)
                assert entry.notification_id == turn.position + len(leaf_hashes)  # noqa: S101  # positions are dense
                if entry.blinding is not None:
                    blindings.append(entry.blinding)
                yield entry[:-1]

        rest = iter(entries)
        first = next(rest, None)
        if first is None:
            return
        copy_rows(cursor, "taizhang.log", Entry._fields[:-1], _ENTRY_COLUMNS, rows(chain((first,), rest)))
        frontier = self._frontier_at(cursor, turn)
        completed = frontier.extend(leaf_hashes)
        if completed:
            cursor.execute(_INSERT_TILE_ROOTS, tuple(map(list, zip(*completed, strict=True))), prepare=True)
        # After a rollback the log's last leaf is another than this one, and the frontier is read anew.
        self._frontier, self._frontier_leaf = frontier, leaf_hashes[-1]
        if ahead := turn.learning.ahead():
            cursor.executemany(_KEEP_AHEAD, list(ahead.items()))
        # Once leaves are blinded, all that follow are.
        before = turn.position + len(leaf_hashes) - len(blindings)
        cursor.execute(_KEEP_AND_TELL, (before, blindings, CHANNEL, str(frontier.size)), prepare=True)

    def _frontier_at(self, cursor: Cursor[TupleRow], turn: Turn) -> Frontier:
        kept = self._frontier
        if kept.size == turn.position and self._frontier_leaf == turn.leaf_hash:
            return Frontier(kept.size, list(kept.roots))

        def read(level: int, start: int, count: int) -> list[bytes]:
            if level == 0:
                rows = cursor.execute(_SELECT_LEAVES, (start, start + count), binary=True)
            else:
                rows = cursor.execute(_SELECT_TILE_ROOTS, (level, start, start + count), binary=True)
            return [hash_ for (hash_,) in rows]

        return frontier_from_tiles(turn.position, read)

    def head(self) -> tuple[int, datetime | None]:
        """The last position and when it was recorded; 0 and None for an empty log."""
        with self.transaction() as cursor:
            return cursor.execute(_SELECT_HEAD).fetchone() or (0, None)

    def tail(self, after_position: int, limit: int = TAIL_LIMIT) -> list[Recorded]:
        """The events after a position, in order, at most `limit`."""
        with self.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            rows = cursor.execute(_SELECT_TAIL, (after_position, limit), prepare=True, binary=True)
            return [Recorded._make(row) for row in rows]

    def at(self, position: int) -> Recorded | None:
        """The event at a position; None where there is none."""
        with self.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            return recorded(cursor, position)

    def position_at(self, instant: datetime) -> int:
        """The last position learned at or before an instant; 0 if there is none.

        A transaction under way may have stamped its events with an instant that has passed. It shows only where
        the instant is not older than what the newest event committed has; there this waits for the writer to end.

        Raises:
            InstantToComeError: what will be known then can still change.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                return self._position_at(instant)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable) or time.monotonic() > deadline:
                    raise
            # Ended by us or by another one who waits, or at work: the gate is asked for again.
            gate.take_over(self.datastore)

    def _position_at(self, instant: datetime) -> int:
        with self.transaction() as cursor:
            _, learned_at, _ = _present(cursor)
            if learned_at is None or instant >= learned_at:
                gate.lock(cursor, "ROW SHARE")
                now, _, recorded_at = _present(cursor)
                # The clock may have been put back: an instant at which something was recorded has come.
                present = max(now, recorded_at or now)
                if instant > present:
                    raise InstantToComeError(
                        f"this instant has not come yet, by the ledger's clock it is {present.isoformat()}; leave it "
                        "out for the latest, or give one that has passed",
                        (instant - present).total_seconds(),
                    )
            return positions_at(cursor, [instant])[0]


def positions_at(cursor: Cursor[TupleRow], instants: Sequence[datetime]) -> list[int]:
    """The last position learned at or before each instant, in their order."""
    rows = cursor.execute(_SELECT_POSITIONS_AT, (list(instants),), prepare=True)
    return [position for (position,) in rows]


def _present(cursor: Cursor[TupleRow]) -> tuple[datetime, datetime | None, datetime | None]:
    """The database's clock; when the last event was learned and when it was recorded."""
    row = cursor.execute(_SELECT_PRESENT).fetchone()
    assert row is not None  # noqa: S101  # the query gives one row
    return row[0], row[1], row[2]


def recorded(cursor: Cursor[TupleRow], position: int) -> Recorded | None:
    """The event at a position, as far as the cursor's role sees it; None where there is none."""
    row = cursor.execute(_SELECT_ONE, (position,), prepare=True, binary=True).fetchone()
    return None if row is None else Recorded._make(row)


# How many leaves a level of tile roots stands for: domain/tree/merkle.py; the table's index is that of C2SP tlog-tiles.
assert TILE_HEIGHT == 8  # noqa: S101  # stored tiles would be read at another height
