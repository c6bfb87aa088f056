"""Rows into a table by COPY in binary: several times as fast as INSERT."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal

from psycopg import Cursor, sql
from psycopg.rows import TupleRow

# How a value goes over the wire. A json column takes bytea, the bytes of its text, and so does uuid its 16 bytes.
Column = Literal["bool", "bytea", "date", "int4", "int8", "text", "text[]", "timestamptz"]


def copy_rows(
    cursor: Cursor[TupleRow],
    table: str,
    names: Sequence[str],
    types: Sequence[Column],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Insert `rows` into `schema.table`; `names` and `types` are those of their fields, in order."""
    with cursor.copy(_statement(table, tuple(names))) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


@cache
def _statement(table: str, names: tuple[str, ...]) -> bytes:
    composed = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    return composed.as_bytes(None)
