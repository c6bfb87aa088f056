"""Access as events: granted and revoked by administrators alone, counted at once, kept for ever."""

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.admission.callers import SLOW_S
from api.intake.events import HISTORY
from domain.events.access import GRANTED
from domain.values.codes import holds_personal_identifier
from services.access.api_keys import digest
from services.access.grants import new_access
from services.intake.intake import Intake
from tests.access.attacks import registered
from tests.fix_counties import HERE, ORGS, THERE, Counties, two_counties
from tests.fix_service import BATCH, SINGLE, new_database
from tests.fix_turn import Delays
from tests.sending import envelope, granted, retracted, revoked


def grant(counties: Counties, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - the request's body
    answer = counties.ask("administrator", "/v1/access", method="POST", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def session(counties: Counties, key: str) -> Any:  # noqa: ANN401 - the answer, or its status
    answer = counties.service.http.get("/v1/session", headers={"authorization": f"Bearer {key}"})
    return answer.json() if answer.is_success else answer.status_code


def test_a_key_is_granted_replaced_and_revoked_without_a_gap(counties: Counties) -> None:
    first = grant(counties, holder="county-x", roles=["operator"], regions=[HERE])
    assert session(counties, first["key"]) == {
        "holder": "county-x", "roles": ["operator"], "sources": None, "regions": [HERE],
    }  # fmt: skip
    second = grant(counties, holder="county-x", roles=["operator"], regions=[HERE])
    assert session(counties, first["key"]) == session(counties, second["key"])
    path = f"/v1/access/{first['access']}/revoke"
    assert counties.ask("administrator", path, method="POST", json={"reason": "replaced"}).status_code == 200
    assert session(counties, first["key"]) == 401
    assert session(counties, second["key"])["holder"] == "county-x"
    assert counties.ask("administrator", path, method="POST", json={"reason": "again"}).status_code == 404
    listed = {each["access"]: each for each in counties.ask("administrator", "/v1/access").json()["grants"]}
    assert listed[first["access"]]["reason"] == "replaced"
    assert not listed[first["access"]]["in_force"]
    assert listed[second["access"]]["in_force"]


def test_a_key_is_nowhere_in_the_log(counties: Counties) -> None:
    made = grant(counties, holder="quiet", roles=["inspector"])
    event = counties.ask("all", "/v1/events/" + str(made["position"]))
    assert event.json()["type"] == GRANTED
    assert made["key"] not in event.text
    assert event.json()["publisher"] == "administrator"


def test_a_grant_ends_with_its_last_day(counties: Counties) -> None:
    over = grant(counties, holder="past", roles=["inspector"], until="2020-01-01")
    assert session(counties, over["key"]) == 401


@pytest.mark.parametrize("caller", ["publisher", "steward", "all"])
def test_nobody_else_grants_access_through_intake(counties: Counties, caller: str) -> None:
    data = {"effective_on": "2024-01-01", "access": f"access:{caller}", "holder": "me", "roles": ["administrator"]}
    event = envelope(f"a-{caller}", "access.granted", data, "/taizhang/access")
    result = counties.ask(caller, "/v1/events", method="POST", json=event).json()["results"][0]
    assert result["reasons"][0]["rule"] == "administrator_only"


def test_access_is_neither_corrected_nor_retracted(counties: Counties) -> None:
    made = grant(counties, holder="fixed", roles=["inspector"])
    event = counties.ask("all", f"/v1/events/{made['position']}").json()
    word = retracted("r-access", event["id"], "/office")
    word["data"]["retracts"]["source"] = event["source"]
    result = counties.ask("steward", "/v1/events", method="POST", json=word).json()["results"][0]
    assert result["reasons"][0]["rule"] == "access_stands"


def test_a_grant_names_no_person(counties: Counties) -> None:
    body = {"holder": "13800138000", "roles": ["inspector"]}
    answer = counties.ask("administrator", "/v1/access", method="POST", json=body)
    assert answer.status_code == 400


def test_an_identifier_that_the_service_makes_is_never_taken_for_a_number_of_a_person() -> None:
    """One in a thousand of 16 hexadecimal digits was, and its grant refused."""
    assert not any(holds_personal_identifier(new_access()) for _ in range(10_000))
    assert len({new_access() for _ in range(1_000)}) == 1_000


@pytest.mark.race
def test_a_body_that_ends_after_its_senders_access_is_not_taken_in(counties: Counties) -> None:
    made = grant(counties, holder="slow", roles=["publisher"])
    event = json.dumps(envelope("slow-1", "member.removed", {"effective_on": "2024-01-01", "member": "member:slow"}))

    def body() -> Iterator[bytes]:
        yield event[:20].encode()
        path = f"/v1/access/{made['access']}/revoke"
        assert counties.ask("administrator", path, method="POST", json={"reason": "left"}).status_code == 200
        time.sleep(SLOW_S + 0.1)
        yield event[20:].encode()

    headers = {"authorization": f"Bearer {made['key']}", "content-type": SINGLE}
    answer = httpx.post(f"{counties.service.url}/v1/events", content=body(), headers=headers, trust_env=False)
    assert answer.status_code == 401, answer.text
    kept = counties.ask("steward", "/v1/quarantine?publisher=slow")
    assert kept.is_success
    assert "slow-1" not in kept.text


@pytest.mark.parametrize("act", ["seal a report", "decide a match", "publish an event"])
@pytest.mark.race
def test_who_was_let_in_and_whose_access_ends_before_the_turn_leaves_nothing_in_the_log(
    counties: Counties, act: str
) -> None:
    """The revocation comes first to the gate; the act, whose caller was in force a moment before, after it."""
    name, day = secrets.token_hex(4), {"effective_on": "2024-10-08"}
    campaign = {**day, "campaign": f"campaign:{name}"}
    opened = envelope(name, "campaign.opened", {**campaign, "name": "攻坚", "office": "office:a"}, "/office/t")
    (put,) = counties.ask("all", "/v1/events", method="POST", json=opened).json()["results"]
    assert counties.ask("all", "/v1/rates", params={"min_position": put["position"]}).is_success
    made = grant(counties, holder=f"ended-{name}", roles=["publisher", "assessment"])
    report = {
        "assessment": f"assessment:{name}", "title": "年末", "office": "office:a", "campaign": campaign["campaign"],
        "as_of": "2024-12-31",
    }  # fmt: skip
    org, other = ORGS[HERE][:2]
    match = {"org": org, "other": other, "answer": "different", "source": f"/office/{name}", "reason": "核实"}
    removed = envelope(f"r-{name}", "member.removed", {**day, "member": f"member:{name}"}, "/office/t")
    path, body = {
        "seal a report": ("/v1/assessments", report),
        "decide a match": ("/v1/matches", match),
        "publish an event": ("/v1/events", removed),
    }[act]
    headers = {"authorization": f"Bearer {made['key']}"}
    # The other process.
    with (
        closing(Intake.open(counties.database, "beside")) as beside,
        ThreadPoolExecutor(2) as pool,
        Delays(counties.database).before_the_gate(waiting=2) as wait_for,
    ):
        ended = pool.submit(beside.admit, [revoked(made["access"])])
        wait_for(1)
        told = pool.submit(httpx.post, f"{counties.service.url}{path}", json=body, headers=headers, timeout=60)
    assert ended.result()[0].disposition == "accepted"
    answer = told.result()
    assert "no_grant_in_force" in answer.text, answer.text
    with psycopg.connect(counties.database) as connection:
        assert not connection.execute("SELECT FROM taizhang.log WHERE publisher = %s", (f"ended-{name}",)).fetchall()


def test_a_history_says_what_a_stewards_grant_alone_allows(postgres: str, tmp_path: Path) -> None:
    """One grant lets publish anywhere, the other is a steward's of one county: histories are of that county."""
    with two_counties(tmp_path, new_database(postgres)) as counties:
        name = secrets.token_hex(4)
        key = f"key-{name}"
        grants = (
            granted(name, f"access:p{name}", key_sha256=digest(key)),
            granted(name, f"access:s{name}", key_sha256=digest(key), roles=["steward"], regions=[HERE]),
        )
        with closing(Intake.open(counties.database, "beside")) as beside:
            assert {each.disposition for each in beside.admit(grants)} == {"accepted"}
        headers = {"authorization": f"Bearer {key}", "content-type": BATCH}
        there, here = (registered(f"group:{name}-{place}", place, id_=f"{name} {place}") for place in (THERE, HERE))
        rules = []
        for more in ({HISTORY: "h"}, {}):
            answer = counties.service.http.post("/v1/events", json=[there, here], headers=headers | more)
            results = answer.json()["results"]
            rules.append([each["reasons"][0]["rule"] if "reasons" in each else each["disposition"] for each in results])
        assert rules == [["region_of_another_office", "accepted"], ["accepted", "duplicate"]]
