"""GET /v1/organizations: sorted, found by name or code, in pages."""

from typing import Any

import pytest

from domain.ledger.rows import told
from tests.fix_service import Service
from tests.folding import World
from tests.sending import envelope

PATH = "/v1/organizations"
REGION = "770201"  # where no other test has organizations


def listed(service: Service, limit: int = 1_000, **parameters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - query parameters
    answer = service.get(PATH, **parameters, limit=limit)
    found = list(answer["organizations"])
    while answer["next"]:
        answer = service.get(PATH, **parameters, limit=limit, cursor=answer["next"])
        found += answer["organizations"]
    return found


def expected(world: World) -> list[dict[str, Any]]:
    rows = world.rows("2024-12-31", world.head)
    return [told(row) for row in rows]


@pytest.mark.parametrize("limit", [1, 3, 1_000])
def test_by_identifier_unless_told_otherwise(world: World, limit: int) -> None:
    assert listed(world.service, limit, as_of="2024-12-31") == expected(world)


@pytest.mark.parametrize("limit", [1, 2, 5, 1_000])
def test_the_most_employees_first_unknown_ones_last(world: World, limit: int) -> None:
    def most(row: dict[str, Any]) -> tuple[int, str]:
        employees = row["attributes"]["employees"]
        return (1 if employees is None else -employees, row["org"])

    found = listed(world.service, limit, as_of="2024-12-31", sort="employees")
    assert found == sorted(expected(world), key=most)
    assert found[-1]["attributes"]["employees"] is None, "the world has nobody whose employees are unknown"


@pytest.mark.parametrize("limit", [1, 2, 5, 1_000])
def test_the_most_full_members_first(world: World, limit: int) -> None:
    found = listed(world.service, limit, as_of="2024-12-31", sort="full_members", kind="new_economic")
    economic = [row for row in expected(world) if row["attributes"]["kind"] == "new_economic"]
    assert found == sorted(economic, key=lambda row: (-row["full_members"], row["org"]))
    assert len({row["full_members"] for row in found}) < len(found), "the world has no ties"


def test_found_by_a_part_of_the_name_or_of_the_code(world: World) -> None:
    rows = expected(world)
    for part in ("单位1", "uscc:91", rows[0]["org"][-6:].lower(), "_", "%", "单位1' OR 1=1 --"):
        wanted = [
            row
            for row in rows
            if part.lower() in row["attributes"]["name"].lower() or part.lower() in row["org"].lower()
        ]
        assert listed(world.service, 2, as_of="2024-12-31", q=part) == wanted
    assert 0 < len(listed(world.service, as_of="2024-12-31", q="单位1")) < len(rows)


def test_found_in_either_width_with_blanks_around(service: Service, source: str) -> None:
    names = {"group:wide": "瑞达（高朗）ＡＢ９商贸", "group:plain": "瑞达(高朗)AB9商贸"}
    data = {"effective_on": "2024-01-01", "kind": "new_employment_group", "category": "courier", "region": REGION}
    (*_, last) = service.publish(
        [
            envelope(org, "organization.registered", {**data, "org": org, "name": name}, source)
            for org, name in names.items()
        ]
    )
    for part in ("（高朗）", "(高朗)", " (高朗） ", "ＡＢ９", "ab9", "\u3000瑞达(高朗", "ＷＩＤＥ"):
        found = listed(service, as_of="2024-02-01", min_position=last["position"], q=part, region=REGION)
        assert {row["org"] for row in found} >= ({"group:wide"} if part == "ＷＩＤＥ" else names.keys()), part


def test_found_by_the_name_that_it_had_on_the_date(service: Service, source: str) -> None:
    def event(id_: str, what: str, on: str, /, **data: str) -> dict[str, Any]:
        return envelope(id_, f"organization.{what}", {"effective_on": on, "org": "group:renamed", **data}, source)

    attributes = {"kind": "new_employment_group", "category": "courier", "region": REGION}
    (*_, last) = service.publish([
        event("e1", "registered", "2024-03-01", name="Old Name 快递", **attributes),
        event("e2", "changed", "2024-06-01", name="new name 配送"),
    ])  # fmt: skip

    def names(as_of: str, part: str) -> list[str]:
        found = listed(service, as_of=as_of, q=part, region=REGION, min_position=last["position"])
        return [row["attributes"]["name"] for row in found]

    assert names("2024-05-31", "OLD") == names("2024-05-31", "快递") == ["Old Name 快递"]
    assert names("2024-06-01", "old") == []
    assert names("2024-06-01", "New") == ["new name 配送"]
    assert names("2024-05-31", "new") == []


def test_a_cursor_goes_with_its_order(world: World) -> None:
    following = world.service.get(PATH, as_of="2024-12-31", limit=1)["next"]
    answer = world.service.http.get(
        PATH, params={"as_of": "2024-12-31", "limit": 1, "sort": "employees", "cursor": following}
    )
    assert answer.status_code == 400
    assert "another question" in answer.json()["detail"]
