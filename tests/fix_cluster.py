"""Data folders, and one embedded PostgreSQL for the whole run."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from services.postgres.embedded import EmbeddedPostgres, administrator_of
from services.postgres.postmaster import SETTINGS

# A service may have a hundred connections; the services of many tests stay open beside each other, for the whole run.
SETTINGS["max_connections"] = "500"

# By connection string the data folder of the server that the run shares.
_HOMES: dict[str, Path] = {}


def open_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that every user may enter, as a data folder's parent mostly is; pytest's own are closed to `nobody`."""
    folder = tempfile.TemporaryDirectory(prefix="taizhang-test-")
    Path(folder.name).chmod(0o755)
    return folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder of this test's own, not made yet, with a path that asks for quoting."""
    with open_folder() as folder:
        yield Path(folder) / "台账 data's" / "d"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A data folder in which a server has run and was stopped, to be copied: to make one takes a second."""
    with open_folder() as folder:
        server = EmbeddedPostgres()
        server.start(Path(folder) / "data")
        server.stop()
        yield Path(folder) / "data"


@pytest.fixture
def used_data_dir(data_dir: Path, cluster: Path) -> Path:
    """A data folder of this test's own, in which a server has run before."""
    return copied(cluster, data_dir)


@pytest.fixture
def served_dir(data_dir: Path, cluster: Path) -> Path:
    """A folder for a service of this test's own; its `data` has been used before."""
    copied(cluster, data_dir / "data")
    return data_dir


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A hold on a server that is not started yet."""
    server = EmbeddedPostgres()
    yield server
    server.stop()


def copied(cluster: Path, data_dir: Path) -> Path:
    """The data folder, made a copy of the cluster with owners and modes."""
    data_dir.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(cluster), str(data_dir)], check=True)
    return data_dir


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A libpq connection string for the maintenance database of a real server that lives as long as the test run."""
    server = EmbeddedPostgres()
    with open_folder() as folder:
        conninfo = server.start(Path(folder))
        _HOMES[conninfo] = Path(folder)
        yield conninfo
        server.stop()


def administrator_at(conninfo: str) -> str:
    """How to connect as the superuser of the server that the fixture `postgres` started."""
    return administrator_of(_HOMES[conninfo], conninfo)


def postmaster_of(data_dir: Path) -> int:
    return int((data_dir / "cluster" / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])


def remember(conninfo: str, number: int) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS remembered (number int)")
        connection.execute("INSERT INTO remembered VALUES (%s)", [number])


def remembered(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM remembered ORDER BY number")]


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there: {psutil.Process(pid).status()}"
        time.sleep(0.02)
