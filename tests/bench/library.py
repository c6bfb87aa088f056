"""The eventsourcing library as its own guides use it: the peer of intake and of the projector."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import Cursor, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from domain.events.envelope import read_event
from domain.events.facts import Event, EventKey
from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.memory import LedgerMemory
from projections.ledger.fold.records import EntityRecord, OrganizationRecord, encode_entity, encode_organization
from projections.ledger.fold.tables import COLUMNS, LedgerTables
from projections.ledger.rows import Entry
from services.ledger.projector import fits
from services.postgres.database import migrate

PEER_SCHEMA = "peer"


def environment(database: str) -> dict[str, str]:
    """The library's settings for a database."""
    given = conninfo_to_dict(database)
    names = {"dbname": "DBNAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        **{f"POSTGRES_{name}": str(given[key]) for key, name in names.items()},
    }


class Message(Aggregate):
    """One upstream event, whole."""

    @event("Received")
    def __init__(self, raw: str) -> None:
        self.raw = raw


class Registry(Application[UUID]):
    """An application that stores what it receives."""

    def save_each(self, lines: Sequence[bytes]) -> None:
        """One `save` for each event."""
        for line in lines:
            self.save(Message(raw=line.decode()))

    def save_batch(self, lines: Sequence[bytes]) -> None:
        """One `save` for all."""
        self.save(*[Message(raw=line.decode()) for line in lines])

    def insert_batch(self, lines: Sequence[bytes]) -> None:
        """The recorder's bare `insert_events`, with nothing made or checked."""
        self.recorder.insert_events([StoredEvent(uuid4(), 1, "taizhang", line) for line in lines])


class _SeenEvents:
    """The events that the projection has passed, kept in memory: the peer never reads the log twice."""

    def __init__(self) -> None:
        self._by_position: dict[int, Event] = {}
        self._by_key: dict[EventKey, Event] = {}

    def add(self, seen: Event) -> None:
        self._by_position[seen.position] = seen
        self._by_key[seen.key] = seen

    def events(self, positions: Sequence[int]) -> list[Event]:
        return [self._by_position[position] for position in positions]

    def find(self, keys: Sequence[EventKey]) -> list[Event]:
        return [self._by_key[key] for key in keys if key in self._by_key]


@cache
def _insert(table: str) -> sql.Composed:
    columns = COLUMNS[table]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    places = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    return sql.SQL("INSERT INTO {}.{} ({}) VALUES ({})").format(
        sql.Identifier(PEER_SCHEMA), sql.Identifier(table), names, places
    )


@cache
def _insert_or_update(table: str, key: str) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {0}.{1} ({2}, record) VALUES (%s, %s) ON CONFLICT ({2}) DO UPDATE SET record = excluded.record"
    ).format(sql.Identifier(PEER_SCHEMA), sql.Identifier(table), sql.Identifier(key))


class _PeerTables(LedgerTables):
    """The ledger's tables with each row by an INSERT of its own: COPY pays off for batches only."""

    def _copy(self, cursor: Cursor[Any], table: str, rows: Iterable[Sequence[Any]], *, frozen: bool) -> None:
        assert not frozen
        for row in rows:
            cursor.execute(_insert(table), tuple(row), prepare=True)

    def _copy_entries(self, cursor: Cursor[Any], entries: Sequence[Entry], *, frozen: bool) -> None:
        self._copy(cursor, "entry", [(*entry[:6], *entry.state) for entry in entries], frozen=frozen)

    def _upsert(self, cursor: Cursor[Any], table: str, key: str, records: Iterable[tuple[str, bytes]]) -> None:
        for record in records:
            cursor.execute(_insert_or_update(table, key), record, prepare=True)

    def save(
        self,
        cursor: Cursor[Any],
        entities: Mapping[str, EntityRecord],
        organizations: Mapping[str, OrganizationRecord],
    ) -> None:
        """Keep the records that an event changed."""
        self._upsert(cursor, "entity", "name", ((n, encode_entity(r)) for n, r in entities.items()))
        orgs = ((o, encode_organization(r)) for o, r in organizations.items())
        self._upsert(cursor, "organization_record", "org", orgs)


class PeerLedger(PostgresTrackingRecorder):
    """The same ledger in tables of the same form, one event and its tracking in one transaction."""

    last_applied: ClassVar[float] = 0.0

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(datastore, **options)
        self._tables = _PeerTables(PEER_SCHEMA)
        self._seen = _SeenEvents()
        self._memory = LedgerMemory(self._tables, self._seen, 0)
        self._fold = LedgerFold(self._memory, fits, 0, 0)

    def create_table(self) -> None:
        super().create_table()
        with self.datastore.transaction(commit=True) as cursor:
            self._tables.create(cursor)
            self._tables.index(cursor)

    def apply(self, applied: Event, tracking: Tracking) -> None:
        """Fold one event and store what it changed."""
        with self.datastore.transaction(commit=True) as dict_cursor:
            with dict_cursor.connection.cursor(row_factory=tuple_row) as cursor:
                self._memory.prefetch(cursor, [applied])
                self._memory.now = applied.position
                self._fold.apply(applied)
                self._memory.save(cursor, self._fold.take())
            self._insert_tracking(dict_cursor, tracking)
        self._memory.settle()
        self._seen.add(applied)
        PeerLedger.last_applied = time.perf_counter()


class LedgerProjection(Projection[PeerLedger]):
    """The ledger as the library projects: event by event."""

    @singledispatchmethod
    def process_event(self, _: Any, tracking: Tracking) -> None:  # noqa: ANN401 - the library's own
        raise NotImplementedError(tracking)

    @process_event.register
    def _(self, received: Message.Received, tracking: Tracking) -> None:  # type: ignore[name-defined] # made by @event
        read = read_event(received.raw.encode()).event
        assert read is not None
        applied = Event(tracking.notification_id, read.source, read.id, read.type, read.time_ns, read.data)
        self.view.apply(applied, tracking)


def project(database: str, head: int, seconds_max: float) -> float:
    """Run the library's ProjectionRunner to the end of the application's log; give the seconds it took."""
    migrate(database)  # the policies on the ledger's tables call a function of the log's schema
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Registry,
        projection_class=LedgerProjection,
        view_class=PeerLedger,
        env=environment(database),
    ) as runner:
        runner.wait(head, timeout=seconds_max)
    return PeerLedger.last_applied - began
