"""The login that reads for callers limited to regions or bodies, and what binds each of its transactions to theirs.

It is no member of the service's role and owns nothing: a statement that got into a limited caller's question has no
role to go back to. Which rows it sees goes by regions and bodies that are signed for one transaction of one session
(migrations 0026 and 0055), with a key that the service's role reads and this login does not.
"""

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import Connection, pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from services.postgres.database import READER, SESSION, connect, open_pool
from services.system.errors import StoreUnavailableError

SUFFIX: Final = "_scoped"
# Any number will do, as long as no other use of advisory locks in this database has it.
_MAKING: Final = 0x73636F706564
# RFC 2104: the key is kept xored with this pad, ready for the hash.
_INNER_PAD: Final = 0x36
_KEY: Final = "SELECT inner_pad FROM taizhang.sight_key"
_OCCASION: Final = "SELECT taizhang.occasion()"
# Whatever was made of the search path before, names without a schema are PostgreSQL's own.
_SIGHT: Final = (
    "SELECT set_config('taizhang.regions', %s, true), set_config('search_path', 'pg_catalog, pg_temp', true)"
)
# What would open the wall again: more rights than this login needs, or a membership beside the one in READER.
_TOO_MUCH: Final = """
SELECT concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                 CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
                 (SELECT string_agg('member of ' || m.roleid::regrole, ', ') FROM pg_auth_members m
                   WHERE m.roleid <> %(reader)s::regrole AND m.member IN (r.oid, %(reader)s::regrole)))
  FROM pg_roles r WHERE rolname = current_user
"""
# What DISCARD ALL does but for the plans of the functions, which are of no caller's making; in one round trip.
_FORGET: Final = sql.SQL("; ").join(
    [
        sql.SQL(
            "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; DISCARD TEMP;"
            " DISCARD SEQUENCES"
        ),
        sql.SQL("SELECT pg_catalog.pg_advisory_unlock_all()"),
        SESSION,
    ]
)
_MAKE: Final = "DO $$ BEGIN CREATE ROLE {}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"


def _word(conninfo: str, name: str) -> str | None:
    """A word of an address, or what libpq puts where it is left out (PGUSER, PGPASSWORD, the process's user)."""
    given = conninfo_to_dict(conninfo).get(name)
    if given is not None:
        return str(given)
    default = next(each.val for each in pq.Conninfo.get_defaults() if each.keyword == name.encode())
    return None if default is None else default.decode()


def login_of(conninfo: str) -> str:
    """The reader's login beside the service's: each installation on a server has its own."""
    return f"{_word(conninfo, 'user')}{SUFFIX}"


def reader_conninfo(conninfo: str) -> str:
    """How the reader connects, by a password made from the service's, which does not follow from it.

    Where the service's address holds none, libpq finds the reader's as it does the service's: ~/.pgpass, a certificate.
    """
    password = _word(conninfo, "password")
    made = None if password is None else hmac.digest(password.encode(), READER.encode(), "sha256").hex()
    return make_conninfo(conninfo, user=login_of(conninfo), password=made)


def making(connection: Connection[Any], conninfo: str) -> list[sql.Composed]:
    """What makes the login for the service of an address, by whoever may make roles; again, it changes nothing.

    Of the password the statements hold what the server keeps (SCRAM, RFC 5802), from which it cannot be told.

    Args:
        connection: to the same server, whoever's.
        conninfo: the service's.
    """
    login = login_of(conninfo)
    reader, own, service = map(sql.Identifier, (READER, login, _word(conninfo, "user") or ""))
    password = conninfo_to_dict(reader_conninfo(conninfo)).get("password")
    with_password: sql.Composable = sql.SQL("")
    if password is not None:
        kept = connection.pgconn.encrypt_password(str(password).encode(), login.encode(), b"scram-sha-256")
        with_password = sql.SQL(" PASSWORD {}").format(sql.Literal(kept.decode()))
    return [
        sql.SQL(_MAKE).format(reader),
        sql.SQL(_MAKE).format(own),
        sql.SQL("ALTER ROLE {} LOGIN{}").format(own, with_password),
        sql.SQL("GRANT {} TO {}, {}").format(reader, service, own),
    ]


