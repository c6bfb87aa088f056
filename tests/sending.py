"""Events as a registry sends them, for tests of what becomes of them."""

import json
from collections.abc import Iterable
from typing import Any

from domain.access.rights import Right
from domain.events.access import Role
from services.log.messages import Message, Publisher

ORG = "uscc:91330106MA2A1B2C35"
MARKET = "https://registry.example/market"
CIVIL = "https://registry.example/civil"
REGISTRY = Publisher("registry")
STEWARD = Publisher("steward", (Right(frozenset(("steward",))),))
STEWARD_LI = Publisher("steward Li", STEWARD.rights)
ADMINISTRATOR = Publisher("administrator", (Right(frozenset(("administrator",))),))


def limited(name: str, *regions: str, steward: bool = False, sources: Iterable[str] | None = None) -> Publisher:
    """A publisher of one right, limited to regions, to sources or to both."""
    roles: frozenset[Role] = frozenset(("steward",) if steward else ("publisher",))
    scope = regions or None
    return Publisher(name, (Right(roles, None if sources is None else frozenset(sources), None, scope),))


def granted(holder: str, access: str = "access:t", **data: object) -> Message:
    """An administrator's grant from 2024 on, of a publisher if no roles are given."""
    told = {"effective_on": "2024-01-01", "access": access, "holder": holder, "roles": ["publisher"], **data}
    return http(envelope(f"grant {access}", "access.granted", told, "/taizhang/access"), ADMINISTRATOR)


def revoked(access: str = "access:t") -> Message:
    """An administrator takes it back."""
    told = {"effective_on": "2024-01-02", "access": access, "reason": "left"}
    return http(envelope(f"revoke {access}", "access.revoked", told, "/taizhang/access"), ADMINISTRATOR)


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
