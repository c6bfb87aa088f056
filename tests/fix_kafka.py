"""A real Apache Kafka of the test run's own, topics of each test's own, and ingest on them."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions, NewTopic

from services.intake.intake import Intake
from services.kafka.ingest import Ingest
from services.kafka.reader import Reader
from services.system.settings import Settings, load
from tests.sending import granted

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "deploy" / "kafka" / "broker"
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
WAIT_S_MAX = 180.0


def wait_until(holds: Callable[[], bool], what: str, seconds_max: float = WAIT_S_MAX) -> None:
    deadline = time.monotonic() + seconds_max
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds_max:.0f} s: {what}"
        time.sleep(0.05)


def two_free_ports() -> int:
    """A port that is free and followed by a free one, which the controller takes."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
                return port


class Broker:
    """One broker, on a port and in a folder of its own."""

    def __init__(self, folder: Path, more: Path | None = None) -> None:
        self.port = two_free_ports()
        self.address = f"127.0.0.1:{self.port}"
        self._environment = {**os.environ, "KAFKA_PORT": str(self.port), "KAFKA_DIR": str(folder)}
        if more is not None:
            self._environment["KAFKA_MORE"] = str(more)

    def do(self, verb: str) -> None:
        """`start`, `stop` or `kill`, as deploy/kafka/broker has it."""
        subprocess.run([SCRIPT, verb], env=self._environment, check=True, timeout=300)

    @contextlib.contextmanager
    def admin(self) -> Iterator[Any]:
        client = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            yield client
        finally:
            client.close()

    def create(self, topic: str, partitions: int, **config: str) -> None:
        with self.admin() as admin:
            admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])

    def delete(self, topic: str) -> None:
        with self.admin() as admin:
            admin.delete_topics([topic])

    def widen(self, topic: str, partitions: int) -> None:
        with self.admin() as admin:
            admin.create_partitions({topic: NewPartitions(partitions)})

    @contextlib.contextmanager
    def producer(self, **options: object) -> Iterator[Any]:
        client = KafkaProducer(bootstrap_servers=self.address, acks="all", **options)
        try:
            yield client
            client.flush(timeout=300)
        finally:
            client.close(timeout=10)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last, by partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.address, group_id=None)
        try:
            partitions = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
            return {each.partition: offset for each, offset in consumer.end_offsets(partitions).items()}
        finally:
            consumer.close()


def need_kafka() -> None:
    """Skip where Apache Kafka cannot run. Where CI asks for it, its absence is a failure."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"Apache Kafka needs {' and '.join(missing)}")
    assert not missing, f"CI=true, and there is no {' and no '.join(missing)} on the PATH"
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # as `taizhang ingest` does


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """The run's broker."""
    need_kafka()
    with tempfile.TemporaryDirectory(prefix="taizhang-kafka-") as folder:
        one = Broker(Path(folder) / "卡夫卡 broker")
        one.do("start")
        yield one
        one.do("stop")


class Record(NamedTuple):
    """One record to be produced; the partition may be left to the key."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = STRUCTURED
    partition: int | None = None


class Stage:
    """One test's topic and database, and what is asked of both; `log` is where its processes' words go, if said."""

    log: Path | None = None

    def __init__(self, broker: Broker, conninfo: str, topic: str) -> None:
        self.broker = broker
        self.conninfo = conninfo
        self.topic = topic

    def settings(self, **overrides: object) -> Settings:
        fields = {
            "database_url": self.conninfo,
            "kafka_bootstrap": self.broker.address,
            "kafka_topics": self.topic,
            "kafka_group": f"group-of-{self.topic}",
        }
        return load(**{**fields, **overrides})

    def send(self, records: Iterable[Record], **options: object) -> None:
        with self.broker.producer(**options) as producer:
            for each in records:
                producer.send(
                    self.topic, key=each.key, value=each.value, headers=list(each.headers), partition=each.partition
                )

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def stored(self) -> dict[int, int]:
        """The stored offset, by partition."""
        rows = self.query("SELECT partition, next_offset FROM taizhang.kafka_partition WHERE topic = %s", self.topic)
        return {int(partition): int(offset) for partition, offset in rows}

    def caught_up(self) -> bool:
        """Whether the stored offsets have come to the end of every partition."""
        ends = self.broker.ends(self.topic)
        try:
            stored = self.stored()
        except psycopg.OperationalError:
            return False
        return {partition: stored.get(partition, 0) for partition in ends} == ends

    def wait_caught_up(self, seconds_max: float = WAIT_S_MAX) -> None:
        wait_until(self.caught_up, f"stored offsets at the end of {self.topic}", seconds_max)

    def tally(self) -> tuple[int, int, int, int]:
        """Received, accepted, duplicate, quarantined; over all sources."""
        ((row),) = self.query(
            "SELECT coalesce(sum(received), 0), coalesce(sum(accepted), 0), coalesce(sum(duplicate), 0),"
            " coalesce(sum(quarantined), 0) FROM taizhang.tally WHERE topic = %s",
            self.topic,
        )
        received, accepted, duplicate, quarantined = map(int, row)
        return received, accepted, duplicate, quarantined

    @contextlib.contextmanager
    def ingesting(self, conninfo: str | None = None) -> Iterator[Ingest]:
        """Ingest in a thread of this process, optionally by way of another address of the database."""
        settings = self.settings()
        intake = Intake.open(conninfo or self.conninfo, "ingest")
        owner = f"thread-{secrets.token_hex(4)}"
        stopping = threading.Event()
        ingest = Ingest(intake, lambda: Reader(settings, owner), owner, stopping)
        thread = threading.Thread(target=ingest.run, name=owner)
        thread.start()
        try:
            yield ingest
        finally:
            stopping.set()
            thread.join(WAIT_S_MAX)
            intake.close()
        assert not thread.is_alive()

    def spawn(self, *command: str, conninfo: str | None = None, **variables: str) -> subprocess.Popen[bytes]:
        """`taizhang ingest`, or another Python program in its place, as a process with this stage's settings."""
        settings = self.settings()
        environment = {
            **os.environ,
            "TAIZHANG_DATABASE_URL": conninfo or self.conninfo,
            "TAIZHANG_KAFKA_BOOTSTRAP": self.broker.address,
            "TAIZHANG_KAFKA_TOPICS": settings.kafka_topics,
            "TAIZHANG_KAFKA_GROUP": settings.kafka_group,
            **variables,
        }
        program = list(command) or ["-m", "services.commands.cli", "ingest"]
        with self.log.open("ab") if self.log is not None else contextlib.nullcontext() as told:
            return subprocess.Popen(
                [sys.executable, *program],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
            )


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> int:
    """Signal a process and wait for its end; return its exit code."""
    process.send_signal(number)
    return process.wait(WAIT_S_MAX)


@pytest.fixture
def topic() -> str:
    return f"topic-{secrets.token_hex(4)}"


@pytest.fixture
def stage(broker: Broker, store: str, topic: str) -> Stage:
    """A topic of four partitions and a migrated, empty database."""
    broker.create(topic, 4)
    return allowed(broker, store, topic)


def allowed(broker: Broker, conninfo: str, topic: str) -> Stage:
    """A stage whose topic may say whatever a steward may."""
    allow(conninfo, topic)
    return Stage(broker, conninfo, topic)


def allow(conninfo: str, topic: str) -> None:
    """Grant a topic all that a steward may say, from the log's first position on."""
    intake = Intake.open(conninfo, "test")
    (receipt,) = intake.admit([granted(f"kafka:{topic}", f"access:{topic}", roles=["steward"])])
    intake.close()
    assert receipt.position == 1, receipt
