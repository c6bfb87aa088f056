"""The embedded PostgreSQL, each claim on the real server."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import services.postgres.embedded
from services.postgres.embedded import EmbeddedPostgres, administrator_of
from services.postgres.postmaster import EmbeddedPostgresError
from tests.fix_cluster import copied, open_folder, postmaster_of, remember, remembered, wait_until_gone

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from services.postgres.embedded import EmbeddedPostgres

server = EmbeddedPostgres()
print(server.start(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
server.stop()
"""

FORKING = """
import os, sys
from pathlib import Path
import psycopg
from services.postgres.embedded import EmbeddedPostgres

server = EmbeddedPostgres()
conninfo = server.start(Path(sys.argv[1]))
if os.fork() == 0:
    server.stop()
    print("child", flush=True)
    os._exit(0)
os.wait()
with psycopg.connect(conninfo):
    print("parent", flush=True)
"""


class User:
    """Another process that uses the server of `data_dir` until it is told to stop, or killed."""

    def __init__(self, data_dir: Path) -> None:
        command = [sys.executable, "-c", USER, str(data_dir)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def conninfo(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def running(cluster: Path) -> Iterator[tuple[Path, str]]:
    """A data folder whose server runs, and its libpq connection string, for tests that only look."""
    with open_folder() as folder:
        data_dir = copied(cluster, Path(folder) / "running" / "data")
        server = EmbeddedPostgres()
        yield data_dir, server.start(data_dir)
        server.stop()


def runs(data_dir: Path) -> bool:
    return (data_dir / "cluster" / "postmaster.pid").exists()


def test_an_interrupt_as_the_server_is_made_leaves_no_server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = subprocess.Popen

    def interrupted(command: list[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401 - as Popen's
        made = make(command, **options)
        if Path(command[0]).name == "postgres" and "-D" in command:
            os.kill(os.getpid(), signal.SIGINT)
        return made

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        EmbeddedPostgres().start(data_dir)
    assert not runs(data_dir)
    assert [each for each in psutil.process_iter() if serves(each, data_dir)] == []


def serves(process: psutil.Process, data_dir: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() == "postgres" and process.cwd() == str(data_dir / "cluster")
    return False


def test_a_folder_with_spaces_and_chinese_characters_serves(data_dir: Path, server: EmbeddedPostgres) -> None:
    remember(server.start(data_dir), 1)
    server.stop()
    assert not runs(data_dir)
    assert remembered(server.start(data_dir)) == [1]


def test_what_is_committed_is_on_disk_and_checked(running: tuple[Path, str]) -> None:
    asked = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    with psycopg.connect(running[1]) as connection:
        for name in asked:
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == ("on",), name


def test_text_sorts_by_code_point_in_utf_8(running: tuple[Path, str]) -> None:
    with psycopg.connect(running[1]) as connection:
        assert connection.info.encoding == "utf-8"
        rows = connection.execute("SELECT v FROM (VALUES ('党'), ('a'), ('B'), ('Å')) AS t (v) ORDER BY v").fetchall()
    assert [value for (value,) in rows] == ["B", "a", "Å", "党"]


def test_the_service_is_no_superuser(running: tuple[Path, str]) -> None:
    with psycopg.connect(running[1]) as connection:
        row = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (False, False)


def test_the_service_s_password_opens_no_superuser(running: tuple[Path, str]) -> None:
    data_dir, conninfo = running
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(make_conninfo(conninfo, user="postgres", dbname="postgres"))
    with psycopg.connect(administrator_of(data_dir, conninfo)) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (True,)
    assert (data_dir / "administrator").stat().st_mode & 0o777 == 0o600


def test_a_server_with_one_password_for_both_gets_another_also_where_that_was_cut_off(data_dir: Path) -> None:
    for unfinished in (False, True):
        server = EmbeddedPostgres()
        conninfo = server.start(data_dir)
        old = (data_dir / "password").read_text(encoding="ascii")
        if unfinished:  # as ended after the change and before the file was in its place
            (data_dir / "administrator").rename(data_dir / "administrator.unfinished")
        else:
            with psycopg.connect(administrator_of(data_dir, conninfo), autocommit=True) as connection:
                connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(old)))
            (data_dir / "administrator").unlink()
        server.stop()
        server = EmbeddedPostgres()
        server.start(data_dir)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(conninfo, user="postgres", dbname="postgres"))
        psycopg.connect(administrator_of(data_dir, conninfo)).close()
        server.stop()


def test_nobody_gets_in_without_the_password(running: tuple[Path, str]) -> None:
    data_dir, conninfo = running
    for user in ("taizhang", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(conninfo, user=user, password="a guess"))  # noqa: S106 - a wrong one
    assert (data_dir / "password").stat().st_mode & 0o777 == 0o600
    assert (data_dir / "cluster").stat().st_mode & 0o777 == 0o700
    assert Path(str(conninfo_to_dict(conninfo)["host"])).stat().st_mode & 0o777 == 0o700


def test_the_server_listens_on_no_network_address(running: tuple[Path, str]) -> None:
    assert psutil.Process(postmaster_of(running[0])).net_connections(kind="inet") == []


def test_stopping_leaves_no_process_and_no_socket_folder(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    socket_folder = Path(str(conninfo_to_dict(server.start(used_data_dir))["host"]))
    pid = postmaster_of(used_data_dir)
    server.stop()
    server.stop()
    wait_until_gone(pid)
    assert not socket_folder.exists()


def test_the_next_user_adopts_the_server_of_a_killed_one(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    killed = User(used_data_dir)
    remember(killed.conninfo(), 1)
    pid = postmaster_of(used_data_dir)
    killed.kill()
    assert psutil.pid_exists(pid)
    assert remembered(server.start(used_data_dir)) == [1]
    assert postmaster_of(used_data_dir) == pid
    server.stop()
    wait_until_gone(pid)


def test_a_killed_server_comes_back_with_what_was_committed(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    conninfo = server.start(used_data_dir)
    remember(conninfo, 1)
    pid = postmaster_of(used_data_dir)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)  # and no zombie of it remains while we live
    second = EmbeddedPostgres()
    assert second.start(used_data_dir) == conninfo
    assert remembered(conninfo) == [1]
    second.stop()


def test_a_killed_server_is_revived_under_the_same_address(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    conninfo = server.start(used_data_dir)
    remember(conninfo, 1)
    assert not server.revive()
    pid = postmaster_of(used_data_dir)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    assert server.revive()
    assert remembered(conninfo) == [1]
    server.stop()
    assert not server.revive()
    assert not runs(used_data_dir)


def test_a_pid_file_that_names_another_process_is_stale(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    remember(server.start(used_data_dir), 1)
    pid_file = used_data_dir / "cluster" / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8")
    server.stop()
    pid_file.write_text(lines.replace(lines.split("\n")[0], str(os.getpid()), 1), encoding="utf-8")
    pid_file.chmod(0o600)
    assert remembered(server.start(used_data_dir)) == [1]
    assert postmaster_of(used_data_dir) != os.getpid()


def test_of_two_that_start_at_once_one_waits_and_the_last_to_stop_stops_the_server(data_dir: Path) -> None:
    first, second = User(data_dir), User(data_dir)
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(User.conninfo, (first, second)))
    assert told[0] == told[1] != ""
    pid = postmaster_of(data_dir)
    first.stop()
    remember(told[1], 1)
    assert postmaster_of(data_dir) == pid
    second.stop()
    wait_until_gone(pid)


def test_a_start_that_was_cut_off_is_made_again(data_dir: Path, server: EmbeddedPostgres) -> None:
    (data_dir / "cluster.unfinished" / "base").mkdir(parents=True)
    (data_dir / "password").write_text("of the one that was cut off", encoding="ascii")
    remember(server.start(data_dir), 1)
    assert not (data_dir / "cluster.unfinished").exists()


def test_data_of_another_major_version_is_refused_with_the_remedy(
    used_data_dir: Path, server: EmbeddedPostgres
) -> None:
    (used_data_dir / "cluster" / "PG_VERSION").write_text("16\n", encoding="ascii")
    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 16; .* carries PostgreSQL 18.*pg_dump"):
        server.start(used_data_dir)


def test_a_server_that_cannot_start_says_why(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    (used_data_dir / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match="pg_control"):
        server.start(used_data_dir)


def modes_above(folder: Path) -> list[int]:
    return [each.stat().st_mode for each in folder.parents]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as another user")
def test_below_a_folder_closed_to_nobody_the_cluster_lives_elsewhere(
    data_dir: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = data_dir.parents[1] / "elsewhere"
    monkeypatch.setattr(services.postgres.embedded, "ROOT_HOME", elsewhere)
    data_dir.parent.mkdir(mode=0o700)
    before = modes_above(data_dir)
    remember(server.start(data_dir), 1)
    server.stop()
    assert modes_above(data_dir) == before
    home = Path((data_dir / "location").read_text(encoding="utf-8").strip())
    assert home.parent == elsewhere
    assert remembered(server.start(data_dir)) == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run the server as another user")
def test_programs_that_nobody_cannot_reach_are_copied(
    data_dir: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: Path) -> bool:
        return "pginstall" not in folder.parts

    monkeypatch.setattr(services.postgres.embedded, "enterable", closed)
    remember(server.start(data_dir), 1)
    program = Path(psutil.Process(postmaster_of(data_dir)).exe())
    assert program.is_relative_to(data_dir)
    server.stop()
    assert remembered(server.start(data_dir)) == [1]


def test_a_start_that_fails_late_leaves_no_server(
    data_dir: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: object) -> None:
        assert all(given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(services.postgres.embedded, "_ensure_database", interrupted)
        with pytest.raises(KeyboardInterrupt):
            server.start(data_dir)
    assert not runs(data_dir)
    remember(server.start(data_dir), 1)


def test_a_folder_that_is_not_ours_is_refused_with_the_remedy(data_dir: Path, server: EmbeddedPostgres) -> None:
    data_dir.parent.mkdir()
    data_dir.write_text("a file", encoding="ascii")
    with pytest.raises(EmbeddedPostgresError, match="--data"):
        server.start(data_dir)


def test_a_forked_child_cannot_stop_the_server(used_data_dir: Path) -> None:
    command = [sys.executable, "-c", FORKING, str(used_data_dir)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["child", "parent"]
    assert not runs(used_data_dir)  # the parent's own exit stopped it
