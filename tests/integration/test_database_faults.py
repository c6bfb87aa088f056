"""Commands that meet a database at fault say so in a sentence with the remedy, and show no trace."""

import psycopg
import pytest
from eventsourcing.persistence import OperationalError as AwayError
from psycopg import sql

from services.postgres.faults import in_words
from tests.fix_service import shell


@pytest.mark.parametrize("command", ["rebuild", "migrate"])
@pytest.mark.parametrize(
    ("setting", "words"),
    [("CONNECTION LIMIT 0", "its connections are taken"), ("SET default_transaction_read_only = on", "read-only")],
)
def test_taken_connections_and_a_read_only_database_are_said(
    store: str, command: str, setting: str, words: str
) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        if command == "migrate":
            connection.execute(
                "DELETE FROM taizhang.migration WHERE version = (SELECT max(version) FROM taizhang.migration)"
            )
        connection.execute(sql.SQL("ALTER DATABASE {} {}").format(name, sql.SQL(setting)))
    done = shell(command, database_url=store)
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_came_of_a_fault_is_told_as_the_fault() -> None:
    full = AwayError("x")
    full.__cause__ = psycopg.errors.DiskFull("could not extend file")
    assert "its disk is full: make room" in (in_words(full) or "")
    assert "it ended or cannot be reached" in (in_words(psycopg.OperationalError("server closed")) or "")
    assert in_words(ValueError("a fault of ours")) is None
