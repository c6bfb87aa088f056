"""What stands in the published topics, and in the ledger beside it."""

import json
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.fix_kafka import Broker
from tests.fix_service import Service


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


def copy_of(broker: Broker, topic: str) -> tuple[dict[str, Any], int]:
    """The rows that the last records say, and the highest position in a header."""
    rows: dict[str, Any] = {}
    highest = 0
    for record in read(broker, topic):
        highest = max(highest, int(dict(record.headers)["position"]))
        if record.value is None:
            rows.pop(record.key.decode(), None)
        else:
            rows[record.key.decode()] = json.loads(record.value)["row"]
    return rows, highest


def listed(service: Service, position: int) -> dict[str, Any]:
    page = service.get("/v1/organizations", known_at=position, min_position=position, limit=1000)
    assert page["next"] is None
    return {row["org"]: row for row in page["organizations"]}
