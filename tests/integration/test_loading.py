"""The ledger goes into memory by short transactions, and is of one version and one position all the same."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Cursor, sql

from projections.ledger.columns import rows
from projections.ledger.columns.columns import Columns
from projections.ledger.columns.rows import LedgerReading
from services.ledger import rebuild, versions
from services.ledger.view import LedgerView
from services.postgres.database import connect
from tests.fix_store import Databases
from tests.small_city import fill
from tests.versions import WAIT_S_MAX, project, wait_until

pytestmark = pytest.mark.long

EVENTS = 400
PART = 20
HALFWAY = 4
TABLES = (
    "SELECT position, org_no, day_from, day_to, attributes_no FROM {}.entry ORDER BY entry",
    "SELECT org FROM {}.organization ORDER BY org_no",
    "SELECT org_no FROM {}.attributes ORDER BY attributes_no",
)


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def store(databases: Databases) -> Iterator[str]:
    with databases.like("400 events", lambda conninfo: fill(conninfo, EVENTS)) as conninfo:
        project(conninfo)
        yield conninfo


class Parts:
    """How the ledger is loaded: by parts of a few rows; `halfway` is done once in the midst of it."""

    def __init__(self) -> None:
        self.halfway: Callable[[Cursor[Any]], None] | None = None
        self.transactions: list[Any] = []
        self._grow = LedgerReading.grow

    def grow(self, reading: LedgerReading, cursor: Cursor[Any], columns: Columns) -> bool:
        """As the reading does, looked at."""
        before = columns.counts
        more = self._grow(reading, cursor, columns)
        assert all(now - then <= PART for now, then in zip(columns.counts[:3], before[:3], strict=True))
        self.transactions.append(cursor.execute("SELECT now()").fetchone())
        if len(self.transactions) == HALFWAY and self.halfway:
            assert more
            self.halfway(cursor)
        return more


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    made = Parts()
    monkeypatch.setattr(rows, "PART", PART)

    def grow(reading: LedgerReading, cursor: Cursor[Any], columns: Columns) -> bool:
        return made.grow(reading, cursor, columns)

    monkeypatch.setattr(LedgerReading, "grow", grow)
    return made


def assert_loaded(view: LedgerView, conninfo: str) -> None:
    """The view is of the version in use at its position, and holds each row of its tables once, in order."""
    with connect(conninfo, "test") as connection, connection.cursor() as cursor:
        version = versions.in_use(cursor)
        assert version is not None
        wait_until(lambda: view.current.version == version, "the version in use is in memory")
        snapshot, schema = view.current.snapshot, sql.Identifier(version.tables.schema)
        entries, orgs, of_orgs = (cursor.execute(sql.SQL(each).format(schema)).fetchall() for each in TABLES)
    assert snapshot.position == version.position
    named = ("position", "org_no", "day_from", "day_to", "attributes_no")
    assert list(zip(*(snapshot.entries[name].tolist() for name in named), strict=True)) == entries
    assert len(entries) > HALFWAY * PART
    assert list(snapshot.orgs[: snapshot.organizations]) == [org for (org,) in orgs]
    assert snapshot.attributes["org_no"].tolist() == [number for (number,) in of_orgs]


@pytest.fixture
def view(store: str) -> Iterator[LedgerView]:
    """Not begun yet."""
    made = LedgerView(store)
    yield made
    made.close()


def test_no_transaction_reads_more_than_a_part(parts: Parts, view: LedgerView, store: str) -> None:
    view.start()
    assert_loaded(view, store)
    assert len(parts.transactions) > HALFWAY
    assert len(set(parts.transactions)) == len(parts.transactions)


def test_what_comes_in_while_the_ledger_is_loaded_is_in_it(parts: Parts, view: LedgerView, store: str) -> None:
    def come(_cursor: Cursor[Any]) -> None:
        fill(store, 100, skip=EVENTS)
        project(store)

    parts.halfway = come
    view.start()
    assert view.loaded.wait(WAIT_S_MAX)
    assert view.position == EVENTS + 100
    assert_loaded(view, store)


def test_a_version_put_in_use_while_another_is_loaded_is_loaded_whole(
    parts: Parts, view: LedgerView, store: str
) -> None:
    def swap(_cursor: Cursor[Any]) -> None:
        with connect(store, "test") as connection:
            rebuild.rebuild(connection, quiet)

    parts.halfway = swap
    view.start()
    assert view.loaded.wait(WAIT_S_MAX)
    assert view.current.version.number == 2
    assert_loaded(view, store)
    # Nothing holds the tables that were half loaded.
    with connect(store, "test") as connection, connection.cursor() as cursor:
        wait_until(lambda: versions.drop_unread(cursor, 1), "the first version is let go")


def test_a_load_whose_connection_breaks_goes_on_where_it_stood(parts: Parts, view: LedgerView, store: str) -> None:
    stood = list[int]()

    def end(cursor: Cursor[Any]) -> None:
        stood.append(len(parts.transactions))
        with psycopg.connect(store, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))

    parts.halfway = end
    view.start()
    assert view.loaded.wait(WAIT_S_MAX)
    assert_loaded(view, store)
    rows_loaded = view._columns.counts[0]
    # Begun anew it would have taken the first parts twice.
    assert len(parts.transactions) <= rows_loaded // PART + 2
    assert stood == [HALFWAY]
