"""Pairs of formation, members elsewhere and parents in a circle, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fact_data import ECONOMIC
from tests.fix_service import Service, new_database
from tests.sending import envelope

FIRM, NEIGHBOUR = ECONOMIC[0], ECONOMIC[1]


def formed(branch: str, covers: list[Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    data = {
        "effective_on": "2024-01-03", "branch": branch, "name": "支部", "tier": "branch", "formation": "standalone",
        "region": "880102", "covers": covers, **more,
    }  # fmt: skip
    return envelope(branch, "branch.formed", data)


def registered(org: str) -> dict[str, Any]:
    data = {
        "effective_on": "2024-01-02", "org": org, "kind": "new_economic", "category": "hmt_enterprise", "name": "甲",
        "region": "880102", "registered_region": "11", "above_scale": True,
    }  # fmt: skip
    return envelope(org, "organization.registered", data)


EVENTS = [
    registered(FIRM), registered(NEIGHBOUR),
    formed("branch:a", [FIRM, {"org": NEIGHBOUR, "formation": "affiliated"}]),
    formed("branch:b", [], parent="branch:a"),
    envelope("c1", "branch.changed", {"effective_on": "2024-01-04", "branch": "branch:a", "parent": "branch:b"}),
    envelope("m1", "member.enrolled", {
        "effective_on": "2024-01-03", "member": "member:m1", "standing": "full", "org": FIRM, "relation": "elsewhere",
    }),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("pairs"), "--dev", database_url=new_database(postgres)) as running:
        position = max(each["position"] for each in running.publish(EVENTS))
        running.get("/v1/rates", min_position=position)
        yield running


def test_each_organization_is_covered_as_is_said_of_its_pair(told: Service) -> None:
    total = told.get("/v1/rates", as_of="2024-01-31")["total"]["counts"]
    assert (total["standalone"], total["affiliated"], total["members_elsewhere"]) == (1, 1, 1)
    found = told.get(f"/v1/organizations/{NEIGHBOUR}", as_of="2024-01-31")
    assert (found["row"]["formation"], found["branches"][0]["formation"]) == ("affiliated", "affiliated")
    assert found["row"]["attributes"]["registered_region"] == "11"
    explained = told.get("/v1/rates/explain", as_of="2024-01-31", count="affiliated")["organizations"]
    assert [(each["row"]["org"], each["decided_by"]["formation"]) for each in explained] == [(NEIGHBOUR, [3])]


def test_a_branchs_history_tells_its_pairs(told: Service) -> None:
    after = told.get("/v1/branches/branch:a/history", as_of="2024-01-31")["events"][0]["after"]
    assert (after["covers"], after["pairs"]) == (sorted([FIRM, NEIGHBOUR]), {NEIGHBOUR: "affiliated"})


def test_a_member_elsewhere_is_told_as_such(told: Service) -> None:
    found = told.get(f"/v1/organizations/{FIRM}", as_of="2024-01-31")
    assert found["members"] == [{"member": "member:m1", "standing": "full", "relation": "elsewhere"}]
    assert (found["row"]["full_members"], found["row"]["members_elsewhere"]) == (0, 1)


def test_a_parent_in_a_circle_is_told_from_the_day_and_the_position_on_which_it_is_said(told: Service) -> None:
    def seen(**clocks: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - query parameters
        found = told.get("/v1/anomalies", anomaly="parent_in_circle", **clocks)["anomalies"]
        return [(each["subject"], each["position"]) for each in found]

    assert seen(as_of="2024-01-04") == [("branch:a", 5)]
    assert seen(as_of="2024-01-03") == []
    assert seen(as_of="2024-01-04", known_at=4) == []
