"""What an event costs in CPU on its way: decided in the writer's turn, then applied by the projector.

Seconds of a CPU, of this process and of its session at the server. Of each batch the cheapest of several rounds counts:
what else the machine does makes a batch dearer and never cheaper.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from services.intake.intake import Intake
from services.ledger import versions
from services.ledger.projector import COLLECTION, Projector
from services.postgres.database import connect, migrate
from tests.bench.tables import table
from tests.bench.workshop import Workshop, messages, say

BATCH_EVENTS = 500
EVENTS = 12_000
# Until caches are warm.
WARM_EVENTS = 2_000
ROUNDS = 4
NANOSECONDS = 1_000_000_000
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%bench-cost%'"

Spent = tuple[int, int]


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Rounds on fresh databases; the sum over the batches, each at its cheapest."""
    part = lines[:EVENTS]
    begins = range(0, len(part), BATCH_EVENTS)
    admitted: dict[int, Spent] = {}
    applied: dict[int, Spent] = {}
    for number in range(ROUNDS):
        say(f"cost, round {number + 1} of {ROUNDS}")
        with _ledger(workshop) as (intake, projector, spent):
            for begin in begins:
                batch = messages(part[begin : begin + BATCH_EVENTS])
                _note(admitted, begin, spent(lambda batch=batch: intake.admit(batch)))  # type: ignore[misc]
                _note(applied, begin, spent(lambda: list(iter(projector.advance, 0))))
    rows = [_row("decided in turn, `Intake.admit`", admitted), _row("applied, `Projector.advance`", applied)]
    return table(
        "What intake costs in CPU",
        ("in batches of 500", "own s per 10,000 events", "server's s"),
        rows,
        f"Of {len(part) - WARM_EVENTS:,} events after the first {WARM_EVENTS:,}; each batch at its cheapest of "
        f"{ROUNDS} rounds.",
    )


@contextmanager
def _ledger(workshop: Workshop) -> Iterator[tuple[Intake, Projector, Callable[[Callable[[], object]], Spent]]]:
    """An empty ledger: its intake, its projector, and what a piece of work spends here and at the server."""
    with workshop.database() as database:
        migrate(database)
        with (
            closing(Intake.open(database, "bench-cost")) as intake,
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
                yield intake, Projector(connection, versions.ensure(connection)), spent
            finally:
                gc.set_threshold(*thresholds)


def _at_server(pid: int) -> int:
    """The nanoseconds that a session's process has run; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])
    except FileNotFoundError:
        return 0


def _note(cheapest: dict[int, Spent], begin: int, spent: Spent) -> None:
    own, server = cheapest.get(begin, spent)
    cheapest[begin] = min(own, spent[0]), min(server, spent[1])


def _row(name: str, cheapest: dict[int, Spent]) -> list[str]:
    counted = [spent for begin, spent in cheapest.items() if begin >= WARM_EVENTS]
    share = 10_000 / (len(counted) * BATCH_EVENTS) / NANOSECONDS
    return [name, *(f"{sum(each) * share:.2f}" for each in zip(*counted, strict=True))]
