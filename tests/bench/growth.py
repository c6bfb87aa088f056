"""`make bench-engine`: cost against the size of the log, from half a million to five million events.

`make bench-engine SIZES="0.5 1"` takes other sizes, in millions of events. Each size has a demo city of its own, loaded
by the service's intake, and is thrown away before the next. The tables go to standard output, the figures to
growth.json and the plots to growth.png and growth.svg beside this module.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from services.ledger import versions
from services.ledger.projector import Projector
from services.ledger.rebuild import rebuild
from services.postgres.database import connect
from services.system import logs
from tests.bench import freshness, questions, rates
from tests.bench.bitemporal import Bitemporal
from tests.bench.catch_up import RAW
from tests.bench.clients import BATCH, post
from tests.bench.library import Registry, project
from tests.bench.library import environment as library_settings
from tests.bench.plots import draw
from tests.bench.tables import heading, ms, per_second, percentile, table
from tests.bench.workshop import SEED, Workshop, caught_up, load, peak_memory, say, well_formed
from tests.fix_service import ROOT, Service, environment

SIZES: Final = (0.5, 1.0, 2.0, 5.0)
# Fewer than there are, so that the end of the largest city suffices too.
EVENTS_AT_SCALE_1: Final = 400_000
# The end of each city is kept back: for catching up with, and for publishing to the running service.
CATCH_UP_EVENTS: Final = 20_000
FRESHNESS_EVENTS: Final = 9_600
BUSY_EVENTS: Final = 20_000
BUSY_BATCH: Final = 100
# Beyond these sizes the peers take longer than all else: to build the bitemporal table, to fold from scratch.
PEER_EVENTS_MAX: Final = 2_100_000
FOLD_EVENTS_MAX: Final = 1_100_000
PEER_PAIRS: Final = 30
# The library's ProjectionRunner gets so many events.
RUNNER_EVENTS: Final = 2_000
RUNNER_SECONDS_MAX: Final = 300.0
RUNNER_BATCH: Final = 500
FOLDER: Final = Path(__file__).parent

Figures = dict[str, float]


def main() -> None:
    """Measure each size, print, and draw."""
    sizes = [float(size) for size in os.environ.get("SIZES", "").split()] or list(SIZES)
    logs.configure("console", "warning")
    measured = []
    with Workshop.open() as workshop:
        for size in sizes:
            with workshop.database() as database:
                measured.append(_measure(workshop, database, size))
                if size == sizes[0]:
                    sys.stdout.write(heading(database, size * 1e6 / EVENTS_AT_SCALE_1, int(measured[0]["events"])))
            measured.sort(key=itemgetter("events"))
            (FOLDER / "growth.json").write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    sys.stdout.write("\n" + _table(measured))
    draw(measured, FOLDER)


def _measure(workshop: Workshop, database: str, size: float) -> Figures:
    """Everything at one size, by name; times in seconds, memory in bytes."""
    events = int(size * 1e6)
    began = time.perf_counter()
    with _city(size * 1e6 / EVENTS_AT_SCALE_1) as lines:
        say(f"{events:,} events: loading")
        head = load(database, islice(lines, events - CATCH_UP_EVENTS - FRESHNESS_EVENTS - BUSY_EVENTS))
        loaded = time.perf_counter() - began
        with connect(database, "bench") as connection:
            say(f"{head:,} events: rebuilding")
            began = time.perf_counter()
            rebuild(connection, lambda *_: None)
            rebuilt = time.perf_counter() - began
            figures = {"load_per_s": head / loaded, "rebuild_s": rebuilt, "rebuild_per_s": head / rebuilt}
            head = load(database, islice(lines, CATCH_UP_EVENTS))
            figures |= _catch_up(connection) | {"events": head}
            with workshop.service(database) as service:
                say(f"{head:,} events: asking")
                figures |= _ask(service, connection, head)
                rest = list(well_formed(lines))
                figures |= _publish(service, rest[:FRESHNESS_EVENTS])
                figures |= _busy(service, database, rest[FRESHNESS_EVENTS:], head)
                figures |= {f"{name}_memory": size for name, size in peak_memory(service).items()}
            say(json.dumps(figures))
            figures |= _peers(workshop, connection, head)
    return figures


@contextmanager
def _city(scale: float) -> Iterator[Iterable[bytes]]:
    """The lines of a demo city, made in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "services.commands.cli",
        "demo-city",
        "--scale",
        f"{scale:.4f}",
        "--seed",
        str(SEED),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield (line.rstrip(b"\n") for line in process.stdout)
        process.stdout.close()
        process.terminate()


def _catch_up(connection: Connection[TupleRow]) -> Figures:
    """The projector on events that came while it was away."""
    projector = Projector(connection, versions.ensure(connection))
    began = time.perf_counter()
    done = 0
    while applied := projector.advance():
        done += applied
    return {"catch_up_per_s": done / (time.perf_counter() - began)}


def _ask(service: Service, connection: Connection[TupleRow], head: int) -> Figures:
    began = time.perf_counter()
    caught_up(service, head)
    figures = {"ready_s": time.perf_counter() - began}
    asked = {"rates": [seconds for seconds, _ in rates.ask(service, rates.random_pairs(head, rates.PAIRS))]}
    for name, latencies in questions.ask(service, connection, head).items():
        asked[name.partition(" ")[0].rstrip(",")] = latencies
    for name, latencies in asked.items():
        figures |= {f"{name}_p50": percentile(latencies, 50), f"{name}_p99": percentile(latencies, 99)}
    return figures


