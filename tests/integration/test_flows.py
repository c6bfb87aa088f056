"""The flows of a period over HTTP: a history by hand with every movement, and the rates that they add up to."""

import csv
import io
import zipfile
from typing import Any

import pytest

from tests.fix_service import Service
from tests.folding import World
from tests.sending import envelope

ONE, TWO = "889901", "889902"
PERIOD = {"from": "2024-01-31", "as_of": "2024-03-31", "region": "8899"}


def said(number: int, type_: str, day: str, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return envelope(f"flows-{number}", type_, {"effective_on": day, **data}, "/registry/flows")


def group(number: int) -> str:
    return f"group:flows-{number}"


def registered(number: int, day: str, region: str) -> dict[str, Any]:
    return said(
        number, "organization.registered", day, org=group(number), kind="new_employment_group", category="courier",
        name=f"骑手 {number} 队", region=region,
    )  # fmt: skip


def enrolled(number: int, standing: str, org: int, day: str = "2024-01-03") -> dict[str, Any]:
    return said(number, "member.enrolled", day, member=f"member:flows-{number}", standing=standing, org=group(org))


def member(number: int, type_: str, day: str, of: int, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return said(number, f"member.{type_}", day, member=f"member:flows-{of}", **data)


def branch(number: int, region: str, *covers: int) -> dict[str, Any]:
    return said(
        number, "branch.formed", "2024-01-03", branch=f"branch:flows-{number}", name="支部", tier="branch",
        formation="joint", region=region, covers=list(map(group, covers)),
    )  # fmt: skip


def covering(number: int, day: str, of: int, /, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return said(number, "branch.coverage_changed", day, branch=f"branch:flows-{of}", **data)


EVENTS = [
    registered(1, "2024-01-02", ONE), registered(2, "2024-01-02", ONE), registered(3, "2024-02-05", ONE),
    registered(4, "2024-01-02", ONE), registered(5, "2024-01-02", TWO),
    branch(10, ONE, 4), branch(11, TWO, 5),
    said(12, "organization.deregistered", "2024-02-10", org=group(1), reason="dissolved"),
    said(13, "organization.excluded", "2024-02-01", org=group(2), reason="not_operating"),
    said(14, "organization.readmitted", "2024-03-01", org=group(2)),
    covering(15, "2024-02-20", 10, add=[group(3)]),
    said(16, "organization.changed", "2024-03-02", org=group(4), region=TWO),
    covering(17, "2024-02-25", 11, drop=[group(5)]),
    # Closed and opened anew on one day: nothing moved.
    said(18, "organization.deregistered", "2024-02-12", org=group(5), reason="dissolved"),
    registered(5, "2024-02-12", TWO) | {"id": "flows-19", "time": "2024-05-01T10:00:00+08:00"},
    enrolled(21, "full", 4), enrolled(22, "probationary", 4), enrolled(23, "activist", 5),
    enrolled(24, "full", 3, "2024-03-03"), enrolled(25, "full", 5), enrolled(26, "full", 1), enrolled(27, "full", 5),
    member(31, "standing_changed", "2024-02-15", 22, standing="full"),
    member(32, "standing_changed", "2024-02-01", 23, standing="probationary"),
    member(33, "transferred", "2024-03-04", 25, from_org=group(5), to_org=group(3)),
    member(34, "removed", "2024-02-09", 26),
    member(35, "relation_changed", "2024-03-05", 27, relation="elsewhere"),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(service: Service) -> Service:
    position = max(each["position"] for each in service.publish(EVENTS))
    service.get("/v1/rates", min_position=position)
    return service


def moving(stocks: dict[str, Any]) -> dict[str, Any]:
    """Only what moved: by stock the number before, what came, what left."""
    return {
        stock: (
            flow["before"], *({name: n for name, n in flow[way].items() if n} for way in ("came", "left")),
            flow["after"],
        )
        for stock, flow in stocks.items()
    }  # fmt: skip


def test_every_movement_is_told_by_its_reason_in_each_group_and_in_the_whole(told: Service) -> None:
    answer = told.get("/v1/flows", **PERIOD, group_by="region:6")
    one, two = (moving(each["stocks"]) for each in answer["groups"])
    assert [each["key"] for each in answer["groups"]] == [{"region:6": ONE}, {"region:6": TWO}]
    covered = {
        "organizations": (3, {"opened": 1, "readmitted": 1}, {"closed": 1, "excluded": 1, "moved_out": 1}, 2),
        "organization_covered": (1, {"newly_covered": 1}, {"moved_out": 1}, 1),
        "work_covered": (1, {"newly_covered": 1}, {"moved_out": 1}, 1),
    }
    # The one promoted in February went with the organization in March.
    assert one == covered | {
        "full_members": (
            2, {"registered": 1, "promoted": 1, "transferred": 1}, {"removed": 1, "with_organization": 2}, 2,
        ),
        "probationary_members": (1, {}, {"promoted": 1}, 0),
        "activists": (0, {}, {}, 0),
    }  # fmt: skip
    assert two == {
        "organizations": (1, {"moved_in": 1}, {}, 2),
        "organization_covered": (1, {"moved_in": 1}, {"no_longer_covered": 1}, 1),
        "work_covered": (1, {"moved_in": 1}, {"no_longer_covered": 1}, 1),
        "full_members": (2, {"with_organization": 2}, {"relation_changed": 1, "transferred": 1}, 2),
        "probationary_members": (0, {"admitted": 1}, {}, 1),
        "activists": (1, {}, {"admitted": 1}, 0),
    }
    assert moving(answer["total"]["stocks"]) == {
        "organizations": (4, {"opened": 1, "readmitted": 1}, {"closed": 1, "excluded": 1}, 4),
        "organization_covered": (2, {"newly_covered": 1}, {"no_longer_covered": 1}, 2),
        "work_covered": (2, {"newly_covered": 1}, {"no_longer_covered": 1}, 2),
        "full_members": (4, {"registered": 1, "promoted": 1}, {"removed": 1, "relation_changed": 1}, 4),
        "probationary_members": (1, {"admitted": 1}, {"promoted": 1}, 1),
        "activists": (1, {}, {"admitted": 1}, 0),
    }


def test_the_organizations_behind_a_number_are_told_with_their_day_and_event(told: Service) -> None:
    def behind(**asked: str) -> list[tuple[str, str, str, str]]:
        answer = told.get("/v1/flows/behind", **PERIOD, **asked)
        assert answer["total"] == len(answer["moved"])
        return [(each["day"], each["org"], each["direction"], each["movement"]) for each in answer["moved"]]

    assert behind(**{"region:6": ONE}) == [
        ("2024-02-01", group(2), "out", "excluded"), ("2024-02-05", group(3), "in", "opened"),
        ("2024-02-10", group(1), "out", "closed"), ("2024-03-01", group(2), "in", "readmitted"),
        ("2024-03-02", group(4), "out", "moved_out"),
    ]  # fmt: skip
    assert behind(stock="organization_covered", movement="no_longer_covered") == [
        ("2024-02-25", group(5), "out", "no_longer_covered")
    ]
    (one,) = told.get("/v1/flows/behind", **PERIOD, movement="excluded")["moved"]
    assert (one["excluded"], one["region"], one["by_rules"]) == ("not_operating", ONE, False)
    assert told.get(f"/v1/events/{one['position']}")["event"]["id"] == "flows-13"


def test_what_is_known_later_moves_later_knowledge_alone(told: Service) -> None:
    answer = told.get("/v1/flows", **PERIOD, known_at=told.get("/v1/audit", subject=group(3))["events"][0]["position"])
    assert answer["total"]["stocks"]["organizations"]["came"]["opened"] == 1
    assert answer["total"]["stocks"]["organization_covered"]["came"]["newly_covered"] == 0


def test_a_period_that_ends_before_it_begins_and_a_foreign_movement_are_refused_in_words(told: Service) -> None:
    for asked, rule in (
        ({"from": "2024-03-31", "as_of": "2024-03-31"}, "the period begins on a day before 2024-03-31"),
        ({**PERIOD, "movement": "newly_covered"}, "this stock knows no such movement"),
    ):
        refused = told.http.get("/v1/flows/behind", params=asked)
        assert refused.status_code == 400
        assert rule in refused.text


@pytest.mark.parametrize("group_by", [["kind"], ["region:6", "category"], ["body:park"], []])
def test_the_numbers_add_up_to_the_difference_of_the_rates(world: World, group_by: list[str]) -> None:
    period = {"from": "2024-03-31", "as_of": "2024-09-30"}
    answer = world.service.get("/v1/flows", **period, group_by=group_by)
    assert any(sum(flow["came"].values()) for each in answer["groups"] for flow in each["stocks"].values())
    for day, side in (("2024-03-31", "before"), ("2024-09-30", "after")):
        rates = world.service.get("/v1/rates", as_of=day, group_by=group_by)
        counts = {tuple(each["key"].items()): each["counts"] for each in rates["groups"]}
        for each in answer["groups"]:
            own = counts.get(tuple(each["key"].items()), {})
            assert {stock: flow[side] for stock, flow in each["stocks"].items()} == {
                stock: own.get(stock, 0) for stock in each["stocks"]
            }
    for each in (*answer["groups"], answer["total"]):
        for stock, flow in each["stocks"].items():
            assert flow["before"] + sum(flow["came"].values()) - sum(flow["left"].values()) == flow["after"], stock


def test_a_table_that_is_taken_away_adds_up_line_by_line(told: Service) -> None:
    taken = told.http.get("/v1/flows", params={**PERIOD, "format": "csv", "lang": "zh"})
    with zipfile.ZipFile(io.BytesIO(taken.content)) as bundle:
        (name,) = [each for each in bundle.namelist() if each.endswith(".csv")]
        rows = list(csv.DictReader(io.StringIO(bundle.read(name).decode("utf-8-sig"))))
    numbers = [int(row["amount"]) for row in rows if row["stock"] == "正式党员"]
    assert sum(numbers[:-1]) == numbers[-1] == 4
