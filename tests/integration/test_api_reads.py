"""The point-in-time questions over HTTP: both clocks, pages that stay consistent, shapes as documented."""

import base64
import hashlib
import html
import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from pydantic import BaseModel

from api.inspection.anomalies import Anomalies
from api.inspection.event_trail import AuditPage, EventShape
from api.intake.quarantine import QuarantinePage
from api.intake.sources import Sources
from api.ledger.organizations import DossierShape, History, Organizations
from api.ledger.rates import Rates
from domain.ledger.rates import Counts, add
from domain.tree.leaf import leaf_in, opened
from domain.tree.merkle import leaf_hash
from domain.tree.proofs import verify_inclusion
from services.system.settings import SHANGHAI
from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.sending import envelope, removed

ORG = "uscc:9151010452601815XG"
DELIVERIES: list[dict[str, Any]] = NUMBERED["01"]["deliveries"]


def mark(source: str) -> str:
    """What stands in the names of a test's own groups and of nobody else's."""
    return source.rpartition("/")[2]


def group(number: int, source: str, registered_on: str = "2024-01-05") -> dict[str, Any]:
    """The registration of one of many groups."""
    data = {
        "effective_on": registered_on, "org": f"group:{mark(source)}-{number:03}", "region": "880102",
        "kind": "new_employment_group", "category": "courier", "name": f"第 {number} 组", "employees": number,
    }  # fmt: skip
    return envelope(f"g{number}", "organization.registered", data, source)


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service told the first worked example and nothing else: other tests speak of its organizations too."""
    with Service(tmp_path_factory.mktemp("told"), "--dev", database_url=new_database(postgres)) as running:
        position = max(each["position"] for each in running.publish(DELIVERIES))
        running.get("/v1/rates", min_position=position)
        yield running


@pytest.mark.parametrize(
    ("path", "parameters", "shape"),
    [
        ("/v1/rates", {"group_by": ["kind", "region:4", "industry", "formation", "measure"]}, Rates),
        ("/v1/organizations", {"as_of": "2024-05-01"}, Organizations),
        (f"/v1/organizations/{ORG}", {"as_of": "2024-05-01"}, DossierShape),
        (f"/v1/organizations/{ORG}", {"as_of": "2020-01-01"}, DossierShape),
        (f"/v1/organizations/{ORG}/history", {"as_of": "2024-05-01"}, History),
        ("/v1/audit", {"subject": ORG}, AuditPage),
        ("/v1/events/1", {}, EventShape),
        ("/v1/anomalies", {}, Anomalies),
        ("/v1/sources", {}, Sources),
        ("/v1/quarantine", {}, QuarantinePage),
    ],
)
def test_an_answer_has_the_shape_that_is_documented(
    told: Service, path: str, parameters: dict[str, Any], shape: type[BaseModel]
) -> None:
    answer = told.get(path, **parameters)
    read = shape.model_validate_json(json.dumps(answer))
    assert set(answer) == set(read.model_dump())


def test_a_publisher_reads_its_own_writes(service: Service, source: str) -> None:
    for number in range(20):
        (result,) = service.publish(group(number, source))
        answer = service.get("/v1/organizations", min_position=result["position"], as_of="2024-06-01", q=mark(source))
        assert len(answer["organizations"]) == number + 1


def test_pages_stay_as_they_were_known_at_the_first(service: Service, source: str) -> None:
    results = service.publish([group(number, source) for number in range(0, 50, 2)])
    position = results[-1]["position"]
    question = {"as_of": "2024-06-01", "q": mark(source), "limit": 7}
    answer = service.get("/v1/organizations", min_position=position, **question)
    known, seen = answer["known_at"], list(answer["organizations"])
    late = service.publish([group(number, source) for number in range(1, 50, 2)])
    service.get("/v1/rates", min_position=late[-1]["position"])
    while answer["next"]:
        answer = service.get("/v1/organizations", cursor=answer["next"], **question)
        assert answer["known_at"] == known
        seen += answer["organizations"]
    names = [row["org"] for row in seen]
    assert names == sorted(set(names))
    whole = service.get("/v1/organizations", **{**question, "known_at": known["position"], "limit": 1000})
    assert seen == whole["organizations"]
    assert len(seen) == 25


def test_a_cursor_serves_no_other_question(service: Service, source: str) -> None:
    position = service.publish([group(number, source) for number in range(5)])[-1]["position"]
    page = service.get("/v1/organizations", min_position=position, as_of="2024-06-01", limit=2)
    for path, parameters in (
        ("/v1/organizations", {"as_of": "2024-06-02"}),
        ("/v1/organizations", {"as_of": "2024-06-01", "kind": "new_social"}),
        ("/v1/organizations", {}),
        ("/v1/audit", {"as_of": "2024-06-01"}),
    ):
        refused = service.http.get(path, params={"cursor": page["next"], **parameters})
        assert refused.status_code == 400
        assert "another question" in refused.json()["detail"]
    for changed in (page["next"][:-2] + "AA", "x" + page["next"], "", "§", "A" * 2000):
        refused = service.http.get("/v1/organizations", params={"cursor": changed, "as_of": "2024-06-01"})
        assert refused.status_code == 400, changed
        assert refused.json()["type"] == "urn:taizhang:problem:invalid-cursor"


def test_an_instant_means_the_last_position_recorded_by_then(service: Service, source: str) -> None:
    first = service.publish(group(1, source))[0]["position"]
    recorded = service.get(f"/v1/events/{first}")["recorded_at"]
    service.publish(group(2, source))
    shanghai = datetime.fromisoformat(recorded).astimezone(SHANGHAI).isoformat()
    for instant in (recorded, shanghai, shanghai.replace("+", " ")):
        known_at = service.get("/v1/rates", known_at=instant)["known_at"]
        assert known_at == {"position": first, "recorded_at": recorded, "learned_at": recorded, "basis": "recorded"}
    before = datetime.fromisoformat(recorded) - timedelta(microseconds=1)
    assert service.get("/v1/rates", known_at=before.isoformat())["known_at"]["position"] < first
    for instant in ("1900-01-01T00:00:00Z", "1969-12-31T23:59:59Z"):
        known_at = service.get("/v1/rates", known_at=instant)["known_at"]
        assert (known_at["position"], known_at["learned_at"], "empty" in known_at["note"]) == (0, None, True)


def test_an_instant_that_is_still_to_come_is_refused_and_one_about_to_come_waited_for(
    service: Service, source: str
) -> None:
    """What will be known then can still change; the clock of whoever asks for now may be ahead of the ledger's."""
    first = service.publish(group(1, source))[0]["position"]
    for instant in ("2199-12-31T15:59:59-08:00", (datetime.now(SHANGHAI) + timedelta(hours=1)).isoformat()):
        refused = service.http.get("/v1/rates", params={"known_at": instant})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["rule"] == "instant_to_come"
    soon = datetime.now(SHANGHAI) + timedelta(seconds=0.5)
    known = service.get("/v1/rates", known_at=soon.isoformat())["known_at"]
    assert datetime.now(SHANGHAI) >= soon
    later = service.publish(group(2, source))[0]["position"]
    assert first <= known["position"] < later
    assert service.get("/v1/rates", known_at=soon.isoformat(), min_position=later)["known_at"] == known


