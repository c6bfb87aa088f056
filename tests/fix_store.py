"""Fixtures: the store on a fresh database, and plain SQL beside it."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow

from services.database import migrate
from services.intake import Intake
from services.log import LogRecorder


@pytest.fixture
def store(database: str) -> str:
    """A libpq connection string for a database with the newest schema and an empty log."""
    migrate(database)
    return database


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
