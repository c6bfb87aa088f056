"""What the tables of one version of the ledger projection hold, to be compared with another's."""

from typing import Any

import psycopg
from psycopg import sql

from services.projections import Version

TABLES = (
    "entry", "organization", "attributes", "presence", "anomaly", "policy", "mention", "word",
    "entity", "organization_record",
)  # fmt: skip


def contents(connection: psycopg.Connection[Any], version: Version) -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    schema = sql.Identifier(version.tables.schema)
    return {
        table: connection.execute(
            sql.SQL("SELECT t::text FROM {}.{} t ORDER BY 1").format(schema, sql.Identifier(table))
        ).fetchall()
        for table in TABLES
    }
