"""The relay in outages: in mid-send, beside another that stood still, and with a topic that was made anew."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaConnectionError

from services.kafka import relay, relay_turn
from services.kafka import sending as sending_room
from services.kafka.relay import Relay
from services.kafka.sending import Sending
from services.ledger import ledger_stream
from services.ledger.queries import Queries
from tests.aftermath import assert_nothing_lost
from tests.fix_kafka import WAIT_S_MAX, Broker, Stage, wait_until
from tests.fix_service import Service
from tests.kafka.published import copy_of, listed
from tests.small_city import event, events

pytestmark = pytest.mark.kafka
# Longer than a relay waits for the brokers before it begins anew.
AWAY_S = 10.0


@contextmanager
def relaying(stage: Stage, *, from_start: bool = False) -> Iterator[None]:
    """A relay in a thread of this process, until the end."""
    stopping = threading.Event()
    with Queries.open(stage.conninfo) as queries:
        one = Relay(stage.settings(kafka_ledger_topic=stage.topic), queries, stopping, from_start=from_start)
        thread = threading.Thread(target=one.run)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(WAIT_S_MAX)
    assert not thread.is_alive()


def topics(broker: Broker) -> list[str]:
    with broker.admin() as admin:
        found: list[str] = admin.list_topics()
        return found


def test_a_topic_that_was_deleted_is_made_again_and_gets_everything(
    broker: Broker, store: str, tmp_path: Path, topic: str, rng: random.Random
) -> None:
    stage = Stage(broker, store, topic)
    with Service(tmp_path, "--dev", database_url=store) as service:
        service.publish(list(islice(events(), 40)))
        service.publish(event("gone", "organization.deregistered", org="group:g-1", reason="dissolved"))
        rows = listed(service, 41)
        with relaying(stage):
            wait_until(lambda: topic in topics(broker) and copy_of(broker, topic) == rows, "all is out")
            broker.delete(topic)
            wait_until(lambda: topic in topics(broker), "the topic is there again")
            wait_until(lambda: copy_of(broker, topic) == rows, "all is out again")
        assert_nothing_lost(store, rng, service=service)
        with broker.admin() as admin:
            settings = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
    assert settings["cleanup.policy"]["value"] == "compact"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part for every five organizations, so that a small ledger takes many."""
    monkeypatch.setattr(ledger_stream, "CHUNK", 5)
    monkeypatch.setattr(relay, "PART_MIN", 5)


def sent(stage: Stage) -> int:
    """Records that the relay has stored as acknowledged."""
    return sum(int(row[0]) for row in stage.query("SELECT sent FROM taizhang.relay"))


@pytest.mark.usefixtures("small_parts")
def test_a_relay_that_lost_its_brokers_in_mid_send_goes_on_where_it_stood_and_from_start_sends_all_anew(  # noqa: PLR0917 - fixtures
    broker: Broker,
    store: str,
    tmp_path: Path,
    topic: str,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage, commit, commits = Stage(broker, store, topic), Sending.commit, list[int]()

    def failing(sending: Sending) -> int:
        commits.append(1)
        if len(commits) == 4:
            raise KafkaConnectionError("the brokers are gone")
        return commit(sending)

    monkeypatch.setattr(Sending, "commit", failing)
    with Service(tmp_path, "--dev", database_url=store) as service:
        service.publish(list(islice(events(), 120)))
        rows = listed(service, 120)
        with relaying(stage):
            wait_until(lambda: topic in topics(broker) and sent(stage) >= len(rows), "all is out")
            wait_until(lambda: stage.query("SELECT position FROM taizhang.relay") == [(120,)], "the mark is stored")
        assert copy_of(broker, topic) == rows
        assert sent(stage) == len(rows)  # no part was counted twice
        assert "the relay goes on where it stood" in capsys.readouterr().out
        with relaying(stage, from_start=True):
            wait_until(lambda: sent(stage) == 2 * len(rows), "all is out again")
        assert copy_of(broker, topic) == rows
        assert_nothing_lost(store, rng, service=service)


# The producer of a relay that met no broker cannot flush when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.chaos
@pytest.mark.usefixtures("small_parts")
def test_brokers_away_in_mid_send_and_a_policy_that_touches_every_row_lose_nothing(
    store: str, tmp_path: Path, topic: str, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_room, "FLUSH_TIMEOUT_S", 4.0)
    commit, commits = Sending.commit, list[int]()
    amid, goes_on = threading.Event(), threading.Event()

    def standing_still(sending: Sending) -> int:
        commits.append(1)
        if len(commits) == 4:
            amid.set()
            assert goes_on.wait(WAIT_S_MAX)
        return commit(sending)

    monkeypatch.setattr(Sending, "commit", standing_still)
    own = Broker(tmp_path / "broker")
    own.do("start")
    try:
        stage = Stage(own, store, topic)
        with Service(tmp_path, "--dev", database_url=store) as service:
            service.publish(list(islice(events(), 400)))
            with relaying(stage):
                wait_until(amid.is_set, "some of it is out")
                own.do("kill")
                goes_on.set()
                assert stage.query("SELECT toward_position FROM taizhang.relay") == [(400,)]
                policy = {"full_members_for_branch": 1, "employees_for_branch": 10, "formations_counted": ["joint"]}
                service.publish(event("policy", "policy.adopted", **policy))
                rows = listed(service, 401)
                time.sleep(AWAY_S)
                own.do("start")
                wait_until(lambda: stage.query("SELECT position FROM taizhang.relay") == [(401,)], "all is out")
            assert sent(stage) > len(rows)
            assert copy_of(own, topic) == rows
            assert_nothing_lost(store, rng, service=service)
    finally:
        own.do("stop")


def test_a_relay_that_stood_still_in_mid_send_cannot_send_what_has_become_old(  # noqa: PLR0917 - fixtures
    broker: Broker,
    store: str,
    tmp_path: Path,
    topic: str,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(relay_turn, "LEASE_S", 1.0)
    stage, commit = Stage(broker, store, topic), Sending.commit
    stands, goes_on, first = threading.Event(), threading.Event(), list[Sending]()

    def standing_still(sending: Sending) -> int:
        first.append(sending)
        if sending is first[0] and not stands.is_set():
            stands.set()
            assert goes_on.wait(WAIT_S_MAX)
        return commit(sending)

    monkeypatch.setattr(Sending, "commit", standing_still)
    with Service(tmp_path, "--dev", database_url=store) as service:
        service.publish(list(islice(events(), 40)))
        with relaying(stage):
            wait_until(stands.is_set, "the first one has sent, and not committed")
            service.publish(event("gone", "organization.deregistered", org="group:g-1", reason="dissolved"))
            rows = listed(service, 41)
            with relaying(stage):
                wait_until(lambda: stage.query("SELECT position FROM taizhang.relay") == [(41,)], "the other took over")
            goes_on.set()
            told = list[str]()

            def noticed() -> bool:
                told.append(capsys.readouterr().out)
                return "Kafka is away" in "".join(told)

            wait_until(noticed, "the first one has noticed")
        assert copy_of(broker, topic) == rows
        assert "group:g-1" not in rows
        assert_nothing_lost(store, rng, service=service)