def connects(conninfo: str) -> bool:
    """Whether the reader of a service's address gets in."""
    try:
        connect(reader_conninfo(conninfo), "reader").close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_login(conninfo: str) -> None:
    """Have the reader of a migrated database ready, made where the service's login may make roles.

    Raises:
        StoreUnavailableError: it is missing, or has another password, and an administrator of the server must make it;
            or it may more than it should.
        psycopg.OperationalError: the server can't be reached.
    """
    login = login_of(conninfo)
    if not connects(conninfo):
        with suppress(psycopg.errors.InsufficientPrivilege), connect(conninfo, "reader") as own, own.transaction():
            own.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            for statement in making(own, conninfo):
                own.execute(statement)
        if not connects(conninfo):
            raise StoreUnavailableError(
                f"the login {login}, which reads for callers limited to regions, is missing or has another password: "
                "as an administrator of the server run what `taizhang reader-login` prints (deploy/README.md)"
            )
    with connect(reader_conninfo(conninfo), "reader") as connection:
        found = connection.execute(_TOO_MUCH, {"reader": READER}).fetchone()
    if found is None or found[0]:
        raise StoreUnavailableError(
            f"the login {login} has more rights than reading by regions needs ({found and found[0]}): as an "
            f"administrator of the server take them from {login} and {READER}"
        )


def sight(key: bytes, occasion: str, regions: Sequence[str]) -> str:
    """The setting that shows these regions on one occasion: a MAC in hex, a space, the regions.

    Args:
        key: of the database, 64 bytes.
        occasion: what `taizhang.occasion()` says in the transaction that is to see them.
        regions: prefixes of division codes, and bodies (`body:…`).
    """
    named = ",".join(regions)
    return f"{hmac.digest(key, f'{occasion} {named}'.encode(), 'sha256').hex()} {named}"


def sight_key(connection: Connection[Any]) -> bytes:
    """The key of a database, by a connection of the service's own."""
    row = connection.execute(_KEY).fetchone()
    assert row is not None  # noqa: S101 - the migration that makes the table makes its one row
    return bytes(byte ^ _INNER_PAD for byte in row[0])


def show(connection: Connection[Any], key: bytes, regions: Sequence[str]) -> None:
    """Let the transaction that a connection of the reader is in see these regions, until it ends."""
    row = connection.execute(_OCCASION).fetchone()
    assert row is not None  # noqa: S101 - a function gives a row
    connection.execute(_SIGHT, (sight(key, row[0], regions),))


def _forget(connection: Connection[Any]) -> None:
    """Leave nothing in a session for the next question: no setting, prepared statement or temporary object."""
    connection.execute(_FORGET)


class ScopedConnections:
    """The reader's connections. Where nobody is limited to regions, there is none."""

    def __init__(self, pool: ConnectionPool[Connection[TupleRow]], whole: ConnectionPool[Connection[TupleRow]]) -> None:
        self._pool, self._whole = pool, whole
        self._key: bytes | None = None

    @classmethod
    @contextmanager
    def open(cls, conninfo: str, whole: ConnectionPool[Connection[TupleRow]]) -> Iterator["ScopedConnections"]:
        """A pool of them, beside the service's own on the same database, by which the key is read once it is needed."""
        with open_pool(reader_conninfo(conninfo), "scoped", size_min=0, reset=_forget) as pool:
            yield cls(pool, whole)

    @contextmanager
    def connection(self, regions: Sequence[str]) -> Iterator[Connection[TupleRow]]:
        """A connection in a transaction that sees these regions."""
        if self._key is None:
            with self._whole.connection() as own:
                self._key = sight_key(own)
        with self._pool.connection() as connection, connection.transaction():
            # A statement that was prepared would be gone for the next question, which psycopg would not notice.
            connection.prepare_threshold = None
            show(connection, self._key, regions)
            yield connection
