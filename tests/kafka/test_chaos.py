"""200,000 events while everything that can fail fails: each message has one disposition, and the ledger is right."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

from tests.fix_kafka import Broker, Stage, allowed
from tests.fix_outages import Outages
from tests.kafka.accounts import (
    PARTITIONS,
    assert_accounted,
    assert_right,
    lines,
    send,
    without_conflicts,
)

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

EVENTS = int(os.environ.get("TAIZHANG_TEST_CHAOS_EVENTS", "200000"))
STORM_S = 30
ACTS_WITH_OUTAGES = 60
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
