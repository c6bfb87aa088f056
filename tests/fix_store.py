"""Fixtures: the store on a fresh database, and plain SQL beside it."""

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
