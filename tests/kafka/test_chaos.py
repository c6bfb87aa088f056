"""200,000 events while everything that can fail fails: each message has one disposition, and the ledger is right."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from datetime import date
from itertools import islice

import pytest

from domain.events.envelope import read_event
from domain.events.facts import Event, EventKey
from domain.events.types import CORRECTED
from domain.ledger.rows import Row, ledger
from services.demo_city.world import events
from services.kafka.publishing import key_of
from tests.aftermath import assert_nothing_lost, logged
from tests.fix_kafka import STRUCTURED, Broker, Stage, allowed
from tests.fix_outages import Outages
from tests.histories import fits

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

PARTITIONS = 8
EVENTS = int(os.environ.get("TAIZHANG_TEST_CHAOS_EVENTS", "200000"))
STORM_S = 30
ACTS_WITH_OUTAGES = 60
AS_OF = (date(2024, 12, 31), date(2026, 6, 30))
POINTS = ("after_commit", "in_mid_batch", "after_fence")


class Crowd:
    """The ingest processes: some die at a named point, any may be killed, each is replaced."""

    def __init__(self, stage: Stage, rng: random.Random, size: int) -> None:
        self._stage = stage
        self._rng = rng
        self._processes = [self._spawn() for _ in range(size)]
        self.deaths = 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self._rng.random() < 0.5:
            return self._stage.spawn(TAIZHANG_LOG_LEVEL="warning")
        point, number = self._rng.choice(POINTS), self._rng.randint(1, 6)
        return self._stage.spawn("-m", "tests.kafka.faulty", point, str(number))

    def replace_dead(self) -> None:
        for index, each in enumerate(self._processes):
            if each.poll() is not None:
                assert each.returncode == -signal.SIGKILL
                self.deaths += 1
                self._processes[index] = self._spawn()

    def kill_one(self) -> None:
        victim = self._rng.choice(self._processes)
        victim.kill()
        victim.wait()

    def calm(self) -> None:
        """From now on nobody dies."""
        self.disband()
        self._processes = [self._stage.spawn(TAIZHANG_LOG_LEVEL="warning") for _ in range(2)]

    def disband(self) -> None:
        for each in self._processes:
            each.kill()
            each.wait()


def lines(count: int) -> list[bytes]:
    return [line.strip() for line in islice(events(0.5, 7), count)]


def send(stage: Stage, messages: list[bytes], pause_s: float) -> None:
    """Keyed by subject; what has none goes by its number."""
    with stage.broker.producer(linger_ms=20, retries=1000, delivery_timeout_ms=300_000) as producer:
        for number, raw in enumerate(messages):
            producer.send(stage.topic, key=key_of(raw) or str(number).encode(), value=raw, headers=STRUCTURED)
            if number % 1000 == 0:
                time.sleep(pause_s)


def expected(messages: list[bytes]) -> dict[EventKey, Event]:
    """What a log holds that took these in order: the first of each name that can be read."""
    known: dict[EventKey, Event] = {}
    for raw in messages:
        event = read_event(raw).event
        if event is not None:
            known.setdefault(event.key, event)
    return known


def rows_of(known: dict[EventKey, Event], as_of: date) -> list[Row]:
    return sorted(ledger(known.values(), as_of, fits).rows())


def assert_accounted(stage: Stage, messages: int) -> None:
    """Received = accepted + duplicate + quarantined, for each partition and in total; offsets at the end."""
    ends = stage.broker.ends(stage.topic)
    assert stage.stored() == ends
    by_partition = stage.query(
        "SELECT partition, sum(received)::int, sum(accepted + duplicate + quarantined)::int"
        " FROM taizhang.tally WHERE topic = %s GROUP BY partition",
        stage.topic,
    )
    assert {partition: received for partition, received, _ in by_partition} == ends
    assert all(received == disposed for _, received, disposed in by_partition)
    assert stage.tally()[0] == messages
    coordinates = Counter(
        row
        for table in ("log", "duplicate", "quarantine")
        for row in stage.query(f"SELECT (intake->>'partition')::int, (intake->>'offset')::int FROM taizhang.{table}")  # noqa: S608 - a fixed list
        if row != (None, None)  # the grant to the topic
    )
    assert set(coordinates.values()) == {1}, "a message with two dispositions"
    assert len(coordinates) == messages


@pytest.mark.timeout(1200)
def test_whatever_fails_each_message_has_one_disposition_and_the_ledger_is_right(
    broker: Broker, outages: Outages, topic: str, rng: random.Random
) -> None:
    broker.create(topic, PARTITIONS)
    stage = allowed(broker, outages.conninfo, topic)
    messages = lines(EVENTS)
    producing = threading.Thread(target=send, args=(stage, messages, 60 / (len(messages) / 1000)))
    crowd = Crowd(stage, rng, 3)
    storms = [stage.spawn("-m", "tests.kafka.faulty", "storm", str(STORM_S)) for _ in range(3)]
    producing.start()
    try:
        began, acts = time.monotonic(), 0
        while producing.is_alive() or any(each.poll() is None for each in storms):
            time.sleep(rng.uniform(0.5, 2))
            crowd.replace_dead()
            outages.proxy.fault = "after_commit" if rng.random() < 0.5 else "none"
            if rng.random() < 0.4:
                crowd.kill_one()
            acts += 1
            if acts % 15 == 5 and acts < ACTS_WITH_OUTAGES:
                outages.stop_immediately()
                time.sleep(rng.uniform(0.2, 3))
                outages.start()
            if acts % 15 == 12 and acts < ACTS_WITH_OUTAGES:
                broker.do(rng.choice(["stop", "kill"]))
                broker.do("start")
            assert time.monotonic() - began < 600
        producing.join()
        outages.proxy.fault = "none"
        crowd.calm()
        stage.wait_caught_up(300)
    finally:
        crowd.disband()
        for each in storms:
            each.kill()
            each.wait()
    assert [each.returncode for each in storms] == [0, 0, 0]
    assert crowd.deaths >= 5
    assert outages.proxy.cuts >= 5
    assert_accounted(stage, len(messages))
    assert_right(stage, messages, rng)


def assert_right(stage: Stage, messages: list[bytes], rng: random.Random) -> None:
    """What is stored is what was sent, and so is what the ledger answers, by the fold from scratch."""
    assert_nothing_lost(stage.conninfo, rng, messages)
    grant, *facts = logged(stage.conninfo)
    assert grant.type == "taizhang.access.granted.v1"
    sent, stored = expected(messages), {event.key: event for event in facts}
    # A correction that does not fit its target is quarantined after it and held before it: it has no effect in either.
    assert {key for key in sent.keys() ^ stored.keys() if {**sent, **stored}[key].type != CORRECTED} == set()
    for as_of in AS_OF:
        right = rows_of(sent, as_of)
        assert len(right) > 100
        assert rows_of(stored, as_of) == right


def without_conflicts(messages: list[bytes]) -> list[bytes]:
    """Only one content under each name: of two, the first to arrive is the fact."""
    first: dict[EventKey, bytes | None] = {}
    kept = []
    for raw in messages:
        reading = read_event(raw)
        if reading.identity is None or first.setdefault(reading.identity, reading.content_sha256) == (
            reading.content_sha256
        ):
            kept.append(raw)
    return kept


@pytest.mark.parametrize("stream", ["twice", "in another order"])
def test_a_stream_sent_twice_or_in_another_order_gives_the_same_ledger(
    broker: Broker, store: str, topic: str, rng: random.Random, stream: str
) -> None:
    messages = without_conflicts(lines(6000))
    sent = messages * 2 if stream == "twice" else rng.sample(messages, len(messages))
    stage = allowed(broker, store, topic)
    broker.create(topic, PARTITIONS)
    with stage.ingesting():
        send(stage, sent, 0)
        stage.wait_caught_up(120)
    assert_accounted(stage, len(sent))
    assert_right(stage, messages, rng)