def test_left_out_it_is_today_in_shanghai_and_the_latest_position(service: Service, source: str) -> None:
    position = service.publish(group(1, source))[0]["position"]
    answer = service.get("/v1/rates", min_position=position)
    assert date.fromisoformat(answer["as_of"]) in {
        (datetime.now(UTC) + timedelta(hours=8, seconds=seconds)).date() for seconds in (-5, 0)
    }
    assert answer["known_at"]["position"] >= position


def test_what_was_known_then_stays_as_it_was(service: Service, source: str) -> None:
    then = service.publish(group(1, source))[0]["position"]
    before = service.get("/v1/rates", as_of="2024-06-01", known_at=then, group_by="category")
    late = service.publish(group(2, source, registered_on="2023-01-01"))[0]["position"]
    service.get("/v1/rates", min_position=late)
    assert service.get("/v1/rates", as_of="2024-06-01", known_at=then, group_by="category") == before
    now = service.get("/v1/rates", as_of="2024-06-01", known_at=late)["total"]["counts"]["registered"]
    assert now == before["total"]["counts"]["registered"] + 1


def test_groups_add_up_to_the_total(told: Service) -> None:
    for dimension in ("kind", "category", "industry", "region:2", "region:12", "measure", "formation"):
        answer = told.get("/v1/rates", as_of="2024-05-01", group_by=dimension)
        groups = [Counts(**each["counts"]) for each in answer["groups"]]
        assert reduce(add, groups) == Counts(**answer["total"]["counts"])
        keys = [each["key"][dimension] for each in answer["groups"]]
        assert keys == sorted(keys, key=lambda key: (key is None, key or ""))


def test_a_filter_narrows_the_list_and_the_rate_alike(told: Service) -> None:
    for name, value in (
        ("kind", "new_economic"), ("industry", "I"), ("industry", "null"), ("formation", "null"), ("region", "51"),
        ("work_covered", "true"), ("eligible", "false"), ("measure", "combine"), ("category", "courier"),
    ):  # fmt: skip
        question = {"as_of": "2024-05-01", name: value}
        rows = told.get("/v1/organizations", limit=1000, **question)["organizations"]
        assert told.get("/v1/rates", **question)["total"]["counts"]["registered"] == len(rows)


