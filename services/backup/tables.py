"""The tables of the schema `taizhang` as files: COPY in binary, packed, each with its SHA-256, all of one snapshot."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from psycopg import Connection, sql
from pydantic import BaseModel, Field

from services.postgres.database import SCHEMA
from services.system.errors import TaizhangError
from services.system.files import sync_folder

PIECE_BYTES: Final = 1 << 20
# What a restore makes anew: the own account of the schema, projections and what they hold, who signs, by what a writer
# under way learns whether its COMMIT came through, when chores ran, and the key by which the reader is shown regions.
MADE_ANEW: Final = ("migration", "projection", "projection_held", "writer", "head_seen", "sight_key", "chore")
_TABLES: Final = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, a.atttypmod)
       ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname <> ALL (%s) GROUP BY c.relname ORDER BY c.relname
"""
_NEEDS: Final = """
SELECT c.conrelid::regclass::text, c.confrelid::regclass::text FROM pg_constraint c
 WHERE c.contype = 'f' AND c.connamespace = %s::regnamespace
"""
_IDENTITIES: Final = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND is_identity = 'YES'
"""


_COUNT_ON: Final = sql.SQL(
    "SELECT setval(pg_get_serial_sequence({name}, {column}), coalesce(max({id}), 0) + 1, false) FROM {t}"
)


class BackupError(TaizhangError):
    """A backup that cannot be made, or that is not what it says."""


class Table(BaseModel):
    """One table's file: its columns with their types, how many rows, and SHA-256 of the bytes as they lie on disk."""

    name: str = Field(pattern="[a-z_]{1,63}")
    columns: list[str]
    types: list[str]
    rows: int
    bytes: int
    sha256: str

    def path(self, folder: Path) -> Path:
        """Where it lies in the backup."""
        return folder / f"{self.name}.copy.gz"


def tables(connection: Connection[Any]) -> list[tuple[str, list[str], list[str]]]:
    """Every table that is copied, those first that others need: name, columns, types."""
    found = {row[0]: (row[0], row[1], row[2]) for row in connection.execute(_TABLES, (SCHEMA, list(MADE_ANEW)))}
    needs: dict[str, set[str]] = {name: set() for name in found}
    for table, needed in connection.execute(_NEEDS, (SCHEMA,)).fetchall():
        name, other = (each.removeprefix(f"{SCHEMA}.") for each in (table, needed))
        if name in found and other in found and name != other:
            needs[name].add(other)
    ordered = list[str]()
    while len(ordered) < len(found):
        ordered += sorted(name for name in found if name not in ordered and needs[name] <= set(ordered))
    return [found[name] for name in ordered]


def write(connection: Connection[Any], folder: Path, table: tuple[str, list[str], list[str]]) -> Table:
    """Copy one table into its file, a piece at a time."""
    name, columns, types = table
    made = Table(name=name, columns=columns, types=types, rows=0, bytes=0, sha256="")
    copying = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(
        sql.Identifier(SCHEMA, name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with _hashed(made.path(folder)) as file, connection.cursor() as cursor:
        with gzip.GzipFile("", "wb", 1, file, 0) as packed, cursor.copy(copying) as rows:
            for piece in rows:
                packed.write(piece)
        made.rows = cursor.rowcount
    made.sha256, made.bytes = file.digest, made.path(folder).stat().st_size
    return made


class _Hashed:
    """A file that knows the SHA-256 of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def _hashed(path: Path) -> Iterator[Any]:
    with path.open("xb") as file:
        yield _Hashed(file)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def check(folder: Path, table: Table) -> None:
    """See that a table's file is there as it was written.

    Raises:
        BackupError: it is missing, cut, or changed.
    """
    found = hashlib.sha256()
    try:
        with table.path(folder).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                found.update(piece)
    except OSError as error:
        raise BackupError(f"{table.path(folder)} cannot be read: {error.strerror}; take another backup") from None
    if found.hexdigest() != table.sha256:
        raise BackupError(f"{table.path(folder)} is not the file that was written: take another backup")


def read(connection: Connection[Any], folder: Path, table: Table) -> None:
    """Copy a table's file back into the table, which must be empty.

    Raises:
        BackupError: it holds rows, has other columns, or the file does not fit.
    """
    name = sql.Identifier(SCHEMA, table.name)
    held = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name)).fetchone()
    if held == (True,):
        raise BackupError(
            f"the database already holds rows in {SCHEMA}.{table.name}: restore into an empty one, or another folder "
            "with --data"
        )
    copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        name, sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    try:
        with gzip.open(table.path(folder)) as packed, connection.cursor() as cursor:
            with cursor.copy(copying) as rows:
                while piece := packed.read(PIECE_BYTES):
                    rows.write(piece)
            count = cursor.rowcount
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{table.path(folder)} cannot be unpacked: {error}") from None
    if count != table.rows:
        raise BackupError(f"{table.path(folder)} has {count} rows, {table.rows} were written")


def count_on(connection: Connection[Any]) -> None:
    """Let the columns that number their rows go on after the last number."""
    for table, column in connection.execute(_IDENTITIES, (SCHEMA,)).fetchall():
        connection.execute(
            _COUNT_ON.format(
                name=sql.Literal(f"{SCHEMA}.{table}"),
                column=sql.Literal(column),
                id=sql.Identifier(column),
                t=sql.Identifier(SCHEMA, table),
            )
        )
