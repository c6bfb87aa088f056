"""The relay notices a topic that was made anew."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from services.kafka.relay import Relay
from services.ledger.queries import Queries
from tests.fix_kafka import WAIT_S_MAX, Broker, Stage, wait_until
from tests.fix_service import Service
from tests.kafka.test_relay import copy_of, listed
from tests.small_city import event, events

pytestmark = pytest.mark.kafka


@contextmanager
def relaying(stage: Stage) -> Iterator[None]:
    """A relay in a thread of this process, until the end."""
    stopping = threading.Event()
    with Queries.open(stage.conninfo) as queries:
        one = Relay(stage.settings(kafka_ledger_topic=stage.topic), queries, stopping)
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
    broker: Broker, store: str, tmp_path: Path, topic: str
) -> None:
    stage = Stage(broker, store, topic)
    with Service(tmp_path, "--dev", database_url=store) as service:
        service.publish(list(islice(events(), 40)))
        service.publish(event("gone", "organization.deregistered", org="group:g-1", reason="dissolved"))
        rows = listed(service, 41)
        with relaying(stage):
            wait_until(lambda: topic in topics(broker) and copy_of(broker, topic)[0] == rows, "all is out")
            broker.delete(topic)
            wait_until(lambda: topic in topics(broker), "the topic is there again")
            wait_until(lambda: copy_of(broker, topic)[0] == rows, "all is out again")
        with broker.admin() as admin:
            settings = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
    assert settings["cleanup.policy"]["value"] == "compact"
