"""What stands in the published topics, and in the ledger beside it."""

import json
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.fix_kafka import Broker
from tests.fix_service import Service
from tests.folding import in_full


def read(broker: Broker, topic: str) -> list[Any]:
    """All records of a topic, in order within each partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker.address, group_id=None, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    partitions = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    found: list[Any] = []
    while any(consumer.position(each) < ends[each] for each in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            found += records
    consumer.close()
    return found


def copy_of(broker: Broker, topic: str) -> dict[str, Any]:
    """The rows that the last records say."""
    rows: dict[str, Any] = {}
    for record in read(broker, topic):
        if record.value is None:
            rows.pop(record.key.decode(), None)
        else:
            rows[record.key.decode()] = json.loads(record.value)["row"]
    return rows


def listed(service: Service, position: int) -> dict[str, Any]:
    page = service.get("/v1/organizations", known_at=position, min_position=position, limit=1000)
    assert page["next"] is None
    return in_full(service, page["organizations"], known_at=position)
