"""A PostgreSQL server of one's own, from Debian's packages: the newest major version that is installed."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fix_service import free_port, shell

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
#: PostgreSQL starts for no administrator of the machine; Debian's packages make this user.
OWNER = "postgres"


class OwnServer:
    """One cluster in a folder of its own; the service's login has a password and owns its database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.port = folder, folder / "pg", free_port()
        self.bin = PROGRAMS[-1]
        self.url = f"postgresql://taizhang:secret@127.0.0.1:{self.port}/taizhang"

    def run(self, *command: str | Path, given: str | None = None) -> str:
        """A program as the cluster's owner; what it prints."""
        as_owner = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups"] if os.getuid() == 0 else []
        done = subprocess.run(
            [*as_owner, *map(str, command)], cwd=self.folder, input=given, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Statements as the cluster's administrator; the last one's rows."""
        psql = (self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port))
        return self.run(*psql, "-U", "postgres", "-d", database, given="\n".join(statements)).strip()

    def make(self, settings: Sequence[str] = ()) -> None:
        """Begin a cluster, with the service's login and database as deploy/README.md has them."""
        self.run(self.bin / "initdb", "-D", self.data, "-U", "postgres", "--auth-local=trust",
                 "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip
        fixed = [f"port = {self.port}", "listen_addresses = '127.0.0.1'", f"unix_socket_directories = '{self.folder}'"]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*fixed, *settings, ""]))
        self.start()
        self.sql("CREATE ROLE taizhang LOGIN PASSWORD 'secret';",
                 "CREATE DATABASE taizhang OWNER taizhang TEMPLATE template0 ENCODING 'UTF8';")  # fmt: skip
        made = shell("reader-login", database_url=self.url)
        assert made.returncode == 0, made.stderr
        self.sql(made.stdout)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.run(self.bin / "pg_ctl", "-D", self.data, "-l", self.folder / "server.log", "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """End it, if it runs."""
        if (self.data / "postmaster.pid").exists():
            self.run(self.bin / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop")


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that the cluster's owner may write, with a path short enough for a socket."""
    with TemporaryDirectory(prefix="taizhang-", ignore_cleanup_errors=True) as folder:
        if os.getuid() == 0:
            owner = pwd.getpwnam(OWNER)
            shutil.chown(folder, owner.pw_uid, owner.pw_gid)
        yield Path(folder)


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server that is not made yet; it is ended with what it holds."""
    with own_folder() as folder:
        server = OwnServer(folder)
        try:
            yield server
        finally:
            server.stop("immediate")
