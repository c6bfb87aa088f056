"""Behind the services' own rules: what the database itself shows for a caller limited to regions, asked by raw SQL."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from services.ledger import versions
from services.ledger.queries import Queries
from services.ledger.versions import Version
from services.postgres.database import READER, migrate, migrations
from services.postgres.embedded import EmbeddedPostgres, administrator_of
from services.postgres.reader import ensure_login, reader_conninfo, show, sight_key
from services.system.errors import MigrationError
from tests.fix_counties import AREAS, HERE, MARKS, MOVED, ORGS, PARKS, THERE, Counties

OPEN = ("entry", "organization", "attributes", "presence", "anomaly", "policy", "answers", "mention", "word")
# Without a word of any organization: what counts, and which bodies are answered to together.
FOR_ALL = ("policy", "answers")
# Who was ever at an organization here; their other side is shown with them.
OF_BOTH = {"branch:both", f"member:{THERE[3:]}-5", MOVED}


Open = Callable[[str | None], "Reader"]


class Reader:
    """A connection as the service's for callers limited to these regions, in one transaction; None: never told."""

    def __init__(self, connection: psycopg.Connection[Any], key: bytes, regions: str | None) -> None:
        if regions is not None:
            show(connection, key, (regions,))
        self.connection = connection

    def rows(self, table: str, column: str | None = None) -> list[tuple[Any, ...]]:
        name = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
        what = sql.SQL("*") if column is None else sql.Identifier(column)
        return self.connection.execute(sql.SQL("SELECT {} FROM {}").format(what, name)).fetchall()


def version(connection: psycopg.Connection[Any]) -> Version:
    with connection.cursor() as cursor:
        found = versions.in_use(cursor)
    assert found is not None
    return found


