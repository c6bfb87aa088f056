"""A region scope, the other way round: what lies inside it is told as whole as to whoever sees everything."""

from typing import Any

import pytest

from tests.fix_counties import HERE, MOVED, ORGS, THERE, Counties

DAY = "2024-07-31"
OWN = {*ORGS[HERE], MOVED}
# Which bodies there are is told to everybody.
# And offices' acts that change no organization: those of the city, and of the county itself.
OF_ALL = ("taizhang.body.created.v1", "taizhang.score_sheet.adopted.v1", "taizhang.score.reported.v1")
# Nothing ties these to the other county, so that nothing of theirs is withheld.
UNTIED = [ORGS[HERE][n] for n in (0, 1, 2, 3, 6, 7)]
# What a limited caller is told beside its own: the whole city's figure, and the links of pages by their caller.
BESIDE = ("whole", "city", "parent", "next", "request_id")


def told(counties: Counties, caller: str, path: str, **given: Any) -> Any:  # noqa: ANN401 - any JSON
    answer = counties.ask(caller, path, params=given)
    assert answer.status_code == 200, (caller, path, given, answer.text)
    return without(answer.json())


def without(value: Any) -> Any:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            return {name: without(each) for name, each in value.items() if name not in BESIDE}
        case list():
            return [without(each) for each in value]
    return value


BY_REGION: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/rates", {"as_of": DAY, "group_by": "kind"}),
    ("/v1/rates", {"as_of": DAY, "group_by": "region:9"}),
    ("/v1/rates/series", {"from": "2024-01-31", "to": "2024-12-31", "step": "quarter"}),
    ("/v1/rates/explain", {"as_of": DAY, "count": "organizations"}),
    ("/v1/organizations", {"as_of": DAY}),
    ("/v1/organizations", {"as_of": DAY, "sort": "employees"}),
    ("/v1/changes", {"as_of": DAY, "since": "0"}),
    ("/v1/flows", {"from": "2024-01-31", "as_of": DAY}),
    (
        "/v1/flows/behind",
        {"from": "2024-01-31", "as_of": DAY, "stock": "organization_covered", "movement": "newly_covered"},
    ),
)


@pytest.mark.parametrize(("path", "given"), BY_REGION)
def test_a_county_s_own_answer_is_the_whole_s_of_that_county(
    counties: Counties, path: str, given: dict[str, Any]
) -> None:
    own, region = told(counties, "here", path, **given), told(counties, "all", path, region=HERE, **given)
    for each in (own, region):
        for name in ("region", "filters", "evidence", "question", "links"):
            each.pop(name, None)
    assert own == region


@pytest.mark.parametrize("org", UNTIED)
@pytest.mark.parametrize("what", ["", "/history", "/work"])
def test_one_s_own_organization_is_seen_whole(counties: Counties, org: str, what: str) -> None:
    own, whole = (told(counties, who, f"/v1/organizations/{org}{what}", as_of=DAY) for who in ("here", "all"))
    assert own == whole


def test_one_s_own_branch_is_seen_whole(counties: Counties) -> None:
    own, whole = (told(counties, who, f"/v1/branches/branch:{HERE}/history") for who in ("here", "all"))
    assert own == whole
    assert own["events"]


def _pages(counties: Counties, caller: str, path: str, name: str) -> list[dict[str, Any]]:
    """All of a list, in pages of five."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = counties.ask(caller, path, params={"limit": "5", **cursor}).json()
        found += page[name]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def _is_own(told: dict[str, Any]) -> bool:
    """Whether the county alone is named; a member's number begins with its own."""
    return _names(told, ORGS[HERE], HERE) and not _names(told, ORGS[THERE], THERE)


def _names(told: dict[str, Any], orgs: list[str], county: str) -> bool:
    return any(each in str(told) for each in (*orgs, f"member:{county[3:]}", f"branch:{county}", "branch:both"))


def test_the_trail_is_the_events_that_changed_the_county_s_organizations_and_no_others(counties: Counties) -> None:
    whole = {each["position"]: each for each in _pages(counties, "all", "/v1/audit", "events")}
    seen = _pages(counties, "here", "/v1/audit", "events")
    own = {each["position"]: each for each in seen if each["type"] not in OF_ALL}
    steps = [told(counties, "all", f"/v1/organizations/{org}/history")["events"] for org in sorted(OWN)]
    theirs = {each["position"] for of_one in steps for each in of_one}
    assert sorted(own) == sorted(n for n in theirs if whole[n]["type"] not in OF_ALL)
    assert {n: each for n, each in own.items() if _is_own(each)} == {n: whole[n] for n in own if _is_own(whole[n])}
    assert 20 < len(own) < len(whole)


def test_anomalies_are_those_of_the_county_and_no_others(counties: Counties) -> None:
    whole, own = (_pages(counties, who, "/v1/anomalies", "anomalies") for who in ("all", "here"))
    assert own == [each for each in whole if _is_own(each)]
    assert 5 < len(own) < len(whole)


def test_an_event_of_the_county_is_shown_as_received_and_another_s_is_not(counties: Counties) -> None:
    shown = _pages(counties, "here", "/v1/audit", "events")
    seen = {each["position"] for each in shown if _is_own(each) or each["type"] in OF_ALL}
    for each in _pages(counties, "all", "/v1/audit", "events")[::3]:
        path = f"/v1/events/{each['position']}"
        if each["position"] in seen:
            assert told(counties, "here", path) == told(counties, "all", path)
        else:
            assert counties.ask("here", path).status_code == 404


def test_signals_are_those_of_the_county_and_no_others(counties: Counties) -> None:
    asked = {"as_of": "2024-04-30", "deadline": "2024-03-10"}
    whole, own = (told(counties, who, "/v1/signals", **asked) for who in ("all", "here"))
    subjects = [f"branch:{HERE}", "branch:both"]
    assert {each["subject"] for each in whole["hits"]} >= {*subjects, f"branch:{THERE}"}
    assert own["hits"] == [each for each in whole["hits"] if each["subject"] in subjects]
    assert own["events"] == {name: each for name, each in whole["events"].items() if each["subject"] in subjects}


def test_the_county_s_line_of_the_bulletin_is_that_of_the_whole_but_for_its_rank(counties: Counties) -> None:
    own, whole = (told(counties, who, "/v1/bulletin", as_of=DAY)["lines"] for who in ("here", "all"))
    (line,) = [each for each in whole if each["region"] == HERE]
    for each in (line, *own):
        del each["rank"], each["rank_before"]
    assert own == [line]
