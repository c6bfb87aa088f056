"""Connections to PostgreSQL, and the versioned migrations of the schema `taizhang`."""

import hashlib
import re
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg import Connection, IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import ConnectionPool as Pool

from services.system.errors import MigrationError

SCHEMA: Final = "taizhang"
# Owns nothing; row-level security shows its logins what concerns the regions of a transaction (migrations 0009, 0026).
READER: Final = "taizhang_reader"
SERVER_VERSION_MIN: Final = 15
CONNECT_TIMEOUT_S: Final = 5
# A writer that hangs with the log's gate in its hands is cut off first, so that one that waits gets its turn.
IDLE_IN_TRANSACTION_TIMEOUT_S: Final = 15
LOCK_TIMEOUT_S: Final = 30
# A server that the network has swallowed is given up after these; the defaults of most systems are two hours.
SILENCE: Final = {"keepalives_idle": 3, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 5_000}
# The same for a client that the server has lost; nothing over a Unix socket. Seconds, but the last in milliseconds.
CLIENT_SILENCE: Final = (
    ("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
)  # fmt: skip

_SESSION: Final = (
    ("idle_in_transaction_session_timeout", f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s"),
    ("lock_timeout", f"{LOCK_TIMEOUT_S}s"), ("timezone", "UTC"), *CLIENT_SILENCE,
)  # fmt: skip

# What a session of the store's is set to, as one text of several statements: a server may be set up to answer before it
# has flushed; what an operator made stricter stays so.
SESSION: Final = sql.SQL("; ").join(
    [
        *(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in _SESSION),
        sql.SQL(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        ),
    ]
)

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_NAME: Final = re.compile(r"([0-9]{4})_([a-z0-9_]+)\.sql", re.ASCII)
# Any number will do, as long as no other use of advisory locks in this database has it.
_MIGRATION_LOCK: Final = 0x7461697A68616E67


_RIGHTS: Final = "The role needs CREATE in the database and must own the schema taizhang."
_CREATE_MIGRATION: Final = """
CREATE TABLE taizhang.migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def conninfo_for(conninfo: str, application: str) -> str:
    """Add `application_name` taizhang-`application`, a connect timeout and bounds of silence, unless given."""
    given = conninfo_to_dict(conninfo)
    defaults: dict[str, str | int] = {
        "application_name": f"taizhang-{application}",
        "connect_timeout": CONNECT_TIMEOUT_S,
        **SILENCE,
    }
    return make_conninfo(conninfo, **{k: v for k, v in defaults.items() if k not in given})


def configure(connection: Connection[Any]) -> None:
    """Make a connection fit for the store: autocommit, READ COMMITTED, durable commits, bounded waits."""
    connection.autocommit = True
    # Each statement behind the log's gate must see what was committed before it got through.
    connection.isolation_level = IsolationLevel.READ_COMMITTED
    connection.execute(SESSION)


def connect(conninfo: str, application: str) -> Connection[TupleRow]:
    """One configured connection, in autocommit mode.

    Raises:
        psycopg.OperationalError: the server can't be reached.
    """
    connection = psycopg.connect(conninfo_for(conninfo, application))
    configure(connection)
    return connection


def _check(connection: Connection[Any]) -> None:
    """Ask the server whether it is still there, but only where something has come in from it meanwhile.

    A server that ends a connection says so; to ask each time would cost every request a round trip.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN | select.POLLHUP)
    if waiting.poll(0):
        Pool.check_connection(connection)


def _let_go_read_only(connection: Connection[Any]) -> None:
    """A session that began read-only stays so once the database no longer is: it is closed, and another one begun."""
    if connection.info.parameter_status("default_transaction_read_only") == "on":
        connection.close()


def open_pool(
    conninfo: str,
    application: str,
    *,
    size_min: int = 1,
    size_max: int = 10,
    reset: Callable[[Connection[Any]], None] = _let_go_read_only,
) -> Pool[Connection[TupleRow]]:
    """An open pool of configured connections, for reading; whoever opens it closes it.

    `reset` is done to each that comes back, before it is given out again.
    """
    return Pool(
        conninfo_for(conninfo, application),
        connection_class=Connection[TupleRow],
        configure=configure,
        reset=reset,
        min_size=size_min,
        max_size=size_max,
        timeout=CONNECT_TIMEOUT_S,
        # The pool waits ever longer between attempts: give up early, and let the next request try at once.
        reconnect_timeout=CONNECT_TIMEOUT_S,
        check=_check,
        open=True,
    )


class Datastore(PostgresDatastore):
    """The library's datastore on any libpq connection string, in the schema `taizhang`."""

    def __init__(self, conninfo: str, application: str, *, size_max: int = 10) -> None:
        # Its own pool, which needs these parts, is never opened.
        super().__init__(dbname="", host="", port="", user="", password="", schema=SCHEMA)
        self.conninfo = conninfo_for(conninfo, application)
        self.pool = ConnectionPool(
            self.conninfo,
            connection_class=Connection[DictRow],
            kwargs={"row_factory": dict_row},
            configure=configure,
            reset=_let_go_read_only,
            min_size=1,
            max_size=size_max,
            open=False,
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=CONNECT_TIMEOUT_S,
        )


# Release 0.1.0 had the same statements below a comment that named a file by its place of then.
_WORDED_OTHERWISE: Final = {7: bytes.fromhex("bd7e50ea8c3139ec2fe5a061d9186dbe249692a9e7c0344419ea9eb941acf4d9")}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its version (from 1, each once), name, SQL text and the text's SHA-256."""

    version: int
    name: str
    text: str
    sha256: bytes


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Read the migrations of a folder, in order.

    Raises:
        MigrationError: a name is not `NNNN_name.sql`, or two have one number.
    """
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _MIGRATION_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is no migration: name it NNNN_name.sql in lower case")
        if found and found[-1].version == int(match[1]):
            raise MigrationError(f"{path.name} has the number of another migration: give it one of its own")
        content = path.read_bytes()
        found.append(Migration(int(match[1]), match[2], content.decode(), hashlib.sha256(content).digest()))
    return found


def migrate(conninfo: str, *, to: int | None = None, folder: Path = MIGRATIONS) -> int:
    """Bring the schema up to version `to` (the newest, if left out); return how many migrations ran.

    Each that has not run yet does, in order of number: those made side by side may come in any order.

    Two processes may call this at once: one waits for the other at each step.

    Raises:
        MigrationError: the server is too old or not UTF-8, the database is newer than this program, an
            applied migration differs from the one in this program, or a migration failed.
        psycopg.OperationalError: the server can't be reached.
    """
    known = migrations(folder)
    with psycopg.connect(conninfo_for(conninfo, "migrate"), autocommit=True) as connection:
        _check_server(connection)
        ran = 0
        while _apply_next(connection, known, known[-1].version if to is None else to):
            ran += 1
    return ran


def _check_server(connection: Connection[TupleRow]) -> None:
    major = connection.info.server_version // 10_000
    if major < SERVER_VERSION_MIN:
        raise MigrationError(f"PostgreSQL {major} is too old: use version {SERVER_VERSION_MIN} or newer")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise MigrationError(f"the database's encoding is {encoding}: create it with ENCODING 'UTF8'")


def _apply_next(connection: Connection[TupleRow], known: Sequence[Migration], to: int) -> bool:
    """Apply the next migration that is due, in one transaction; False if none is."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        applied = _applied(connection)
        _check_applied(applied, known)
        ran = {version for version, _, _ in applied}
        due = next((each for each in known if each.version not in ran and each.version <= to), None)
        if due is None:
            return False
        try:
            connection.execute(due.text.encode())
        except psycopg.Error as error:
            raise MigrationError(
                f"migration {due.version:04d}_{due.name} failed and was rolled back: {error}. {_RIGHTS}"
            ) from error
        connection.execute(
            "INSERT INTO taizhang.migration (version, name, sha256) VALUES (%s, %s, %s)",
            (due.version, due.name, due.sha256),
        )
    return True


def _applied(connection: Connection[TupleRow]) -> list[tuple[int, str, bytes]]:
    # IF NOT EXISTS would still ask for the right to create, which a narrower role may lack.
    if connection.execute("SELECT to_regclass('taizhang.migration')").fetchone() == (None,):
        try:
            connection.execute("CREATE SCHEMA IF NOT EXISTS taizhang")
            connection.execute(_CREATE_MIGRATION)
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"the schema taizhang could not be made: {error.diag.message_primary}. {_RIGHTS}"
            ) from error
    rows = connection.execute("SELECT version, name, sha256 FROM taizhang.migration ORDER BY version")
    return [(version, name, bytes(sha256)) for version, name, sha256 in rows]


def _check_applied(applied: Sequence[tuple[int, str, bytes]], known: Sequence[Migration]) -> None:
    by_version = {each.version: each for each in known}
    for version, name, sha256 in applied:
        migration = by_version.get(version)
        if migration is None:
            newest = known[-1].version
            raise MigrationError(
                f"the database is at version {version}, this program knows {newest}: run the newer Taizhang"
            )
        if sha256 not in {migration.sha256, _WORDED_OTHERWISE.get(version)}:
            raise MigrationError(
                f"migration {version:04d}_{name} was applied with SHA-256 {sha256.hex()}, this program has "
                f"{migration.version:04d}_{migration.name} with {migration.sha256.hex()}: an applied migration never "
                "changes; restore the file and write a new one"
            )
