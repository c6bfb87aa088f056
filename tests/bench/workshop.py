"""What every benchmark stands on: one embedded PostgreSQL with fresh databases, the demo city's events, a service."""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.access.rights import Right
from domain.events.envelope import read_event
from domain.events.facts import EventKey
from domain.values.clocks import IMPORT
from services.demo_city import world
from services.intake.intake import Intake
from services.log.messages import Message, Publisher
from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from tests.fix_service import Service

SEED = 1
LOAD_EVENTS = 2_000
# A service that takes less of a core for so long has nothing left to do.
IDLE_PERCENT = 5.0
IDLE_S = 2.0
PUBLISHER = Publisher("bench", (Right(frozenset(("steward",))),))


class Workshop:
    """The server of one run; everything in it is thrown away at the end."""

    def __init__(self, postgres: str, folder: Path) -> None:
        self._postgres = postgres
        self._folder = folder

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["Workshop"]:
        """Start the server in a folder of its own, and remove both at the end."""
        server = EmbeddedPostgres()
        # As Ctrl-C does: what is open is closed.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as folder:
            Path(folder).chmod(0o755)
            try:
                yield cls(server.start(Path(folder) / "data"), Path(folder))
            finally:
                server.stop()

    @contextmanager
    def database(self) -> Iterator[str]:
        """A libpq connection string for an empty database, dropped at the end."""
        name = sql.Identifier(f"bench_{secrets.token_hex(6)}")
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
            try:
                yield make_conninfo(self._postgres, dbname=name.as_string().strip('"'))
            finally:
                # Not WITH (FORCE): autovacuum may be at work there, which our role may not end; this waits for it.
                connection.execute(sql.SQL("DROP DATABASE {}").format(name))

    @contextmanager
    def service(self, database: str) -> Iterator[Service]:
        """`taizhang serve --dev` on a database."""
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as folder,
            Service(Path(folder), "--dev", database_url=database) as service,
        ):
            yield service


def city(scale: float) -> list[bytes]:
    """The demo city's events that an intake accepts, in order of arrival, each name once."""
    return list(well_formed(line.rstrip(b"\n") for line in world.events(scale, SEED)))


def well_formed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Those that can be read, the first of each name."""
    seen: set[EventKey] = set()
    for line in lines:
        reading = read_event(line)
        if reading.event is not None and not reading.reasons and reading.event.key not in seen:
            seen.add(reading.event.key)
            yield line


def messages(lines: Iterable[bytes], history: str | None = None) -> list[Message]:
    """The events as they come in one request over HTTP; with a name, as a history that is brought."""
    origin = {"channel": "http", "request": "bench", **({} if history is None else {IMPORT: history})}
    return [Message(raw, {**origin, "index": index}, PUBLISHER) for index, raw in enumerate(lines)]


def load(database: str, lines: Iterable[bytes], history: str | None = None) -> int:
    """Fill a fresh log by the service's own intake; give its last position."""
    migrate(database)
    intake = Intake.open(database, "bench")
    rest = iter(lines)
    try:
        while batch := list(islice(rest, LOAD_EVENTS)):
            intake.admit(messages(batch, history))
        return intake.recorder.head()[0]
    finally:
        intake.close()


def caught_up(service: Service, position: int) -> None:
    """Wait until the service's projections have reached a position, and what follows from it is done (cubes)."""
    while True:
        answer = service.http.get("/v1/rates", params={"min_position": position})
        if answer.is_success:
            break
        if answer.status_code != 503:
            raise RuntimeError(answer.text)
    process = psutil.Process(service.process.pid)
    while process.cpu_percent(IDLE_S) > IDLE_PERCENT:
        pass


def peak_memory(service: Service) -> dict[str, int]:
    """The most memory that each process of the service ever held, in bytes (VmHWM)."""
    root = psutil.Process(service.process.pid)
    named = {"service": root.pid}
    for child in root.children():
        if "projector" in child.cmdline():
            named["projector"] = child.pid
    return {name: high_water_mark(pid) for name, pid in named.items()}


def high_water_mark(pid: int) -> int:
    """The most memory that a process ever held since it began its program, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} shows no VmHWM")


def say(text: str) -> None:
    """Tell whoever waits what is going on; standard output has the tables alone."""
    sys.stderr.write(f"[{os.getloadavg()[0]:.1f}] {text}\n")
    sys.stderr.flush()