@pytest.fixture
def owner(counties: Counties) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(counties.database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def schema(owner: psycopg.Connection[Any]) -> str:
    return version(owner).tables.schema


@pytest.fixture
def reader(counties: Counties) -> Iterator[Open]:
    with psycopg.connect(counties.database) as own:
        key = sight_key(own)
    with ExitStack() as stack:
        login = reader_conninfo(counties.database)
        yield lambda regions: Reader(stack.enter_context(psycopg.connect(login)), key, regions)


def ask(connection: psycopg.Connection[Any], statement: str, schema: str, **given: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any parameter
    """The rows of a statement in which {schema} stands for the version's own."""
    return connection.execute(sql.SQL(statement).format(schema=sql.Identifier(schema)), given).fetchall()


def concerned(
    owner: psycopg.Connection[Any], schema: str, county: str, *, by_body: bool = False
) -> tuple[set[str], set[int]]:
    """What concerns a county, or its park, worked out in Python: identifiers, and the positions of what names any."""
    names = dict(ask(owner, "SELECT org_no, org FROM {schema}.organization", schema))
    here = {
        names[number]
        for number, region in ask(owner, "SELECT org_no, region FROM {schema}.attributes", schema)
        if region.startswith(county)
    }
    rows = ask(owner, "SELECT entity, org_no FROM {schema}.presence", schema)
    here |= {entity for entity, number in rows if names[number] in here}
    positions = set()
    for position, raw in owner.execute("SELECT notification_id, state FROM taizhang.log"):
        data = json.loads(raw)["data"]
        told = [each for value in data.values() for each in (value if isinstance(value, list) else [value])]
        named = {
            each for each in told if isinstance(each, str) and each.partition(":")[0] in ("group", "member", "branch")
        }
        if not named and {"order", "survey", "points"} & set(data):
            place = str(data.get("region"))
            concerns = not by_body and (place.startswith(county) or county.startswith(place))
        else:
            concerns = bool(named & here) or (not named and "access" not in data)
        if concerns:
            positions.add(position)
    return here, positions


@pytest.mark.parametrize("regions", [None, "", ",", " ", "{}", "99*", "88", "body:", "body:%", "park-1"])
def test_who_names_no_region_of_the_data_sees_nobody(reader: Open, schema: str, regions: str | None) -> None:
    seen = reader(regions)
    for table in OPEN:
        assert seen.rows(f"{schema}.{table}") == [] or table in (*FOR_ALL, "mention"), table
    assert not [row for row in seen.rows("taizhang.log") if "group:" in bytes(row[3]).decode()]


@pytest.mark.parametrize("county", [HERE, THERE])
@pytest.mark.parametrize("by_body", [False, True], ids=["by region", "by body"])
def test_raw_sql_shows_what_concerns_the_region_or_the_body_and_nothing_else(
    reader: Open, owner: psycopg.Connection[Any], schema: str, county: str, *, by_body: bool
) -> None:
    seen, (here, positions) = (
        reader(PARKS[county] if by_body else county),
        concerned(owner, schema, county, by_body=by_body),
    )
    assert {row[4] for row in seen.rows("taizhang.log")} == positions
    # Of one that moved, a body's reader sees where it was before too.
    regions = {f"{each}00{n}" for each in ((HERE, THERE) if by_body else (county,)) for n in (1, 2)}
    assert {row[0] for row in seen.rows(f"{schema}.attributes", "region")} <= regions
    orgs = dict(seen.rows(f"{schema}.organization"))
    assert set(orgs.values()) == {each for each in here if each.startswith("group:")}
    assert {row[2] for row in seen.rows(f"{schema}.entry")} == set(orgs)
    assert {row[1] for row in seen.rows(f"{schema}.presence")} <= here
    assert {
        name for name, *_ in seen.rows(f"{schema}.mention") if name.startswith(("group:", "member:", "branch:"))
    } <= here
    assert {row[3] for row in seen.rows(f"{schema}.anomaly")} <= positions
    assert {row[2] for row in seen.rows(f"{schema}.word")} <= positions


def test_what_is_of_the_other_county_alone_is_in_no_row(reader: Open, schema: str) -> None:
    seen = reader(HERE)
    for table in ("organization", "attributes"):
        text = str(seen.rows(f"{schema}.{table}"))
        assert not [mark for mark in MARKS if mark in text], table
    for row in seen.rows("taizhang.log"):
        raw = bytes(row[3]).decode()
        assert not [mark for mark in MARKS if mark in raw] or any(each in raw for each in OF_BOTH), raw


def test_a_thousand_random_statements_show_no_row_that_is_not_in_sight(
    reader: Open, owner: psycopg.Connection[Any], schema: str, rng: random.Random
) -> None:
    seen, (here, positions) = reader(HERE), concerned(owner, schema, HERE)
    elsewhere = sorted({*ORGS[THERE], *(f"member:{THERE[3:]}-{n}" for n in range(8)), f"branch:{THERE}"} - here)
    head = max(positions) + 20
    asked = (
        "SELECT count(*) FROM {schema}.organization WHERE org = %(name)s",
        "SELECT count(*) FROM {schema}.mention WHERE identifier = %(name)s AND since <= %(position)s",
        "SELECT count(*) FROM {schema}.presence WHERE entity = %(name)s",
        "SELECT count(*) FROM {schema}.entry e JOIN {schema}.organization o USING (org_no) WHERE o.org = %(name)s",
        "SELECT count(*) FROM taizhang.log WHERE notification_id = %(hidden)s",
        "SELECT count(*) FROM taizhang.log WHERE notification_id = ANY(%(several)s)",
        "SELECT count(*) FROM {schema}.attributes a WHERE region LIKE %(there)s OR a.name LIKE '彼%%'",
        "SELECT count(*) FROM {schema}.anomaly WHERE fact_position = %(hidden)s",
        "SELECT count(*) FROM {schema}.mention WHERE position = %(hidden)s AND identifier LIKE 'group:%%'",
        "SELECT count(*) FROM taizhang.log WHERE subject = %(name)s",
    )
    hidden = sorted(set(range(1, head)) - positions)
    for _ in range(1000):
        given = {
            "name": rng.choice(elsewhere), "position": rng.randint(0, head), "hidden": rng.choice(hidden),
            "several": rng.sample(hidden, 3), "there": f"{THERE}%",
        }  # fmt: skip
        statement = rng.choice(asked)
        assert ask(seen.connection, statement, schema, **given) == [(0,)], (statement, given)


def test_the_role_owns_nothing_changes_nothing_and_reads_nothing_else(
    reader: Open, owner: psycopg.Connection[Any], schema: str
) -> None:
    tables = owner.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('taizhang', %s)", (schema,)
    ).fetchall()
    owned = "SELECT count(*) FROM pg_class WHERE relowner = %s::regrole"
    assert owner.execute(owned.encode(), (READER,)).fetchone() == (0,)
    seen = reader(HERE)
    readable = {"taizhang.log", *(f"{schema}.{each}" for each in OPEN)}
    for (table,) in tables:
        if table in readable:
            refused = ["DELETE FROM {}", "INSERT INTO {0} SELECT * FROM {0}", "TRUNCATE {}"]
        else:
            refused = ["SELECT * FROM {}"]
        name = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), seen.connection.transaction():
                seen.connection.execute(sql.SQL(statement).format(name))


