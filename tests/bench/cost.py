"""What an event costs in CPU on its way: decided in the writer's turn, then applied by the projector; and over HTTP.

Seconds of a CPU, of a process and of its sessions at the server. Of each batch, or of each way, the cheapest of several
rounds counts: what else the machine does makes it dearer and never cheaper.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg

from services.intake.intake import CONNECTIONS_MAX, Intake
from services.ledger import versions
from services.ledger.projector import COLLECTION, Projector
from services.log.recorder import LogRecorder
from services.log.writer import Writer
from services.postgres.database import Datastore, connect, migrate
from tests.bench.clients import BATCH, SINGLE, post
from tests.bench.intake import CLIENTS
from tests.bench.tables import table, times
from tests.bench.workshop import Workshop, caught_up, messages, say
from tests.fix_service import Service

BATCH_EVENTS = 500
EVENTS = 12_000
# Until caches are warm.
WARM_EVENTS = 2_000
ROUNDS = 4
NANOSECONDS = 1_000_000_000
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%bench-cost%'"
_SESSIONS_OF_ALL = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

Spent = tuple[int, int]


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Rounds on fresh databases; the sum over the batches, each at its cheapest."""
    part = lines[:EVENTS]
    begins = range(0, len(part), BATCH_EVENTS)
    admitted: dict[int, Spent] = {}
    applied: dict[int, Spent] = {}
    for number in range(ROUNDS):
        say(f"cost, round {number + 1} of {ROUNDS}")
        with ledger(workshop) as (intake, projector, spent):
            for begin in begins:
                batch = messages(part[begin : begin + BATCH_EVENTS])
                note(admitted, begin, spent(lambda batch=batch: intake.admit(batch)))  # type: ignore[misc]
                note(applied, begin, spent(lambda: list(iter(projector.advance, 0))))
    rows = [_row("decided in turn, `Intake.admit`", admitted), _row("applied, `Projector.advance`", applied)]
    return _in_batches(rows, len(part)) + "\n" + _over_http(workshop, part)


def _in_batches(rows: list[list[str]], events: int) -> str:
    return table(
        "What intake costs in CPU",
        ("in batches of 500", "own s per 10,000 events", "server's s"),
        rows,
        f"Of {events - WARM_EVENTS:,} events after the first {WARM_EVENTS:,}; each batch at its cheapest of "
        f"{ROUNDS} rounds.",
    )


def _over_http(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Single requests beside batches, by turns, to one service each: what all of its processes spend."""
    ways = {f"single requests, {CLIENTS} clients": (SINGLE, CLIENTS, 1), "batches of 500, one client": (BATCH, 1, 500)}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    with ExitStack() as stack:
        services = {}
        for name in ways:
            database = stack.enter_context(workshop.database())
            services[name] = stack.enter_context(workshop.service(database)), database
        accepted = dict.fromkeys(ways, 0)
        share = len(lines) // (ROUNDS + 1)
        for number in range(ROUNDS + 1):  # the first one warms
            say(f"cost over HTTP, round {number} of {ROUNDS}")
            part = lines[number * share : (number + 1) * share]
            for name, (kind, clients, size) in ways.items():
                service, database = services[name]
                before = _of_all(service, database)
                posted = post(service.port, bodies(part, size), kind, clients)
                accepted[name] += posted.accepted
                caught_up(service, accepted[name])
                if number:
                    spent[name].append((_of_all(service, database) - before) * 10_000 / share)
    least = {name: min(each) for name, each in spent.items()}
    rows = [[name, f"{seconds:.2f}", times(seconds / min(least.values()))] for name, seconds in least.items()]
    return table(
        "What an event costs over HTTP",
        ("way", "CPU s per 10,000 events, all processes", "to the cheapest"),
        rows,
        f"Answering, projecting and the sessions at the server, until all is answered from; the cheapest of {ROUNDS} "
        f"rounds of {share:,} events. Run in turns with another tree it compares the two on a machine that does other "
        "work besides, where rates tell nothing.",
    )


def bodies(lines: Sequence[bytes], size: int) -> list[bytes]:
    """The bodies of requests of so many events each; of one event by itself."""
    if size == 1:
        return list(lines)
    return [b"[" + b",".join(lines[at : at + size]) + b"]" for at in range(0, len(lines), size)]


def _of_all(service: Service, database: str) -> float:
    """The seconds of a CPU that a service's processes and its sessions at the server have run so far."""
    root = psutil.Process(service.process.pid)
    own = sum(sum(each.cpu_times()[:2]) for each in (root, *root.children(recursive=True)))
    with psycopg.connect(database) as connection:
        sessions = connection.execute(_SESSIONS_OF_ALL).fetchall()
    return own + sum(_at_server(pid) for (pid,) in sessions) / NANOSECONDS


class Ledger(NamedTuple):
    """An empty ledger: its intake, its projector, and what a piece of work spends here and at the server."""

    intake: Intake
    projector: Projector
    spent: Callable[[Callable[[], object]], Spent]


@contextmanager
def ledger(workshop: Workshop, recorder: type[LogRecorder] = LogRecorder) -> Iterator[Ledger]:
    """A ledger of its own, whose log is kept by this recorder."""
    with workshop.database() as database:
        migrate(database)
        with (
            closing(Intake(Writer(recorder(Datastore(database, "bench-cost", size_max=CONNECTIONS_MAX))))) as intake,
            connect(database, "bench-cost") as connection,
            psycopg.connect(database, autocommit=True) as beside,
        ):
            thresholds = gc.get_threshold()
            gc.set_threshold(*COLLECTION)

            def spent(work: Callable[[], object]) -> Spent:
                # A session that begins within the work is counted from its next piece on.
                before = {pid: _at_server(pid) for (pid,) in beside.execute(_SESSIONS)}
                own = time.process_time_ns()
                work()
                own = time.process_time_ns() - own
                return own, sum(_at_server(pid) - was for pid, was in before.items())

            try:
                yield Ledger(intake, Projector(connection, versions.ensure(connection)), spent)
            finally:
                gc.set_threshold(*thresholds)


def _at_server(pid: int) -> int:
    """The nanoseconds that a session's process has run; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        return 0


def note(cheapest: dict[int, Spent], begin: int, spent: Spent) -> None:
    own, server = cheapest.get(begin, spent)
    cheapest[begin] = min(own, spent[0]), min(server, spent[1])


def _row(name: str, cheapest: dict[int, Spent]) -> list[str]:
    counted = [spent for begin, spent in cheapest.items() if begin >= WARM_EVENTS]
    share = 10_000 / (len(counted) * BATCH_EVENTS) / NANOSECONDS
    return [name, *(f"{sum(each) * share:.2f}" for each in zip(*counted, strict=True))]
