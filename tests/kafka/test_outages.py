"""Kafka or PostgreSQL away: nothing is lost, nothing is taken twice, nobody needs to restart anything."""

import time
from pathlib import Path

import pytest

from services.log.writer import TRY_FOR_S
from tests.fix_kafka import Broker, Record, Stage, allowed, wait_until
from tests.fix_outages import Outages
from tests.sending import as_bytes, removed

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


def events(first: int, count: int) -> list[Record]:
    return [Record(as_bytes(removed(f"e{n}")), str(n).encode()) for n in range(first, first + count)]


@pytest.fixture
def fragile(broker: Broker, outages: Outages, topic: str) -> Stage:
    """A stage whose database can be taken away."""
    broker.create(topic, 4)
    return allowed(broker, outages.conninfo, topic)


def test_ingest_goes_on_by_itself_once_postgresql_is_back(
    fragile: Stage, outages: Outages, capsys: pytest.CaptureFixture[str]
) -> None:
    with fragile.ingesting():
        fragile.send(events(0, 300))
        fragile.wait_caught_up()
        outages.stop_immediately()
        fragile.send(events(300, 300))
        time.sleep(TRY_FOR_S + 3)
        outages.start()
        fragile.wait_caught_up()
        fragile.send(events(600, 300))
        fragile.wait_caught_up()
    assert fragile.tally() == (900, 900, 0, 0)
    said = capsys.readouterr().out
    assert "PostgreSQL is away" in said
    assert "PostgreSQL is back" in said


@pytest.mark.parametrize("fault", ["before_commit", "after_commit"])
def test_a_connection_cut_at_commit_neither_loses_nor_repeats_a_batch(
    fragile: Stage, outages: Outages, fault: str
) -> None:
    with fragile.ingesting():
        for first in range(0, 1000, 100):
            outages.proxy.fault = "after_commit" if fault == "after_commit" else "before_commit"
            fragile.send(events(first, 100))
            fragile.wait_caught_up()
        outages.proxy.fault = "none"
    assert outages.proxy.cuts >= 5
    assert fragile.tally() == (1000, 1000, 0, 0)


def test_ingest_starts_before_postgresql_does(fragile: Stage, outages: Outages) -> None:
    outages.stop_immediately()
    process = fragile.spawn()
    try:
        fragile.send(events(0, 50))
        time.sleep(3)
        assert process.poll() is None
        outages.start()
        fragile.wait_caught_up()
    finally:
        process.kill()
        process.wait()
    assert fragile.tally() == (50, 50, 0, 0)


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_ingest_goes_on_by_itself_once_kafka_is_back(
    store: str, tmp_path: Path, topic: str, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    own = Broker(tmp_path / "broker")
    own.do("start")
    try:
        own.create(topic, 4)
        stage = allowed(own, store, topic)
        with stage.ingesting():
            stage.send(events(0, 300))
            stage.wait_caught_up()
            own.do(verb)
            time.sleep(6)
            own.do("start")
            stage.send(events(300, 300))
            stage.wait_caught_up()
    finally:
        own.do("stop")
    assert stage.tally() == (600, 600, 0, 0)
    said = capsys.readouterr().out
    assert "Kafka is away" in said
    assert "Kafka is back" in said


def test_ingest_starts_before_kafka_does(store: str, tmp_path: Path, topic: str) -> None:
    own = Broker(tmp_path / "broker")
    stage = allowed(own, store, topic)
    try:
        with stage.ingesting():
            time.sleep(2)
            own.do("start")
            own.create(topic, 2)
            stage.send(events(0, 100))
            wait_until(lambda: stage.tally() == (100, 100, 0, 0), "everything is in")
    finally:
        own.do("stop")
