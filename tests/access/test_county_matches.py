"""Matches of one's own county: whoever is limited to it decides them there and knows of no others."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.attacks import FINDINGS
from tests.fix_counties import HERE, MARKS, ORGS, THERE, Counties, two_counties
from tests.fix_service import new_database
from tests.sending import envelope

CLOCKS = {"as_of": "2024-04-30"}
NOBODY = "group:nobody-0"
OFFICE = "/office/matches"


@pytest.fixture(scope="module")
def apart(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counties]:
    """Counties of its own, with a visit of an unknown organization in each, and a match between them, undone twice."""
    with two_counties(tmp_path_factory.mktemp("matches"), new_database(postgres)) as counties:
        day, both = {"effective_on": "2024-03-05"}, {"org": ORGS[HERE][0], "other": ORGS[THERE][0]}
        told: list[tuple[str, dict[str, Any]]] = []
        for county, name in ((HERE, "此处"), (THERE, "彼处")):
            survey = {"survey": f"survey:{county}", "name": f"{name}排查", "region": county, "due_on": "2024-12-31"}
            unknown = {"name": f"{name}0", "region": f"{county}001", "address": f"{name}路"}
            told += [
                ("survey.opened", {**survey, "office": "office:o"}),
                ("visit.made", {"visit": f"visit:{county}", "survey": f"survey:{county}", "grid": "grid:g",
                                "unknown": unknown, "findings": FINDINGS}),
            ]  # fmt: skip
        told += [("match.decided", {"match": "match:apart", **both, "same": True, "reason": "彼处所说"})]
        told += [("match.undone", {"match": "match:apart", "reason": "彼处撤销"})] * 2
        events = [envelope(f"m{n}", name, {**day, **data}, OFFICE) for n, (name, data) in enumerate(told)]
        results = counties.ask("all", "/v1/events", method="POST", json=events).json()["results"]
        assert {each["disposition"] for each in results} == {"accepted"}, results
        assert counties.ask("all", "/v1/rates", params={"min_position": results[-1]["position"]}).is_success
        yield counties


def candidates(counties: Counties, caller: str, region: str) -> dict[str, Any]:
    asked = {"region": region, **CLOCKS, "name_min": "50", "limit": "1000"}
    answer = counties.ask(caller, "/v1/matches/candidates", params=asked)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_candidates_are_those_that_everyone_finds_there_and_none_elsewhere(apart: Counties) -> None:
    own, whole = (candidates(apart, caller, HERE)["candidates"] for caller in ("here", "all"))
    assert own == whole
    assert f"visit:{HERE}" in str(own)
    assert candidates(apart, "here", THERE)["total"] == 0
    assert candidates(apart, "all", THERE)["total"] > 0
    # Below the county it is the township's; above it nothing more.
    assert candidates(apart, "township", HERE)["candidates"] == whole


def test_what_was_decided_of_another_countys_is_told_to_nobody_here(apart: Counties) -> None:
    whole = apart.ask("all", "/v1/matches", params=CLOCKS).json()
    assert (len(whole["decisions"]), len(whole["contradictions"])) == (1, 1)
    for path in ("/v1/matches", f"/v1/organizations/{ORGS[HERE][0]}/work", "/daily/matches"):
        answer = apart.ask("here", path, params=CLOCKS)
        assert answer.is_success
        assert not [mark for mark in (*MARKS, "match:apart") if mark in answer.text]


def decide(counties: Counties, caller: str, org: str, other: str, answer: str) -> Any:  # noqa: ANN401 - an answer
    said = {"org": org, "other": other, "answer": answer, "reason": "核实", **CLOCKS}
    return counties.ask(caller, "/v1/matches", method="POST", json=said)


@pytest.mark.parametrize("other", [f"visit:{HERE}", ORGS[HERE][2]])
def test_a_county_decides_and_undoes_its_own(apart: Counties, other: str) -> None:
    org = ORGS[HERE][1]
    made = decide(apart, "here", org, other, "same")
    assert made.status_code == 201, made.text
    seen = {"min_position": made.json()["position"], **CLOCKS}
    told = apart.ask("here", "/v1/matches", params=seen).json()["decisions"][-1]
    assert (told["org"], told["other"], told["same"], told["undone_on"]) == (org, other, True, None)
    assert apart.ask("there", "/v1/matches", params=seen).json()["decisions"] == []
    assert apart.ask("here", f"/v1/organizations/{org}/work", params=seen).json()["matches"][-1] == told
    assert decide(apart, "here", org, other, "different").status_code == 409
    undone = decide(apart, "here", org, other, "undo")
    assert undone.status_code == 201, undone.text
    seen = {"min_position": undone.json()["position"], **CLOCKS}
    assert apart.ask("here", f"/v1/organizations/{org}/work", params=seen).json()["matches"][-1]["undone_on"]


@pytest.mark.parametrize("other", [ORGS[THERE][1], f"visit:{THERE}"])
def test_another_countys_is_refused_as_one_that_nobody_knows(apart: Counties, other: str) -> None:
    head = apart.service.get("/health/ready")["position"]
    mine = ORGS[HERE][3]
    hidden, nobody = (decide(apart, "here", mine, each, "same") for each in (other, NOBODY))
    assert hidden.status_code == nobody.status_code == 404
    assert hidden.json()["detail"].replace(other, NOBODY) == nobody.json()["detail"]
    if not other.startswith("visit:"):
        assert decide(apart, "here", other, mine, "same").status_code == 404
    assert apart.service.get("/health/ready")["position"] == head
