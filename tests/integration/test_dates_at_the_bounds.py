"""Every call with every date and instant that it takes, at both bounds and beyond: an answer, or 400 in words."""

from collections import defaultdict
from itertools import product
from typing import Any

import pytest

from domain.events.types import SignalsAdopted
from tests.fact_data import ECONOMIC
from tests.fix_service import Service, new_database
from tests.sending import envelope

pytestmark = pytest.mark.long

ORG = ECONOMIC[0]
FIRST, LAST = "1900-01-01", "2199-12-31"
BEYOND = ("0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31")
MOMENTS = ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999999Z")
MOMENTS_BEYOND = ("0001-01-01T00:00:00+23:59", "1899-12-31T23:59:59.999999999Z", "2200-01-01T00:00:00Z",
                  "9999-12-31T23:59:59-23:59")  # fmt: skip
DATES = frozenset(("as_of", "from", "to", "other_as_of", "effective_from", "effective_to", "deadline", "regions_at",
                   "compare_with", "elected_since"))  # fmt: skip
INSTANTS = frozenset(("known_at", "other_known_at", "since", "known", "recorded_from", "recorded_to"))
PATHS = {
    "org": ORG, "branch": "branch:b", "campaign": "campaign:c", "survey": "survey:s", "source": "/s", "seed": "1",
    "table": "enterprises", "line": "1",
    "region": "880102", "assessment": "assessment:none", "old_size": 1, "new_size": 2, "position": 1,
}  # fmt: skip
# Their `from` and `to` are instants.
READINGS = "/v1/readings"
# Its `known` is now or then.
SERIES = "/v1/rates/series"


def events() -> list[dict[str, Any]]:
    """Everything that has dates, on the first day and on the last."""
    firm = {"org": ORG, "kind": "new_economic", "category": "private_enterprise"}
    joint = {"branch": "branch:b", "tier": "branch", "formation": "joint", "covers": [ORG]}
    place = {"region": "880102", "name": "甲"}
    office = {"office": "office:o"}
    target = {
        "campaign": "campaign:c",
        "rate": "organization_coverage",
        "comparator": "at_least",
        "value": "0.7",
        **office,
    }
    days = {f"{name}_days": 3_650 for name in ("establish_large", "establish", "combine", "instruct")}
    facts: list[tuple[str, str, dict[str, Any]]] = [
        ("region.created", FIRST, place),
        ("organization.registered", FIRST, {**firm, **place}),
        ("branch.formed", FIRST, {**joint, **place}),
        ("branch.dissolved", LAST, {"branch": "branch:b"}),
        *(("member.enrolled", FIRST, {"member": f"member:m{n}", "standing": "full", "org": ORG}) for n in range(4)),
        ("instructor.assigned", LAST, {"org": ORG, "instructor": "person:p"}),
        ("organization.excluded", LAST, {"org": ORG, "reason": "duplicate"}),
        ("signals.adopted", FIRST, dict.fromkeys(SignalsAdopted.model_fields.keys() - {"effective_on"}, 3_650)),
        ("campaign.opened", FIRST, {"campaign": "campaign:c", "name": "攻坚", **office}),
        ("campaign.target_set", FIRST, {"target": "t1", "due_on": FIRST, **target}),
        ("campaign.target_set", FIRST, {"target": "t2", "due_on": LAST, **target}),
        ("campaign.opened", LAST, {"campaign": "campaign:d", "name": "收官", **office}),
        ("campaign.target_set", LAST, {**target, "target": "t", "due_on": LAST, "campaign": "campaign:d"}),
        ("measure.deadlines_adopted", FIRST, {"not_before": LAST, **days}),
        ("measure.assigned", FIRST, {"region": "880102", **office}),
        ("measure.deadlines_adopted", LAST, days),
        ("rectification.opened", FIRST, {"rectification": "rectification:r", "branch": "branch:b", "grounds": ["other"],
                                         "plan": "计划", "due_on": LAST, **office}),
        ("survey.opened", FIRST, {"survey": "survey:s", "due_on": LAST, **place, **office}),
        ("region.renamed", LAST, place),
    ]  # fmt: skip
    return [
        envelope(str(n), name, {"effective_on": on, **data}, "/s", time=MOMENTS[n % 2])
        for n, (name, on, data) in enumerate(facts)
    ]


