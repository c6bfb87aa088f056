"""Kafka to durable facts, beside the bare consumer and the library's own ways to store events."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import psycopg
from kafka import KafkaConsumer

from services.kafka.clients import FETCH_BYTES_MAX, PARTITION_FETCH_BYTES_MAX
from services.kafka.ingest import BATCH_RECORDS_MAX
from services.kafka.publishing import HEADERS, key_of
from services.postgres.database import migrate
from tests.bench.library import Registry, environment
from tests.bench.tables import median, per_second, table, times
from tests.bench.workshop import Workshop, say
from tests.fix_kafka import ROOT, Broker, allow

TOPIC = "bench"
PARTITIONS = 8
BACKLOG = 1_000_000
WINDOW_S = 30.0
ROUNDS = 3
SINGLES = 1_500
INSERTS = 20_000
BARE_RECORDS = 300_000
START_S_MAX = 60.0
_READ = "SELECT coalesce(sum(next_offset), 0) FROM taizhang.kafka_partition"


class Window(NamedTuple):
    """Events stored, in so many seconds, and the largest process's peak of resident memory."""

    events: int
    seconds: float
    peak_mib: float


class Peers(NamedTuple):
    """Events a second in one round, each peer its own way."""

    saved: float
    inserted: float
    consumed: float


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """The peers before, between and after; ingest on a backlog that it does not come to the end of."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        return "### Kafka to durable facts\n\nNot measured: Apache Kafka needs java and mvn on the PATH.\n"
    backlog = int(os.environ.get("BACKLOG", BACKLOG))
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-kafka-") as folder:
        broker = Broker(Path(folder) / "broker")
        broker.do("start")
        try:
            return _measure(workshop, broker, lines, backlog)
        finally:
            broker.do("stop")


def _measure(workshop: Workshop, broker: Broker, lines: Sequence[bytes], backlog: int) -> str:
    say(f"kafka: a backlog of {backlog:,}")
    broker.create(TOPIC, PARTITIONS)
    produced = _produce(broker, lines, backlog)
    with workshop.database() as stock, Registry(environment(stock)) as registry:
        peers: list[Peers] = []
        ingests: dict[int, list[Window]] = {1: [], 2: []}
        for number in range(ROUNDS):
            say(f"kafka, round {number + 1} of {ROUNDS}")
            saved = _rate(registry.save_each, lines[number * SINGLES : (number + 1) * SINGLES])
            inserted = _rate(partial(_insert, registry), lines[:INSERTS])
            peers.append(Peers(saved, inserted, _bare(broker, min(BARE_RECORDS, backlog))))
            for processes, windows in ingests.items():
                with workshop.database() as database:
                    windows.append(_ingest(database, broker, processes, backlog))
    return _table(backlog, produced, peers, ingests)


def _produce(broker: Broker, lines: Sequence[bytes], backlog: int) -> float:
    began = time.perf_counter()
    with broker.producer(linger_ms=20, batch_size=1 << 18, compression_type="lz4") as producer:
        for raw in islice(_named_anew(lines), backlog):
            producer.send(TOPIC, key=key_of(raw), value=raw, headers=HEADERS)
    return backlog / (time.perf_counter() - began)


def _named_anew(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The events without end, each time round under new names."""
    for number in count():
        for raw in lines:
            yield raw.replace(b'"id":"', b'"id":"%d-' % number, 1)


def _rate(way: Callable[[Sequence[bytes]], object], part: Sequence[bytes]) -> float:
    began = time.perf_counter()
    way(part)
    return len(part) / (time.perf_counter() - began)


def _insert(registry: Registry, part: Sequence[bytes]) -> None:
    for at in range(0, len(part), 1000):
        registry.insert_batch(part[at : at + 1000])


def _bare(broker: Broker, records: int) -> float:
    """Records a second of a consumer that throws them away, set up as ours is."""
    consumer = KafkaConsumer(
        TOPIC, bootstrap_servers=broker.address, group_id=f"bare-{time.monotonic_ns()}", auto_offset_reset="earliest",
        enable_auto_commit=False, isolation_level="read_committed", fetch_max_bytes=FETCH_BYTES_MAX,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES_MAX, metrics_enabled=False,
    )  # fmt: skip
    while not (got := sum(map(len, consumer.poll(timeout_ms=1000).values()))):
        pass
    began, read = time.perf_counter(), 0
    while read < records - got:
        read += sum(map(len, consumer.poll(timeout_ms=1000, max_records=BATCH_RECORDS_MAX).values()))
    seconds = time.perf_counter() - began
    consumer.close()
    return read / seconds


def _ingest(database: str, broker: Broker, processes: int, backlog: int) -> Window:
    migrate(database)
    allow(database, TOPIC)
    settings = {
        "TAIZHANG_DATABASE_URL": database, "TAIZHANG_KAFKA_BOOTSTRAP": broker.address, "TAIZHANG_KAFKA_TOPICS": TOPIC,
        "TAIZHANG_KAFKA_GROUP": f"bench-{time.monotonic_ns()}", "TAIZHANG_LOG_LEVEL": "warning",
    }  # fmt: skip
    command = [sys.executable, "-m", "services.commands.cli", "ingest"]
    running = [subprocess.Popen(command, env={**os.environ, **settings}, cwd=ROOT) for _ in range(processes)]
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            deadline = time.monotonic() + START_S_MAX
            while not _stored(connection) and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(3)  # until each process has its partitions
            began, first = time.perf_counter(), _stored(connection)
            while time.perf_counter() - began < WINDOW_S and _stored(connection) < backlog:
                time.sleep(0.1)
            events, seconds = _stored(connection) - first, time.perf_counter() - began
        return Window(events, seconds, max(_peak_mib(each.pid) for each in running))
    finally:
        for each in running:
            each.terminate()
            each.wait(60)


def _stored(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(_READ).fetchone()
    return int(row[0]) if row else 0


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _table(backlog: int, produced: float, peers: Sequence[Peers], ingests: dict[int, list[Window]]) -> str:
    one_by_one, inserted, consumed = (median(column) for column in zip(*peers, strict=True))

    def row(name: str, rate: float, peak: str = "") -> list[str]:
        return [name, per_second(int(rate), 1), times(rate / one_by_one), times(rate / inserted), peak]

    rows = [
        row(
            f"`taizhang ingest`, {processes} process{'es' if processes > 1 else ''}",
            median([each.events / each.seconds for each in windows]),
            f"{max(each.peak_mib for each in windows):.0f}",
        )
        for processes, windows in ingests.items()
    ]
    rows += [
        row("bare consumer, records thrown away", consumed),
        row("library: `app.save`, one by one", one_by_one),
        row("library: `insert_events` of 1,000", inserted),
    ]
    return table(
        "Kafka to durable facts",
        ("way", "events/s", "to `app.save`", "to `insert_events`", "peak of a process, MiB"),
        rows,
        f"Median of {ROUNDS} rounds, each {WINDOW_S:.0f} s on a backlog of {backlog:,} messages in {PARTITIONS} "
        f"partitions, lz4, which were produced at {produced:,.0f}/s. Broker, PostgreSQL and ingest share the cores.",
    )
