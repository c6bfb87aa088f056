"""Versions of the ledger projection: brought up to date, and what their tables hold, to be compared."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from services.ledger import rebuild, versions
from services.ledger.projector import Projector
from services.ledger.versions import Version
from services.postgres.database import connect

TABLES = (
    "entry", "organization", "attributes", "presence", "anomaly", "policy", "mention", "word",
    "entity", "organization_record",
)  # fmt: skip


WAIT_S_MAX = 60.0
ONLY_BEFORE = "group:only-by-the-rules-before"
OTHER_RULES = (
    "UPDATE taizhang.projection SET ruleset = 'before'",
    "UPDATE ledger_1.attributes SET employees = 77 WHERE org_no IN (2, 3)",
    "UPDATE ledger_1.attributes SET name = name || '!' WHERE org_no = 4",
    "UPDATE ledger_1.organization SET org = 'group:only-by-the-rules-before' WHERE org_no = 5",
)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; `what` says what is so where it never does."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def project(conninfo: str) -> Version:
    """The version in use, brought up to date."""
    with connect(conninfo, "test") as connection:
        projector = Projector(connection, versions.ensure(connection))
        while projector.advance():
            pass
        return projector.version


def contents(connection: psycopg.Connection[Any], version: Version) -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    schema = sql.Identifier(version.tables.schema)
    return {
        table: connection.execute(
            sql.SQL("SELECT t::text FROM {}.{} t ORDER BY 1").format(schema, sql.Identifier(table))
        ).fetchall()
        for table in TABLES
    }


def by_other_rules(conninfo: str) -> None:
    """Let the version in use have rows that the rules of today do not give."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in OTHER_RULES:
            connection.execute(statement.encode())


def swapped(conninfo: str, after_s: float = 0.0) -> None:
    """A version by our rules takes the place of the one in use."""
    time.sleep(after_s)
    with connect(conninfo, "rebuild") as connection:
        rebuild.rebuild(connection, quiet)


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""
