"""Sends events to Kafka in structured mode, keyed by subject, so that one subject's events share a partition."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError

from domain.events.types import EVENT_TYPES
from services.kafka.clients import producer_options
from services.system.errors import TaizhangError
from services.system.settings import Settings

HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
IN_FLIGHT_MAX: Final = 5_000
FLUSH_TIMEOUT_S: Final = 60


class NotPublishedError(TaizhangError):
    """The brokers did not take an event."""


def key_of(raw: bytes) -> bytes | None:
    """An event's subject, or the data's first identifier where it leaves the subject out; None where neither reads."""
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict):
        return None
    subject = event.get("subject")
    if subject is None:
        model, data = EVENT_TYPES.get(str(event.get("type"))), event.get("data")
        identifier = model.identifier if model is not None else None
        subject = data.get(identifier) if isinstance(data, dict) and identifier is not None else None
    return subject.encode() if isinstance(subject, str) else None


def publish(settings: Settings, topic: str, events: Iterator[bytes], progress: Callable[[int, int], None]) -> int:
    """Send events in order, each with its bytes as given; return how many the brokers acknowledged.

    `progress` is called with the events and bytes sent since the last call.

    Raises:
        NotPublishedError: a broker did not take one; those before it may be sent again without harm.
        KafkaSettingsError: no brokers are named.
    """
    try:
        producer = KafkaProducer(**producer_options(settings, "taizhang-publish"))
    except KafkaError as error:
        raise NotPublishedError(f"no broker answers at {settings.kafka_bootstrap} ({error})") from error
    count, pending = 0, list[Any]()
    try:
        for event in events:
            pending.append(producer.send(topic, key=key_of(event), value=event, headers=HEADERS))
            progress(1, len(event) + 1)
            if len(pending) >= IN_FLIGHT_MAX:
                count += _settle(pending)
        count += _settle(pending)
    except KafkaError as error:
        raise NotPublishedError(
            f"topic {topic} took {count} events and then no more ({error}); send the file again, repeats do no harm"
        ) from error
    finally:
        producer.close(timeout=FLUSH_TIMEOUT_S)
    return count


def _settle(pending: list[Any]) -> int:
    for future in pending:
        future.get(timeout=FLUSH_TIMEOUT_S)
    settled = len(pending)
    pending.clear()
    return settled
