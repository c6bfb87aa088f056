"""A group of quarantined messages: seen by its reason, tried without a trace, taken in together."""

import json
from typing import Any

from tests.fix_service import Service
from tests.sending import MARKET, removed

OTHER = "https://registry.example/other"


def redrive(service: Service, dry_run: bool = True, **meant: str) -> dict[str, Any]:  # noqa: FBT001, FBT002 - as the API has it
    answer = service.http.post("/v1/quarantine/redrive", json=meant, params={"dry_run": str(dry_run).lower()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(outcome: dict[str, Any]) -> tuple[int, int, int]:
    return outcome["accepted"], outcome["duplicate"], outcome["still_refused"]


def test_a_group_is_tried_without_a_trace_and_redriven_once(fresh_service: Service) -> None:
    service = fresh_service
    unknown = [removed(f"v{n}") | {"type": "taizhang.visit.recorded.v1"} for n in (1, 2)]
    broken = removed("b", OTHER) | {"data": {"effective_on": "2024-05-01", "membre": "x"}}
    service.publish([removed("a"), *unknown, broken])
    first, *rest = service.get("/v1/quarantine/groups")["groups"]
    assert (first["rule"], first["source"], first["messages"]) == ("type_unknown", MARKET, 2)
    assert {(each["rule"], each["messages"]) for each in rest} == {("missing", 1), ("extra_forbidden", 1)}

    assert counts(redrive(service, rule="type_unknown")) == (0, 0, 2)
    assert counts(redrive(service, source=OTHER)) == (0, 0, 1)
    tried = redrive(service)
    assert counts(tried) == (0, 0, 3)
    assert [each["quarantine_id"] for each in tried["refusals"]] == [1, 2, 3]
    assert service.get("/v1/quarantine/1")["actions"] == []

    assert counts(redrive(service, dry_run=False)) == (0, 0, 3)
    assert [each["action"] for each in service.get("/v1/quarantine/1")["actions"]] == ["still_refused"]
    assert json.dumps(tried["refusals"][2]["reasons"]).count("membre") >= 1