def _publish(service: Service, lines: list[bytes]) -> Figures:
    """Freshness at the highest rate."""
    published, waits = freshness.at_rate(service, lines, freshness.RATES[-1])
    return {
        "published_per_s": published,
        "freshness_p50": percentile(waits, 50),
        "freshness_p99": percentile(waits, 99),
    }


def _busy(service: Service, database: str, lines: list[bytes], head: int) -> Figures:
    """Rates while a rebuild and a load run; the past answers as it did before."""
    pairs = rates.random_pairs(head, rates.PAIRS)
    before = [counts for _, counts in rates.ask(service, pairs)]
    bodies = [b"[" + b",".join(lines[at : at + BUSY_BATCH]) + b"]" for at in range(0, len(lines), BUSY_BATCH)]
    command = [sys.executable, "-m", "services.commands.cli", "rebuild"]
    with subprocess.Popen(command, cwd=ROOT, env=environment(database_url=database), stderr=subprocess.DEVNULL) as work:
        publishing = threading.Thread(target=post, args=(service.port, bodies, BATCH, 1))
        publishing.start()
        time.sleep(1)
        during = rates.ask(service, pairs)
        if work.poll() is None:
            work.send_signal(signal.SIGINT)
        work.wait()
        publishing.join()
    assert [counts for _, counts in during] == before
    return {"busy_p99": percentile([seconds for seconds, _ in during], 99)}


def _peers(workshop: Workshop, connection: Connection[Any], head: int) -> Figures:
    """The same ledger by the library's runner, and the same question as SQL and by folding from scratch."""
    say(f"{head:,} events: the peers")
    figures = {"runner_per_s": _runner(workshop, connection)}
    if head < PEER_EVENTS_MAX:
        figures |= _bitemporal(connection, head)
    if head < FOLD_EVENTS_MAX:
        figures["fold_s"] = rates.fold(connection, date(2024, 12, 31), head)[0]
    return figures


def _runner(workshop: Workshop, connection: Connection[Any]) -> float:
    """Events that the library's ProjectionRunner applies in a second, of those at the log's beginning."""
    raws = [bytes(raw) for (raw,) in connection.execute(RAW, (RUNNER_EVENTS,))]
    with workshop.database() as database:
        with Registry(library_settings(database)) as registry:
            for first in range(0, len(raws), RUNNER_BATCH):
                registry.save_batch(raws[first : first + RUNNER_BATCH])
        return len(raws) / project(database, len(raws), RUNNER_SECONDS_MAX)


def _bitemporal(connection: Connection[Any], head: int) -> Figures:
    peer = Bitemporal(connection, rates.schema_in_use(connection))
    rectangles = peer.build()
    latencies = [peer.rates(*pair)[0] for pair in rates.random_pairs(head, PEER_PAIRS)]
    return {"rectangles": rectangles, "sql_p50": percentile(latencies, 50), "sql_p99": percentile(latencies, 99)}


ROWS: Final = (
    ("rates by kind and county, p50, ms", "rates_p50"),
    ("rates by kind and county, p99, ms", "rates_p99"),
    ("the same while a rebuild and a load run, p99, ms", "busy_p99"),
    ("the same as SQL with GiST ranges, p50, ms", "sql_p50"),
    ("the same by a fold from scratch, s", "fold_s"),
    ("dossier, p50, ms", "dossier_p50"),
    ("dossier, p99, ms", "dossier_p99"),
    ("explain, 50 organizations, p50, ms", "explain_p50"),
    ("explain, 50 organizations, p99, ms", "explain_p99"),
    ("page of 100 organizations, p50, ms", "page_p50"),
    ("page of 100 organizations, p99, ms", "page_p99"),
    ("series of 24 month ends by county, p50, ms", "series_p50"),
    ("series of 24 month ends by county, p99, ms", "series_p99"),
    ("freshness, p99, ms", "freshness_p99"),
    ("events/s published meanwhile", "published_per_s"),
    ("load over intake, events/s", "load_per_s"),
    ("catch-up of the projector, events/s", "catch_up_per_s"),
    ("the same by the library's `ProjectionRunner`, events/s", "runner_per_s"),
    ("cold rebuild, events/s", "rebuild_per_s"),
    ("cold rebuild, s", "rebuild_s"),
    ("service ready, s", "ready_s"),
    ("peak memory of the service, MiB", "service_memory"),
    ("peak memory of the projector, MiB", "projector_memory"),
)


def _table(measured: list[Figures]) -> str:
    columns = ["events", *(f"{each['events']:,.0f}" for each in measured)]
    rows = [[title, *(_shown(name, each.get(name)) for each in measured)] for title, name in ROWS]
    return table("Cost against size", columns, rows)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name.endswith(("_p50", "_p99")):
        return ms(value)
    if name.endswith("_memory"):
        return f"{value / questions.MIB:,.0f}"
    return per_second(1, 1 / value) if name.endswith("_per_s") else f"{value:.1f}"


if __name__ == "__main__":
    main()
