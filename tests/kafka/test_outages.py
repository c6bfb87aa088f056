"""Kafka or PostgreSQL away: nothing is lost, nothing is taken twice, nobody needs to restart anything."""

import time
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from tests import small_city
from tests.aftermath import assert_nothing_lost
from tests.fix_kafka import Broker, Record, Stage, allowed, wait_until
from tests.fix_outages import Outages
from tests.sending import as_bytes

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]


def events(first: int, count: int) -> list[Record]:
    found = islice(small_city.events(), first, first + count)
    return [Record(as_bytes(each), str(n).encode()) for n, each in enumerate(found, first)]


def assert_all_in(stage: Stage, count: int, rng: Random) -> None:
    """Each of the first so many events once, and the ledger is their fold."""
    assert stage.tally() == (count, count, 0, 0)
    assert_nothing_lost(stage.conninfo, rng, [each.value or b"" for each in events(0, count)])


def until_told(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wait until ingest says so."""
    said = list[str]()

    def told() -> bool:
        said.append(capsys.readouterr().out)
        return words in "".join(said)

    wait_until(told, words)


@pytest.fixture
def fragile(broker: Broker, outages: Outages, topic: str) -> Stage:
    """A stage whose database can be taken away."""
    broker.create(topic, 4)
    return allowed(broker, outages.conninfo, topic)


def test_ingest_goes_on_by_itself_once_postgresql_is_back(
    fragile: Stage, outages: Outages, rng: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    with fragile.ingesting():
        fragile.send(events(0, 300))
        fragile.wait_caught_up()
        outages.stop_immediately()
        fragile.send(events(300, 300))
        until_told("PostgreSQL is away", capsys)
        outages.start()
        fragile.wait_caught_up()
        fragile.send(events(600, 300))
        fragile.wait_caught_up()
    assert_all_in(fragile, 900, rng)
    assert "PostgreSQL is back" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["before_commit", "after_commit"])
def test_a_connection_cut_at_commit_neither_loses_nor_repeats_a_batch(
    fragile: Stage, outages: Outages, rng: Random, fault: str
) -> None:
    with fragile.ingesting():
        for first in range(0, 1000, 100):
            outages.proxy.fault = "after_commit" if fault == "after_commit" else "before_commit"
            fragile.send(events(first, 100))
            fragile.wait_caught_up()
        outages.proxy.fault = "none"
    assert outages.proxy.cuts >= 5
    assert_all_in(fragile, 1000, rng)


def test_ingest_starts_before_postgresql_does(fragile: Stage, outages: Outages, rng: Random) -> None:
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
    assert_all_in(fragile, 50, rng)


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_ingest_goes_on_by_itself_once_kafka_is_back(  # noqa: PLR0917 - fixtures
    store: str, tmp_path: Path, topic: str, rng: Random, capsys: pytest.CaptureFixture[str], verb: str
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
            until_told("Kafka is away", capsys)
            own.do("start")
            stage.send(events(300, 300))
            stage.wait_caught_up()
    finally:
        own.do("stop")
    assert_all_in(stage, 600, rng)
    assert "Kafka is back" in capsys.readouterr().out


def test_ingest_starts_before_kafka_does(store: str, tmp_path: Path, topic: str, rng: Random) -> None:
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
    assert_all_in(stage, 100, rng)
