"""Daily work under a region scope: work lists, durations and weak branches tell nothing of other counties."""

import pytest

from tests.fix_counties import HERE, MARKS, ORGS, THERE, Counties

CLOCKS = {"as_of": "2024-07-01"}


@pytest.mark.parametrize(
    "path", ["/v1/measures", "/v1/measures/durations?measure=combine", "/v1/measures/calendar", "/v1/weak-branches"]
)
def test_nothing_of_the_other_county_is_told(counties: Counties, path: str) -> None:
    whole, here = (counties.ask(caller, path, params=CLOCKS if "?" not in path else None) for caller in ("all", "here"))
    assert whole.status_code == here.status_code == 200
    assert not [mark for mark in MARKS if mark in here.text]


def test_work_lists_hold_each_countys_own_and_together_all(counties: Counties) -> None:
    def orgs(caller: str) -> set[str]:
        return {item["org"] for item in counties.ask(caller, "/v1/measures", params=CLOCKS).json()["items"]}

    assert orgs("here") | orgs("there") == orgs("all")
    assert not orgs("here") & orgs("there")
    assert orgs("here")


def test_a_branch_that_covers_both_counties_is_judged_only_for_those_who_see_both(counties: Counties) -> None:
    def branches(caller: str) -> set[str]:
        found = counties.ask(caller, "/v1/weak-branches", params=CLOCKS).json()["branches"]
        return {each["branch"] for each in found}

    assert branches("all") >= {"branch:both", f"branch:{HERE}", f"branch:{THERE}"}
    assert branches("here") == {f"branch:{HERE}"}


def test_measures_of_an_organization_out_of_scope_are_those_of_none(counties: Counties) -> None:
    for org, status in ((ORGS[HERE][0], 200), (ORGS[THERE][0], 404), ("group:nobody-0", 404)):
        assert counties.ask("here", f"/v1/measures/organizations/{org}", params=CLOCKS).status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/surveys/survey:none/progress", 404), ("/v1/matches/candidates?region=9901", 400),
        ("/v1/regions/rates?digits=5", 400), ("/v1/measures?state=late", 400), ("/v1/regions?prefix=x", 400),
    ],
)  # fmt: skip
def test_a_wrong_question_is_answered_with_the_rule(counties: Counties, path: str, status: int) -> None:
    answer = counties.ask("all", path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"]
