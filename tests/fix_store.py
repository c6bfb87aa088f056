"""Fixtures: the store on a database of the test's own, copied from one that was made once, and plain SQL beside it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from services.intake.intake import Intake
from services.log.recorder import LogRecorder
from services.postgres.database import migrate

DROP_TRIES_MAX = 60


class Databases:
    """Databases of a real server, made from nothing or copied from one that some function has filled."""

    def __init__(self, postgres: str) -> None:
        self._postgres = postgres
        self._count = 0
        self._filled: dict[str, str] = {}

    @contextmanager
    def empty(self) -> Iterator[str]:
        """A libpq connection string for an empty database; it is dropped at the end."""
        with self._copied("template0") as conninfo:
            yield conninfo

    @contextmanager
    def like(self, name: str, make: Callable[[str], None]) -> Iterator[str]:
        """One for a copy of the database `name`, which `make` fills on the first call; it is dropped at the end."""
        if name not in self._filled:
            template = self._create("template0")
            make(make_conninfo(self._postgres, dbname=template))
            self._filled[name] = template
        with self._copied(self._filled[name]) as conninfo:
            yield conninfo

    @contextmanager
    def _copied(self, template: str) -> Iterator[str]:
        name = self._create(template)
        yield make_conninfo(self._postgres, dbname=name)
        self._drop(name)

    def _create(self, template: str) -> str:
        self._count += 1
        name = f"test_{self._count}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self._repeat(statement, psycopg.errors.ObjectInUse)
        return name

    def _drop(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        self._repeat(statement, psycopg.errors.InsufficientPrivilege)

    def _repeat(self, statement: sql.Composed, hindrance: type[psycopg.Error]) -> None:
        """An autovacuum worker belongs to the superuser and must end by itself, and so a session just closed."""
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            for _ in range(DROP_TRIES_MAX):
                try:
                    connection.execute(statement)
                except hindrance:
                    time.sleep(0.5)
                else:
                    return
        pytest.fail(f"a session of another user stays: {statement.as_string()}")


@pytest.fixture(scope="session")
def databases(postgres: str) -> Databases:
    return Databases(postgres)


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """A libpq connection string for an empty database of this test's own."""
    with databases.empty() as conninfo:
        yield conninfo


@pytest.fixture
def store(databases: Databases) -> Iterator[str]:
    """One for a database with the newest schema and an empty log."""
    with databases.like("migrated", _migrate) as conninfo:
        yield conninfo


def _migrate(conninfo: str) -> None:
    migrate(conninfo)


@pytest.fixture
def intake(store: str) -> Iterator[Intake]:
    opened = Intake.open(store, "test")
    yield opened
    opened.close()


@pytest.fixture
def recorder(intake: Intake) -> LogRecorder:
    return intake.recorder


def leave(store: str, user: str) -> None:
    """Wait until the server has ended the closed sessions of another role, which the store's own can't end by force."""
    with psycopg.connect(store, autocommit=True) as connection:
        statement = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND usename = %s"
        while connection.execute(statement, (user,)).fetchone():
            time.sleep(0.01)


class Rows:
    """Plain SQL beside the service."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def __call__(self, statement: str, *parameters: object) -> list[TupleRow]:
        cursor = self._connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def rows(store: str) -> Iterator[Rows]:
    with psycopg.connect(store, autocommit=True) as connection:
        yield Rows(connection)