def test_every_table_that_the_role_reads_has_a_policy_in_the_next_version_too(
    owner: psycopg.Connection[Any],
) -> None:
    unprotected = """
        SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r' AND has_table_privilege(%s, c.oid, 'SELECT')
           AND c.relnamespace::regnamespace::text ~ '^(taizhang|ledger_)' AND NOT (c.relrowsecurity AND EXISTS
               (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = 'r'))
    """
    with owner.transaction(force_rollback=True), owner.cursor() as cursor:
        versions.create(cursor, "building")
        found = [table for (table,) in cursor.execute(unprotected.encode(), (READER,))]
        assert {table.partition(".")[2] for table in found} == set(FOR_ALL)


def test_tables_made_before_there_were_policies_get_them_with_the_projector(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        old = versions.ensure(connection)
        schema = old.tables.schema
        for table in (each for each in OPEN if each not in FOR_ALL):
            connection.execute(f"DROP POLICY in_sight ON {schema}.{table}".encode())
            connection.execute(f"ALTER TABLE {schema}.{table} DISABLE ROW LEVEL SECURITY".encode())
        for view in ("place_in_sight", "entity_in_sight", "answering_in_sight", "names_somebody"):
            connection.execute(f"DROP VIEW {schema}.{view}".encode())
        assert versions.ensure(connection) == old
        policies = "SELECT count(*) FROM pg_policies WHERE schemaname = %s"
        assert connection.execute(policies.encode(), (schema,)).fetchone() == (len(OPEN) - len(FOR_ALL),)


def test_the_services_own_questions_pass_the_wall_with_their_regions_alone(counties: Counties) -> None:
    with Queries.open(counties.database) as queries:
        queries.view.loaded.wait(30)
        for scope, counted in (
            (None, 17), ((HERE,), 9), ((THERE,), 9), ((HERE, THERE), 17), ((), 0), ((AREAS[HERE],), 9),
            ((HERE, AREAS[THERE]), 17), ((f"{THERE} {AREAS[HERE]}",), 9), (("body:nobody",), 0),
        ):  # fmt: skip
            limited = queries.within(scope)
            with limited.cursor() as cursor:
                schema = limited.view.current.reading.schema
                found = ask(cursor.connection, "SELECT count(*) FROM {schema}.organization", schema)
                assert found == [(counted,)]


def test_a_login_that_may_not_make_the_role_is_told_what_to_run(data_dir: Path) -> None:
    server = EmbeddedPostgres()
    conninfo = server.start(data_dir)
    try:
        administrator = psycopg.connect(
            make_conninfo(administrator_of(data_dir, conninfo), dbname="taizhang"), autocommit=True
        )
        administrator.execute(f"DROP ROLE {READER}".encode())
        with pytest.raises(MigrationError, match=f"CREATE ROLE {READER} NOLOGIN; GRANT {READER} TO taizhang"):
            migrate(conninfo)
        administrator.execute(f"CREATE ROLE {READER} NOLOGIN".encode())
        with pytest.raises(MigrationError, match=f"GRANT {READER} TO taizhang"):
            migrate(conninfo)
        # A login that makes roles itself needs nobody.
        administrator.execute(f"DROP ROLE {READER}".encode())
        administrator.execute("ALTER ROLE taizhang CREATEROLE")
        migrate(conninfo)
        with psycopg.connect(conninfo) as connection:
            newest = connection.execute("SELECT max(version) FROM taizhang.migration").fetchone()
        assert newest == (migrations()[-1].version,)
        ensure_login(conninfo)
        administrator.close()
    finally:
        server.stop()
