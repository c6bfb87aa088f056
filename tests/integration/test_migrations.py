"""The schema's migrations: from empty, from every earlier version, from two processes at once."""

import threading
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from services.postgres.database import MIGRATIONS, migrate, migrations
from services.system.errors import MigrationError
from tests.fix_cluster import administrator_at
from tests.fix_store import leave

pytestmark = pytest.mark.long

VERSIONS = [each.version for each in migrations()]
NEWEST = VERSIONS[-1]
SCHEMA = """
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
 WHERE table_schema = 'taizhang' UNION ALL
SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'taizhang' UNION ALL
SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger
 WHERE NOT tgisinternal ORDER BY 1, 2, 3
"""


def schema(conninfo: str) -> list[tuple[str, ...]]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(SCHEMA).fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with copies of the migrations, to be changed by a test."""
    for path in MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_an_empty_database_gets_every_migration_once(database: str) -> None:
    assert migrate(database) == len(VERSIONS)
    assert migrate(database) == 0
    with psycopg.connect(database) as connection:
        recorded = connection.execute("SELECT version, sha256 FROM taizhang.migration ORDER BY version").fetchall()
    assert recorded == [(m.version, m.sha256) for m in migrations()]


@pytest.mark.parametrize("version", [0, *VERSIONS[:-1]])
def test_every_earlier_version_comes_to_the_same_schema(database: str, version: int) -> None:
    migrate(database, to=version)
    assert migrate(database) == len([each for each in VERSIONS if each > version])
    upgraded = schema(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA taizhang CASCADE")
    migrate(database)
    assert schema(database) == upgraded


def test_processes_that_start_at_once_run_each_migration_once(database: str) -> None:
    ran: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        ran.append(migrate(database))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ran) == len(VERSIONS)
    assert len(ran) == 4


def test_one_that_was_made_beside_a_later_one_runs_when_it_comes(database: str, folder: Path) -> None:
    late, later = folder / f"{NEWEST + 1:04d}_late.sql", folder / f"{NEWEST + 2:04d}_later.sql"
    later.write_text("CREATE TABLE taizhang.later ()")
    migrate(database, folder=folder)
    late.write_text("CREATE TABLE taizhang.late ()")
    assert migrate(database, folder=folder) == 1
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('taizhang.late') IS NOT NULL").fetchone() == (True,)


def test_a_changed_old_migration_is_refused(database: str, folder: Path) -> None:
    migrate(database, folder=folder)
    first = min(folder.glob("*.sql"))
    first.write_text(first.read_text() + "\n-- one more line\n")
    with pytest.raises(MigrationError, match=f"{first.stem} was applied .* never changes"):
        migrate(database, folder=folder)


def test_a_database_newer_than_the_program_is_refused(database: str, folder: Path) -> None:
    newest = folder / f"{NEWEST + 1:04d}_more.sql"
    newest.write_text("CREATE TABLE taizhang.more ()")
    migrate(database, folder=folder)
    with pytest.raises(MigrationError, match=f"at version {NEWEST + 1}, this program knows {NEWEST}"):
        migrate(database)


def test_a_migration_that_fails_leaves_nothing_behind(database: str, folder: Path) -> None:
    broken = folder / f"{NEWEST + 1:04d}_broken.sql"
    broken.write_text("CREATE TABLE taizhang.more (); SELECT 1 / 0")
    with pytest.raises(MigrationError, match="_broken failed and was rolled back: division by zero"):
        migrate(database, folder=folder)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('taizhang.more')").fetchone() == (None,)
        assert connection.execute("SELECT max(version) FROM taizhang.migration").fetchone() == (NEWEST,)
    broken.write_text("CREATE TABLE taizhang.more ()")
    assert migrate(database, folder=folder) == 1


@pytest.mark.parametrize("name", ["0001_twin.sql", "log.sql", "0002_Capital.sql"])
def test_a_number_has_no_twin_and_a_name_its_form(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_log.sql").touch()
    (tmp_path / name).touch()
    with pytest.raises(MigrationError):
        migrations(tmp_path)


def test_a_role_without_rights_is_told_which_it_needs(postgres: str, database: str) -> None:
    with psycopg.connect(administrator_at(postgres), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        try:
            with pytest.raises(MigrationError, match="needs CREATE in the database"):
                migrate(make_conninfo(database, user="guest", password="guest"))  # noqa: S106  # for the length of this test
        finally:
            leave(database, "guest")
            connection.execute("DROP ROLE guest")


def test_a_database_that_is_not_utf8_is_refused(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(MigrationError, match="LATIN1: create it with ENCODING 'UTF8'"):
                migrate(f"{postgres} dbname=latin")
        finally:
            connection.execute("DROP DATABASE latin")
