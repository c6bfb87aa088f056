"""A PostgreSQL that can be taken away, reached at an address that stays."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from os import kill
from pathlib import Path

import pytest

from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from tests.fix_proxy import Proxy


class Outages:
    """One server of its own behind a proxy; `conninfo` leads through the proxy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres()
        direct = self._server.start(folder)
        migrate(direct)
        self.proxy = Proxy(direct)
        self.conninfo = self.proxy.conninfo

    def stop_immediately(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, no farewell."""
        cluster = next(self._folder.rglob("postmaster.pid"))
        pid = int(cluster.read_text().splitlines()[0])
        kill(pid, signal.SIGQUIT)
        while cluster.exists():
            time.sleep(0.05)

    def start(self) -> None:
        self._server.stop()
        self._server = EmbeddedPostgres()
        self.proxy.aim(self._server.start(self._folder))

    def close(self) -> None:
        self.proxy.close()
        self._server.stop()


@pytest.fixture
def outages() -> Iterator[Outages]:
    with tempfile.TemporaryDirectory(prefix="taizhang-test-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        opened = Outages(Path(folder))
        yield opened
        opened.close()


DISK_MIB = 260


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, for a database that is to fill it."""
    with tempfile.TemporaryDirectory(prefix="taizhang-test-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "tmpfs", folder]
        subprocess.run(command, check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path, left_bytes: int) -> Path:
    """Take all of a disk's room but so much; the file to be removed."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - left_bytes)
    return ballast