@pytest.fixture(scope="module")
def ends(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401 - a generator of a service
    with Service(tmp_path_factory.mktemp("ends"), "--dev", database_url=new_database(postgres)) as service:
        results = service.publish(events())
        assert [each.get("reasons") for each in results if each["disposition"] != "accepted"] == []
        service.get("/v1/rates", min_position=len(results))
        yield service


def _questions(service: Service) -> list[tuple[str, list[str], dict[str, Any]]]:
    """Every GET of the contract that takes a date or an instant: its path filled in, those parameters, and the rest."""
    found = []
    for path, methods in service.get("/openapi.json")["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        names = [each["name"] for each in parameters if each["in"] == "query" and each["name"] in DATES | INSTANTS]
        if path == SERIES:
            names.remove("known")
        needed = {
            each["name"]: PATHS[each["name"]]
            for each in parameters
            if each.get("required") and each["in"] == "query" and each["name"] in PATHS
        }
        filled = path.format_map(defaultdict(lambda: "1", PATHS))
        if names:
            found.append((filled, names, needed))
    return found


def _values(path: str, name: str, *, beyond: bool) -> tuple[str, ...]:
    is_date = name in DATES and not (path == READINGS and name in ("from", "to"))
    if is_date:
        return BEYOND if beyond else (FIRST, LAST)
    return MOMENTS_BEYOND if beyond else MOMENTS


def test_every_call_answers_at_both_bounds(ends: Service) -> None:
    questions = _questions(ends)
    assert len(questions) > 35
    asked = 0
    for path, names, needed in questions:
        either = [_values(path, name, beyond=False) for name in names[:4]]
        for values in product(*either):
            answer = ends.http.get(path, params={**needed, **dict(zip(names, values, strict=False))})
            assert answer.status_code in (200, 400, 404), (answer.url, answer.text)
            if answer.status_code == 400:
                assert len(answer.json()["detail"]) > 20, answer.text
            asked += 1
    assert asked > 100


def test_every_call_refuses_what_lies_beyond_and_names_the_bounds(ends: Service) -> None:
    for path, names, needed in _questions(ends):
        sound = {name: _values(path, name, beyond=False)[0] for name in names if name in ("from", "to", "since")}
        for name in names:
            for value in _values(path, name, beyond=True):
                answer = ends.http.get(path, params={**needed, **sound, name: value})
                assert answer.status_code == 400, (answer.url, answer.text)
                assert "1900-01-01" in answer.json()["detail"], (answer.url, answer.text)


@pytest.mark.parametrize("day", [FIRST, LAST])
@pytest.mark.parametrize("path", [
    "/v1/rates", "/v1/signals", "/v1/campaigns", "/v1/campaigns/campaign:c", "/v1/measures", "/v1/weak-branches",
    "/v1/anomalies", "/v1/regions", "/v1/measures/calendar", "/v1/surveys/survey:s/progress",
    f"/v1/organizations/{ORG}",
])  # fmt: skip
def test_the_questions_that_failed_at_the_bounds_are_answered(ends: Service, path: str, day: str) -> None:
    assert ends.http.get(path, params={"as_of": day}).status_code == 200


def test_every_page_is_shown_at_both_bounds(ends: Service) -> None:
    paths = [
        "/", "/ledger", f"/ledger/{ORG}", f"/ledger/{ORG}/history", "/trend", "/vintage", "/changes", "/explain",
        "/assessment", "/inspection/signals", "/inspection", "/daily/measures", "/daily", "/daily/branches",
        "/daily/reminders", "/daily/surveys", "/daily/regions", "/daily/matches", "/daily/supervisors", "/compare",
    ]  # fmt: skip
    shown = 0
    for path, day in product(paths, (FIRST, LAST, *BEYOND)):
        answer = ends.http.get(path, params={"as_of": day}, headers={"accept": "text/html"}, follow_redirects=True)
        assert answer.status_code in ((200, 400, 404) if day in (FIRST, LAST) else (400, 404)), (
            answer.url,
            answer.text[:500],
        )
        shown += answer.status_code == 200
    assert shown > 20


def test_an_event_outside_of_the_bounds_is_quarantined_with_them(ends: Service, source: str) -> None:
    for number, value in enumerate((*MOMENTS_BEYOND, *BEYOND)):
        data = {"effective_on": value if len(value) == 10 else FIRST, "member": "member:x"}
        time = MOMENTS[0] if len(value) == 10 else value
        (result,) = ends.publish(envelope(f"b{number}", "member.removed", data, source, time=time))
        assert result["disposition"] == "quarantined"
        assert "1900-01-01" in result["reasons"][0]["message"]
