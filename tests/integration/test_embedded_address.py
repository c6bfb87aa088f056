"""The embedded PostgreSQL where others use it too: one address, one that is just ending, its memory and its log."""

import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import services.postgres.postmaster
from services.postgres.embedded import EmbeddedPostgres
from services.postgres.postmaster import memory_bytes, shared_buffers
from tests.fix_cluster import copied, open_folder, postmaster_of, remember, remembered, wait_until_gone

pytestmark = pytest.mark.long


@pytest.mark.parametrize("length", [10, 150])
def test_its_address_is_one_after_every_restart_whatever_the_paths_length(
    cluster: Path, server: EmbeddedPostgres, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_folder() as folder:
        data_dir = copied(cluster, Path(folder) / ("d" * length) / "data")
        address = server.start(data_dir)
        os.kill(postmaster_of(data_dir), signal.SIGKILL)
        wait_until_gone(postmaster_of(data_dir))
        # Whoever starts it anew, from another environment too, is found by those that were there before.
        monkeypatch.setattr(tempfile, "tempdir", folder)
        other = EmbeddedPostgres()
        assert other.start(data_dir) == address
        remember(address, 1)
        assert not server.revive()
        other.stop()
        server.stop()
        assert server.start(data_dir) == address
        server.stop()


def test_a_folder_that_another_user_took_is_not_the_address(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    address = server.start(used_data_dir)
    folder = Path(str(conninfo_to_dict(address)["host"]))
    server.stop()
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert server.start(used_data_dir) != address
    folder.rmdir()


def test_who_starts_while_the_server_ends_waits_for_it(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    conninfo = server.start(used_data_dir)
    remember(conninfo, 1)
    pid = postmaster_of(used_data_dir)
    second = EmbeddedPostgres()
    with psycopg.connect(conninfo), ThreadPoolExecutor() as pool:
        os.kill(pid, signal.SIGTERM)  # a smart shutdown, which waits for the session
        while "stopping" not in (used_data_dir / "cluster" / "postmaster.pid").read_text(encoding="utf-8"):
            time.sleep(0.02)
        started = pool.submit(second.start, used_data_dir)
        time.sleep(0.5)
        assert not started.done()
        os.kill(pid, signal.SIGINT)
        assert started.result() == conninfo
    assert remembered(conninfo) == [1]
    assert postmaster_of(used_data_dir) != pid
    second.stop()


def test_who_starts_while_the_server_recovers_waits_for_it(used_data_dir: Path, server: EmbeddedPostgres) -> None:
    conninfo = server.start(used_data_dir)
    remember(conninfo, 1)
    for _ in range(3):
        with psycopg.connect(conninfo) as session:
            os.kill(session.info.backend_pid, signal.SIGKILL)  # the server ends all sessions and recovers
        second = EmbeddedPostgres()
        assert remembered(second.start(used_data_dir)) == [1]
        second.stop()


def test_a_long_log_is_turned_over_while_the_server_runs(
    used_data_dir: Path, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.postgres.postmaster, "LOG_BYTES_MAX", 100)
    conninfo = server.start(used_data_dir)
    log = used_data_dir / "postgres.log"
    for number in (1, 2):
        with psycopg.connect(conninfo, autocommit=True) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(b"SELECT * FROM nothing_of_that_name_%d" % number)
        assert f"name_{number}" in log.read_text(encoding="utf-8")
        server.revive()
    assert log.stat().st_size == 0
    assert "name_2" in log.with_suffix(".log.old").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "file", "text", "expected"),
    [
        ("0::/pod/one", "pod/memory.max", "1073741824\n", 1 << 30),
        ("0::/", "memory.max", "2147483648\n", 2 << 30),
        ("0::/pod/one", "pod/one/memory.max", "max\n", None),
        ("9:cpu,memory:/docker/x", "memory/docker/x/memory.limit_in_bytes", "536870912\n", 1 << 29),
        ("9:cpu,memory:/docker/x", "memory/memory.limit_in_bytes", "536870912\n", 1 << 29),
    ],
)
def test_memory_goes_by_the_containers_limit(
    tmp_path: Path, line: str, file: str, text: str, expected: int | None
) -> None:
    limit = tmp_path / "groups" / file
    limit.parent.mkdir(parents=True)
    limit.write_text(text, encoding="ascii")
    ours = tmp_path / "cgroup"
    ours.write_text(f"3:pids:/elsewhere\n{line}\n", encoding="ascii")
    found = memory_bytes(tmp_path / "groups", ours)
    assert found == (psutil.virtual_memory().total if expected is None else expected)
    assert int(shared_buffers(1 << 28).removesuffix("MB")) == 64
    assert int(shared_buffers(8 << 30).removesuffix("MB")) == 1024
