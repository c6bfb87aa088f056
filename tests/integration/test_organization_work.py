"""What offices did at one organization stands in its file: its visits and measures at both clocks, as elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.offices import AS_OF, facts
from tests.sending import envelope

FREE = "他们说过的话"


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
        findings: dict[str, Any] = {
            name: {"clear": True} for name in ("operation", "employees", "members", "owner", "branch_work")
        }
        findings["owner"]["value"] = "member"
        findings["operation"]["value"] = "closed"
        findings["problems"] = {"clear": False, "value": FREE}
        again = {"effective_on": "2024-11-10", "visit": "visit:v-again", "survey": "survey:s", "grid": "grid:g-1",
                 "org": orgs[0], "findings": findings, "revisits": "visit:v-1"}  # fmt: skip
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


def test_neither_an_owners_membership_nor_words_of_ones_own_are_shown(world: tuple[Service, str, int]) -> None:
    service, org, _ = world
    again = service.get(f"/v1/organizations/{org}/work", as_of=AS_OF)["visits"][0]
    shown = {each["finding"]: (each["clear"], each["value"]) for each in again["findings"]}
    assert (shown["owner"], shown["problems"]) == ((True, None), (False, None))
    page = service.http.get(f"/ledger/{org}?as_of={AS_OF}&lang=zh").text
    assert FREE not in page
    assert "六清" in page


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


def test_an_organization_that_nobody_spoke_of_is_not_found(world: tuple[Service, str, int]) -> None:
    service, _, _ = world
    answer = service.http.get("/v1/organizations/group:nobody-knows/work", params={"as_of": AS_OF})
    assert answer.status_code == 404
