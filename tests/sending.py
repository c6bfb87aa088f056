"""Events as a registry sends them, for tests of what becomes of them."""

import json
from typing import Any

from services.log.messages import Message, Publisher

ORG = "uscc:91330106MA2A1B2C35"
MARKET = "https://registry.example/market"
CIVIL = "https://registry.example/civil"
REGISTRY = Publisher("registry")
STEWARD = Publisher("steward", steward=True)


def envelope(id_: str, name: str, data: dict[str, Any], source: str = MARKET, **attributes: str) -> dict[str, Any]:
    """A CloudEvents event as parsed JSON."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"taizhang.{name}.v1",
        "time": "2024-05-01T09:00:00+08:00",
        "data": data,
        **attributes,
    }


def removed(id_: str, source: str = MARKET, member: str = "member:m1", on: str = "2024-05-01") -> dict[str, Any]:
    """The shortest good fact."""
    return envelope(id_, "member.removed", {"effective_on": on, "member": member}, source)


def corrected(id_: str, target: str, replacement: dict[str, Any], source: str = MARKET) -> dict[str, Any]:
    """A correction of an event of MARKET."""
    data = {"corrects": {"source": MARKET, "id": target}, "replacement": replacement, "reason": "typing error"}
    return envelope(id_, "event.corrected", data, source)


def retracted(id_: str, target: str, source: str = MARKET) -> dict[str, Any]:
    """A retraction of an event of MARKET."""
    data = {"retracts": {"source": MARKET, "id": target}, "reason": "entered twice"}
    return envelope(id_, "event.retracted", data, source)


def http(event: dict[str, Any] | bytes, publisher: Publisher = REGISTRY, index: int = 0) -> Message:
    """The message of one HTTP request."""
    return Message(as_bytes(event), {"channel": "http", "request": "r1", "index": index}, publisher)


def kafka(event: dict[str, Any] | bytes, offset: int, partition: int = 0, publisher: Publisher = REGISTRY) -> Message:
    """The message at an offset of the topic `registry`."""
    intake = {"channel": "kafka", "topic": "registry", "partition": partition, "offset": offset}
    return Message(as_bytes(event), intake, publisher)


def as_bytes(event: dict[str, Any] | bytes) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
