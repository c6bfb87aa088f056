"""One injected statement of every sort, in the session that answers callers limited to regions: none opens the wall.

Tried on the embedded server and on one of somebody's own, where an administrator has run what `taizhang reader-login`
prints and the service's login may make no role.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege

from services.ledger import versions
from services.ledger.queries import Queries
from services.postgres.database import READER, migrate
from services.postgres.reader import (
    connects,
    ensure_login,
    login_of,
    reader_conninfo,
    show,
    sight,
    sight_key,
)
from services.system.errors import StoreUnavailableError
from tests.access.injected import PASSES, REFUSED, SHADOW_KEY
from tests.fix_cluster import administrator_at
from tests.fix_counties import HERE, MOVED, ORGS, THERE, Counties, two_counties
from tests.fix_service import shell

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Wall:
    """A served database, with what its owner knows of it."""

    counties: Counties
    administrator: str
    key: bytes
    schema: str

    @property
    def conninfo(self) -> str:
        return self.counties.database

    def injected(self, statement: str) -> sql.Composed:
        """A statement in which {ledger} stands for the version's schema, {owner} for the service's login."""
        owner = conninfo_to_dict(self.conninfo)["user"]
        return sql.SQL(statement).format(ledger=sql.Identifier(self.schema), owner=sql.Identifier(str(owner)))


def own_server(postgres: str) -> str:
    """The address of an empty database whose owner may make nothing else, on a server with an administrator apart."""
    name, password = f"city_{secrets.token_hex(4)}", secrets.token_hex(8)
    administrator = administrator_at(postgres)
    conninfo = make_conninfo(postgres, user=name, password=password, dbname=name)
    with psycopg.connect(administrator, autocommit=True) as connection:
        login = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(login, sql.Literal(password)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(login, login))
    return conninfo


def run_as_administrator(postgres: str, conninfo: str) -> None:
    printed = shell("reader-login", database_url=conninfo)
    assert printed.returncode == 0, printed.stderr
    password = str(conninfo_to_dict(reader_conninfo(conninfo))["password"])
    assert password not in printed.stdout
    with psycopg.connect(administrator_at(postgres), autocommit=True) as connection:
        connection.execute(printed.stdout.encode())


@pytest.fixture(scope="module", params=["embedded", "a server of one's own"])
def wall(request: pytest.FixtureRequest, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wall]:
    with ExitStack() as stack:
        if request.param == "embedded":
            counties = request.getfixturevalue("counties")
        else:
            conninfo = own_server(postgres)
            run_as_administrator(postgres, conninfo)
            counties = stack.enter_context(two_counties(tmp_path_factory.mktemp("own"), conninfo))
        with psycopg.connect(counties.database) as own, own.cursor() as cursor:
            version = versions.in_use(cursor)
            assert version is not None
            key = sight_key(own)
        yield Wall(counties, administrator_at(postgres), key, version.tables.schema)


@pytest.fixture
def session(wall: Wall) -> Iterator[psycopg.Connection[Any]]:
    """The session of a question by a caller of one county, in its transaction."""
    with psycopg.connect(reader_conninfo(wall.conninfo)) as connection:
        show(connection, wall.key, (HERE,))
        yield connection
        connection.rollback()


def in_sight(wall: Wall, connection: psycopg.Connection[Any]) -> set[str]:
    return {org for (org,) in connection.execute(wall.injected("SELECT org FROM {ledger}.organization"))}


OF_HERE = {*ORGS[HERE], MOVED}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_would_open_the_wall_is_refused(wall: Wall, session: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), session.transaction():
        session.execute(wall.injected(statement))
    assert in_sight(wall, session) == OF_HERE


@pytest.mark.parametrize("statement", PASSES)
def test_what_everybody_may_say_opens_nothing(wall: Wall, session: psycopg.Connection[Any], statement: str) -> None:
    session.execute(wall.injected(statement.replace("{}", "{{}}")))
    assert session.execute("SELECT current_user, session_user").fetchone() == (login_of(wall.conninfo),) * 2
    assert in_sight(wall, session) == OF_HERE


@pytest.mark.parametrize("statement", [SHADOW_KEY, f"SET search_path = pg_temp, taizhang; {SHADOW_KEY}"])
def test_a_key_of_one_s_own_signs_nothing(wall: Wall, session: psycopg.Connection[Any], statement: str) -> None:
    session.execute(statement.encode())
    with pytest.raises(InsufficientPrivilege, match="not signed"):
        in_sight(wall, session)


@pytest.mark.parametrize("table", ["{ledger}.organization", "{ledger}.attributes", "taizhang.log"])
def test_a_function_that_tells_what_it_is_given_is_given_no_hidden_row(
    wall: Wall, session: psycopg.Connection[Any], table: str
) -> None:
    told = list[str]()
    session.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    session.execute(
        "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001"
        " AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    shown = session.execute(wall.injected(f"SELECT t::text FROM {table} t WHERE pg_temp.tell(t::text)")).fetchall()  # noqa: S608
    assert told == [text for (text,) in shown]
    assert told


def test_statistics_and_plans_tell_nothing_of_hidden_rows(wall: Wall, session: psycopg.Connection[Any]) -> None:
    statistics = session.execute(
        "SELECT tablename FROM pg_stats WHERE schemaname = %s AND tablename IN ('organization', 'attributes', 'entry')",
        (wall.schema,),
    )
    assert statistics.fetchall() == []


def test_a_held_cursor_and_a_new_transaction_see_nothing_more(wall: Wall, session: psycopg.Connection[Any]) -> None:
    session.execute(wall.injected("DECLARE held CURSOR WITH HOLD FOR SELECT org FROM {ledger}.organization"))
    session.commit()
    assert {org for (org,) in session.execute("FETCH ALL FROM held")} == OF_HERE
    assert in_sight(wall, session) == set()


def test_another_caller_s_sight_serves_in_no_other_session_and_no_other_transaction(
    wall: Wall, session: psycopg.Connection[Any]
) -> None:
    with psycopg.connect(reader_conninfo(wall.conninfo)) as other:
        show(other, wall.key, (THERE,))
        stolen = other.execute("SELECT current_setting('taizhang.regions')").fetchone()
        assert in_sight(wall, other) == {*ORGS[THERE], MOVED}
        session.execute("SELECT set_config('taizhang.regions', %s, true)", stolen)
        with pytest.raises(InsufficientPrivilege, match="not signed"):
            in_sight(wall, session)
        # Kept by the session that it was for, it serves in no later transaction.
        other.execute("SELECT set_config('taizhang.regions', %s, false)", stolen)
        other.commit()
        with pytest.raises(InsufficientPrivilege, match="not signed"):
            in_sight(wall, other)


def test_one_statement_cannot_begin_the_same_transaction_again(session: psycopg.Connection[Any]) -> None:
    session.execute("SELECT set_config('taizhang.regions', current_setting('taizhang.regions'), false)")
    with pytest.raises(InsufficientPrivilege, match="not signed"):
        session.execute("COMMIT; BEGIN; SELECT taizhang.regions()")


def test_the_key_of_another_database_signs_nothing_here(wall: Wall, session: psycopg.Connection[Any]) -> None:
    occasion = session.execute("SELECT taizhang.occasion()").fetchone()
    assert occasion is not None
    forged = sight(secrets.token_bytes(64), occasion[0], (THERE,))
    with pytest.raises(InsufficientPrivilege, match="not signed"), session.transaction():
        session.execute("SELECT set_config('taizhang.regions', %s, true), taizhang.regions()", (forged,))
    # The service's own, which is HMAC by another program, is taken.
    session.execute("SELECT set_config('taizhang.regions', %s, true)", (sight(wall.key, occasion[0], (THERE,)),))
    assert session.execute("SELECT taizhang.regions()").fetchone() == ([THERE],)


def test_no_password_opens_another_login(wall: Wall) -> None:
    own = conninfo_to_dict(wall.conninfo)
    logins = {
        str(own["user"]): str(own["password"]),
        login_of(wall.conninfo): str(conninfo_to_dict(reader_conninfo(wall.conninfo))["password"]),
        "postgres": str(conninfo_to_dict(wall.administrator)["password"]),
    }
    for user in logins:
        for owner, password in logins.items():
            address = make_conninfo(wall.conninfo, user=user, password=password)
            if user == owner:
                psycopg.connect(address).close()
            else:
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    psycopg.connect(address)


LEAVINGS = """
CREATE TEMP TABLE left_behind (org text);
PREPARE "_pg3_0" AS SELECT 1;
SET ROLE taizhang_reader;
SET search_path = pg_temp;
SET row_security = off;
SET timezone = 'Asia/Shanghai';
SELECT set_config('taizhang.regions', 'left', false);
LISTEN anything;
SELECT pg_advisory_lock(7)
"""
LEFT = """
SELECT (SELECT count(*) FROM pg_class WHERE relname = 'left_behind' AND relnamespace = pg_my_temp_schema()),
       (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
       current_setting('search_path'), current_setting('row_security'), current_setting('timezone'),
       taizhang.regions(), current_user = session_user
"""


def test_what_a_question_leaves_in_its_session_no_other_finds(wall: Wall) -> None:
    with Queries.open(wall.conninfo) as queries:
        limited = queries.within((HERE,))
        with limited.connection() as connection:
            spoiled = connection.info.backend_pid
            connection.execute(LEAVINGS)
        for _ in range(1000):
            with limited.connection() as connection:
                if connection.info.backend_pid == spoiled:
                    found = connection.execute(LEFT, prepare=False).fetchone()
                    break
        else:
            pytest.fail("the session was not used again")
    assert found == (0, 0, 0, 0, "pg_catalog, pg_temp", "on", "UTC", [HERE], True)


def test_a_limited_caller_is_answered_on_either_server(wall: Wall) -> None:
    for caller, counted in (("here", OF_HERE), ("there", {*ORGS[THERE], MOVED})):
        for org in (*ORGS[HERE], *ORGS[THERE]):
            status = wall.counties.ask(caller, f"/v1/organizations/{org}").status_code
            assert status == (200 if org in counted else 404), (caller, org)


def test_the_login_is_asked_for_where_the_service_may_not_make_it_and_refused_with_more_rights(postgres: str) -> None:
    conninfo = own_server(postgres)
    assert not connects(conninfo)
    with psycopg.connect(administrator_at(postgres), autocommit=True) as administrator:
        login, own = sql.Identifier(login_of(conninfo)), sql.Identifier(str(conninfo_to_dict(conninfo)["user"]))
        administrator.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(READER), own))
        migrate(conninfo)
        with pytest.raises(StoreUnavailableError, match="taizhang reader-login"):
            ensure_login(conninfo)
        run_as_administrator(postgres, conninfo)
        ensure_login(conninfo)
        for more in (sql.SQL("GRANT pg_read_all_data TO {}"), sql.SQL("ALTER ROLE {} BYPASSRLS")):
            administrator.execute(more.format(login))
            with pytest.raises(StoreUnavailableError, match=r"pg_read_all_data|BYPASSRLS"):
                ensure_login(conninfo)
        administrator.execute(sql.SQL("REVOKE pg_read_all_data FROM {}").format(login))
        administrator.execute(sql.SQL("ALTER ROLE {} NOBYPASSRLS").format(login))
        # Another password of the service's needs another one of the reader's.
        administrator.execute(sql.SQL("ALTER ROLE {} PASSWORD 'changed'").format(own))
        changed = make_conninfo(conninfo, password="changed")  # noqa: S106 - of this test alone
        with pytest.raises(StoreUnavailableError, match="another password"):
            ensure_login(changed)
        # A login that makes roles itself needs nobody.
        administrator.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(own))
        administrator.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(login, own))
        administrator.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(sql.Identifier(READER), own))
        ensure_login(changed)
