"""What offices did at one organization stands in its file: its visits and measures at both clocks, as elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.offices import AS_OF, OFFICE, facts
from tests.sending import envelope

FREE = "他们说过的话"
FINDINGS: dict[str, Any] = {
    "operation": {"clear": True, "value": "closed"}, "employees": {"clear": True}, "members": {"clear": True},
    "owner": {"clear": True}, "branch_work": {"clear": True}, "problems": {"clear": False, "value": "premises"},
}  # fmt: skip


@pytest.fixture(scope="module")
def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str, int]]:
    """A random history, an organization that was visited twice, and the position before it was."""
    with Service(tmp_path_factory.mktemp("work"), "--dev", database_url=new_database(postgres)) as service:
        deliveries = NUMBERED["12"]["deliveries"]
        service.publish(deliveries)
        branch = next(each["data"]["branch"] for each in deliveries if each["type"].endswith("branch.formed.v1"))
        orgs = [each["org"] for each in service.get("/v1/organizations", as_of=AS_OF, min_position=1)["organizations"]]
        before = service.get("/v1/rates", as_of=AS_OF)["known_at"]["position"]
        service.publish(facts(orgs[0], orgs[1], branch))
        again = {"effective_on": "2024-11-10", "visit": "visit:v-again", "survey": "survey:s", "grid": "grid:g-1",
                 "org": orgs[0], "findings": FINDINGS, "revisits": "visit:v-1"}  # fmt: skip
        head = service.publish([envelope("again", "visit.made", again)])[-1]["position"]
        service.get("/v1/rates", min_position=head)
        yield service, orgs[0], before


def test_a_visit_is_in_the_file_with_its_findings_and_what_differs(world: tuple[Service, str, int]) -> None:
    service, org, _ = world
    again, first = service.get(f"/v1/organizations/{org}/work", as_of=AS_OF)["visits"]
    assert (first["visit"], first["made_on"], first["name"], first["revisits"]) == (
        "visit:v-1", "2024-10-10", "摸底", None
    )  # fmt: skip
    assert (again["visit"], again["revisits"]) == ("visit:v-again", "visit:v-1")
    told = service.get("/v1/surveys/survey:s/discrepancies", as_of=AS_OF)["discrepancies"]
    assert first["differs"] == [
        {name: each[name] for name in ("finding", "found", "ledger", "proposal")} for each in told if each["org"] == org
    ]
    assert [each["finding"] for each in again["differs"]] == ["operation"]
    assert service.get(f"/v1/events/{again['position']}")["event"]["data"]["visit"] == "visit:v-again"


def test_the_six_findings_are_shown_in_the_words_of_the_page(world: tuple[Service, str, int]) -> None:
    service, org, _ = world
    again = service.get(f"/v1/organizations/{org}/work", as_of=AS_OF)["visits"][0]
    shown = {each["finding"]: (each["clear"], each["value"]) for each in again["findings"]}
    assert (shown["operation"], shown["owner"], shown["problems"]) == (
        (True, "closed"), (True, None), (False, "premises")
    )  # fmt: skip
    page = service.http.get(f"/ledger/{org}?as_of={AS_OF}&lang=zh").text
    assert "没有活动场所" in page


@pytest.mark.parametrize(
    ("finding", "value", "rule"), [("owner", "member", "owner_membership"), ("problems", FREE, "problem_words")]
)
@pytest.mark.parametrize("is_correction", [False, True])
def test_an_owners_membership_and_words_of_ones_own_are_set_aside_in_words(
    world: tuple[Service, str, int], finding: str, value: str, rule: str, *, is_correction: bool
) -> None:
    service, org, _ = world
    findings = FINDINGS | {finding: {"clear": True, "value": value}}
    data = {"effective_on": "2024-11-11", "visit": f"visit:v-{rule.replace('_', '-')}", "survey": "survey:s",
            "grid": "grid:g-1", "org": org, "findings": findings}  # fmt: skip
    type_, at = "visit.made", f"/data/findings/{finding}/value"
    if is_correction:
        data = {"corrects": {"source": OFFICE, "id": "again"}, "replacement": data, "reason": "更正"}
        type_, at = "event.corrected", f"/data/replacement/findings/{finding}/value"
    (result,) = service.publish([envelope(f"{rule}-{is_correction}", type_, data, OFFICE)])
    assert result["disposition"] == "quarantined"
    (reason,) = result["reasons"]
    assert (reason["rule"], reason["at"], reason["value"]) == (rule, at, None)
    page = service.http.get(f"/intake/quarantine/{result['quarantine_id']}?lang=zh").text
    assert ("不记录负责人是否党员" if finding == "owner" else "不能自行填写") in page


def test_what_was_not_made_or_not_known_is_not_in_the_file(world: tuple[Service, str, int]) -> None:
    service, org, before = world
    path = f"/v1/organizations/{org}/work"
    assert [each["visit"] for each in service.get(path, as_of="2024-11-09")["visits"]] == ["visit:v-1"]
    assert service.get(path, as_of="2024-10-09")["visits"] == []
    assert service.get(path, as_of=AS_OF, known_at=before)["visits"] == []


def test_the_measures_are_those_of_their_own_call(world: tuple[Service, str, int]) -> None:
    service, _, _ = world
    seen = 0
    for each in service.get("/v1/organizations", as_of=AS_OF, limit=20)["organizations"]:
        here = service.get(f"/v1/organizations/{each['org']}/work", as_of=AS_OF)["measures"]
        there = service.get(f"/v1/measures/organizations/{each['org']}", as_of=AS_OF)["measures"]
        fields = ("measure", "opened_on", "closed_on", "closed_by", "due_on")
        assert [[one[name] for name in fields] for one in here] == [[one[name] for name in fields] for one in there]
        seen += len(here)
    assert seen


def test_what_was_decided_of_it_and_another_is_in_both_files(world: tuple[Service, str, int]) -> None:
    service, org, before = world
    (told,) = service.get("/v1/matches", as_of=AS_OF)["decisions"]
    assert told["org"] == org
    for record in (org, told["other"]):
        path = f"/v1/organizations/{record}/work"
        assert service.get(path, as_of=AS_OF)["matches"] == [told]
        assert service.get(path, as_of="2024-10-09")["matches"] == []
        assert service.get(path, as_of=AS_OF, known_at=before)["matches"] == []
    page = service.http.get(f"/ledger/{told['other']}?as_of={AS_OF}&lang=zh").text
    assert f'href="/ledger/{org}' in page.partition('id="matches"')[2]
    assert "分属两家" in page


def test_an_organization_that_nobody_spoke_of_is_not_found(world: tuple[Service, str, int]) -> None:
    service, _, _ = world
    answer = service.http.get("/v1/organizations/group:nobody-knows/work", params={"as_of": AS_OF})
    assert answer.status_code == 404
