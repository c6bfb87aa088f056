"""The stream of the ledger's changes: whoever keeps the last row of each organization has the ledger."""

import json
import signal
import time
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fix_service import Service
from tests.folding import in_full
from tests.small_city import event, events

pytestmark = pytest.mark.long

Copy = dict[str, dict[str, Any] | None]


def follow(service: Service, copy: Copy, position: int, after: str | None = None) -> str:
    """Apply changes to a copy until it has come to a position; give the last id."""
    parameters = {} if after is None else {"after": after}
    with service.http.stream("GET", "/v1/ledger/stream", params=parameters) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if fields.get("event") == "row":
                change = json.loads(fields["data"])
                copy[change["org"]] = change["row"]
            elif fields.get("event") == "mark" and int(fields["data"]) >= position:
                return fields["id"]
            fields = {}
    raise AssertionError("the stream ended")


def listed(service: Service, position: int) -> Copy:
    """The ledger as the list of organizations has it."""
    rows: Copy = {}
    cursor = None
    while True:
        page = service.get("/v1/organizations", known_at=position, min_position=position, cursor=cursor)
        rows |= in_full(service, page["organizations"], known_at=position)
        cursor = page["next"]
        if cursor is None:
            return rows


def kept(copy: Copy) -> Copy:
    return {org: row for org, row in copy.items() if row is not None}


def test_a_copy_kept_by_the_stream_is_the_ledger_and_goes_on_where_it_stopped(fresh_service: Service) -> None:
    source = events()
    position = fresh_service.publish(list(islice(source, 60)))[-1]["position"]
    copy: Copy = {}
    last = follow(fresh_service, copy, position)
    assert kept(copy) == listed(fresh_service, position)
    assert len(kept(copy)) > 30

    more = [
        *islice(source, 20),
        event("gone", "organization.deregistered", org="group:g-1", reason="dissolved"),
        event("moved", "member.transferred", member="member:m-3", from_org="group:g-3", to_org="group:g-4"),
    ]
    position = fresh_service.publish(more)[-1]["position"]
    sent: Copy = {}
    follow(fresh_service, sent, position, after=last)
    assert sent["group:g-1"] is None
    assert {"group:g-3", "group:g-4"} < sent.keys()
    assert len(sent) < 30, "only what changed is sent"
    assert kept(copy | sent) == listed(fresh_service, position)

    policy = event(
        "policy", "policy.adopted", full_members_for_branch=1, employees_for_branch=10, formations_counted=["joint"]
    )
    position = fresh_service.publish(policy)[0]["position"]
    follow(fresh_service, copy, position, after=str(position - 1))
    follow(fresh_service, copy, position, after=last)
    assert kept(copy) == listed(fresh_service, position)


def test_a_mark_that_cannot_be_read_is_refused_with_the_remedy(service: Service) -> None:
    answer = service.http.get("/v1/ledger/stream", params={"after": "yesterday"})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["errors"][0]["at"] == "query.after"


def test_a_stream_that_is_open_holds_up_no_stop(database: str, tmp_path: Path) -> None:
    with Service(tmp_path, "--dev", database_url=database) as service:
        service.publish(event("one", "organization.deregistered", org="group:g-1", reason="dissolved"))
        with service.http.stream("GET", "/v1/ledger/stream") as answer:
            lines = answer.iter_lines()
            next(lines)
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
            ended_s = time.monotonic() - began
        assert service.process.wait(30) == 0
        text = service.log.read_text()
    assert ended_s < 2
    assert "Traceback" not in text