def test_the_dossier_shows_who_is_there_and_how_it_is_covered(told: Service) -> None:
    dossier = told.get(f"/v1/organizations/{ORG}", as_of="2024-05-01")
    assert dossier["row"]["full_members"] == 3
    assert [each["member"] for each in dossier["members"]] == ["member:a1", "member:a2", "member:a3"]
    assert [each["formation"] for each in dossier["branches"]] == ["standalone"]
    assert dossier["row"]["formation"] == "standalone"


def test_the_history_tells_what_each_event_changed(told: Service) -> None:
    answer = told.get(f"/v1/organizations/{ORG}/history", as_of="2024-05-01")
    steps = answer["events"]
    assert [step["position"] for step in steps] == sorted(step["position"] for step in steps)
    assert steps[0]["before"] is None
    for earlier, later in itertools.pairwise(steps):
        assert later["before"] == earlier["after"]
    assert steps[-1]["after"] == told.get(f"/v1/organizations/{ORG}", as_of="2024-05-01")["row"]
    paged: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next": None}
    while not paged or page["next"]:
        page = told.get(f"/v1/organizations/{ORG}/history", as_of="2024-05-01", limit=2, cursor=page["next"])
        paged += page["events"]
    assert paged == steps


def test_an_event_comes_back_as_it_was_received_with_its_proof(service: Service, source: str) -> None:
    raw = json.dumps(removed("e1", source), indent=3).encode()
    posted = service.http.post("/v1/events", content=raw, headers={"content-type": "application/json"})
    event = service.get(f"/v1/events/{posted.json()['results'][0]['position']}")
    assert base64.b64decode(event["raw_base64"]) == raw
    assert event["raw_sha256"] == hashlib.sha256(raw).hexdigest()
    assert event["event"] == removed("e1", source)
    proof = event["proof"]
    record = {
        name: event[name] for name in ("id", "intake", "position", "publisher", "raw_sha256", "recorded_at", "source")
    }
    shown = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert opened(event["entry"].encode())[0] == shown
    text = leaf_in(event["entry"].encode())
    assert text.startswith(b'{"commitment":')
    assert base64.b64decode(proof["leaf_hash"]) == leaf_hash(text)
    hashes = [base64.b64decode(each) for each in proof["hashes"]]
    root = base64.b64decode(proof["root_hash"])
    verify_inclusion(leaf_hash(text), event["position"] - 1, proof["tree_size"], hashes, root)


def test_the_trail_is_searched_by_every_condition(service: Service, source: str) -> None:
    events = [group(number, source, registered_on=f"2024-03-{number:02}") for number in range(1, 10)]
    results = service.publish(events)
    positions = [each["position"] for each in results]
    service.get("/v1/rates", min_position=positions[-1])

    def found(**conditions: str | int) -> list[int]:
        return [each["position"] for each in service.get("/v1/audit", source=source, **conditions)["events"]]

    assert found() == positions
    assert found(subject=events[3]["data"]["org"]) == [positions[3]]
    assert found(type="taizhang.member.removed.v1") == []
    assert found(effective_from="2024-03-03", effective_to="2024-03-04") == positions[2:4]
    assert found(position_from=positions[5]) == positions[5:]
    assert found(known_at=positions[2]) == positions[:3]
    recorded = service.get(f"/v1/events/{positions[0]}")["recorded_at"]
    assert found(recorded_from=recorded) == positions
    assert found(recorded_to="2024-01-01T00:00:00Z") == []


def test_the_account_adds_up_by_source_and_in_total(service: Service, source: str) -> None:
    service.publish([group(1, source), group(1, source), group(2, source), {"source": source, "id": "half"}])
    answer = service.get("/v1/sources")
    own = next(each for each in answer["sources"] if each["source"] == source)
    assert {name: own[name] for name in ("received", "accepted", "duplicate", "quarantined", "lag")} == {
        "received": 4, "accepted": 2, "duplicate": 1, "quarantined": 1, "lag": None,
    }  # fmt: skip
    for each in (*answer["sources"], answer["total"]):
        assert each["received"] == each["accepted"] + each["duplicate"] + each["quarantined"]
    assert answer["total"]["received"] == sum(each["received"] for each in answer["sources"])


def test_an_organization_that_nobody_spoke_of_is_not_found(service: Service) -> None:
    answer = service.http.get("/v1/organizations/group:nobody")
    assert answer.status_code == 404
    assert "check the identifier" in answer.json()["detail"]
    refused = service.http.get("/v1/organizations/uscc:9151010452601815XA")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["rule"] == "uscc_check_character"


def test_the_first_page_leads_to_answers_and_to_nowhere_else(service: Service) -> None:
    page = service.http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = [html.unescape(link) for link in re.findall(r'(?:href|src)="([^"]+)"', page.text)]
    assert len(links) > 5
    for link in links:
        assert link.startswith(("/", "#")), link
        assert link.startswith("#") or service.http.get(link).status_code == 200, link
