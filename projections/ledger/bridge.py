"""Tables of a release before, made readable by this one: what its queries name and the tables lack is added.

A column that the release before did not know holds 0, an empty text or nothing until a rebuild of this program's rules
takes the place of that version; a release that runs beside names its columns when it writes, and is not disturbed.
"""

from typing import Any, Final, NamedTuple

from psycopg import Cursor, sql

from projections.ledger.fold.tables import LedgerTables

_SHAPE: Final = "ledger_shape"
_COLUMNS: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, t.typcategory
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY c.relname, a.attnum
"""
_READABLE: Final = "SELECT has_table_privilege('taizhang_reader', %s, 'SELECT')"
# By category of type (pg_type.typcategory) what stands for "nothing": numbers, texts, booleans, arrays, bytes.
_NOTHING: Final = {"N": "0", "S": "''", "B": "false", "A": "'{}'", "U": "''"}


class UnreadableError(Exception):
    """The tables cannot be read by this release; the message names the column."""


class _Column(NamedTuple):
    type: str
    not_null: bool
    category: str


def bridge(cursor: Cursor[Any], tables: LedgerTables) -> None:
    """Add the tables and columns that a version lacks, within a transaction that sees what others commit.

    Raises:
        UnreadableError: a column has another type, or is of one that has no value for "nothing".
    """
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('taizhang ledger shape', 0))")
    shape = LedgerTables(_SHAPE)
    shape.create(cursor)
    there, wanted = _columns(cursor, tables.schema), _columns(cursor, _SHAPE)
    for table, columns in wanted.items():
        if table not in there:
            _add_table(cursor, tables.schema, table)
            continue
        for name, column in columns.items():
            found = there[table].get(name)
            if found is None:
                _add_column(cursor, tables.schema, table, name, column)
            elif found.type != column.type:
                raise UnreadableError(
                    f"{tables.schema}.{table}.{name} is {found.type}, this release reads {column.type}"
                )
    shape.drop(cursor)


def _columns(cursor: Cursor[Any], schema: str) -> dict[str, dict[str, _Column]]:
    found: dict[str, dict[str, _Column]] = {}
    for table, name, *column in cursor.execute(_COLUMNS, (schema,)).fetchall():
        found.setdefault(table, {})[name] = _Column(*column)
    return found


def _add_table(cursor: Cursor[Any], schema: str, table: str) -> None:
    made, shape = sql.Identifier(schema, table), sql.Identifier(_SHAPE, table)
    cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(made, shape))
    if cursor.execute(_READABLE, (f"{_SHAPE}.{table}",)).fetchone() == (True,):
        cursor.execute(sql.SQL("GRANT SELECT ON {} TO taizhang_reader").format(made))


def _add_column(cursor: Cursor[Any], schema: str, table: str, name: str, column: _Column) -> None:
    default = ""
    if column.not_null:
        if column.category not in _NOTHING:
            raise UnreadableError(f"{schema}.{table} has no {name}, and nothing stands for it as {column.type}")
        default = f" NOT NULL DEFAULT {_NOTHING[column.category]}"
    statement = f"ALTER TABLE {{}} ADD COLUMN {{}} {column.type}{default}"
    cursor.execute(sql.SQL(statement).format(sql.Identifier(schema, table), sql.Identifier(name)))
