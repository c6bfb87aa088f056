"""A small invented city: events that are quickly made in any number, and a log that holds them."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from services.intake.intake import Intake
from services.log.messages import Message, Publisher
from services.postgres.database import migrate

REGISTRY = "/registry/groups"
PUBLISHER = Publisher("group-registry")


def events() -> Iterator[dict[str, Any]]:
    """Endless: each group is registered, half get a courier who is a full member, each tenth a joint branch."""
    number = 0
    while True:
        number += 1
        group = f"group:g-{number}"
        region = f"99{number % 3 + 1:02d}"
        yield event(
            f"registered-{number}", "organization.registered", org=group, kind="new_employment_group",
            category="courier", name=f"快递站 {number}", region=region, employees=number % 60,
        )  # fmt: skip
        if number % 2:
            yield event(
                f"enrolled-{number}", "member.enrolled", member=f"member:m-{number}", standing="full", org=group
            )
        if number % 10 == 0:
            yield event(
                f"formed-{number}", "branch.formed", branch=f"branch:b-{number}", name="联合支部", tier="branch",
                formation="joint", region=region, covers=[f"group:g-{each}" for each in range(number - 4, number + 1)],
            )  # fmt: skip


def event(id_: str, name: str, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """One CloudEvent of the registry."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": REGISTRY,
        "type": f"taizhang.{name}.v1",
        "time": "2024-03-01T08:00:00+08:00",
        "data": {"effective_on": "2024-03-01", **data},
    }


def message(content: dict[str, Any], index: int = 0) -> Message:
    """The event as it comes over HTTP."""
    raw = json.dumps(content, ensure_ascii=False).encode()
    return Message(raw, {"channel": "http", "request": "test", "index": index}, PUBLISHER)


def fill(conninfo: str, count: int, skip: int = 0) -> None:
    """Put `count` events of the city into the log, after the first `skip` of them."""
    migrate(conninfo)
    intake = Intake.open(conninfo, "test")
    try:
        for batch in _batches(islice(events(), skip, skip + count)):
            receipts = intake.admit([message(content, index) for index, content in enumerate(batch)])
            assert {receipt.disposition for receipt in receipts} == {"accepted"}
    finally:
        intake.close()


def _batches(contents: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(contents, 1000)):
        yield batch
