"""GET /v1/organizations: sorted, found by name or code, in pages."""

from typing import Any

import pytest

from tests.fix_service import Service
from tests.folding import World, as_listed
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
    return [as_listed(row) for row in rows]


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
    begins = {"band_none": 0, "band_few": 1, "band_three": 3}

    def most(row: dict[str, Any]) -> tuple[int, str]:
        """Of a small unit the order tells its band, and no more."""
        members = begins[row["bands"]["full_members"]] if row["bands"] else row["full_members"]
        return (-members, row["org"])

    assert found == sorted(economic, key=most)
    assert any(row["bands"] for row in found), "the world has no small unit"
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


def test_members_of_a_small_unit_are_in_bands_wherever_units_are_listed(service: Service) -> None:
    """A shop of nine has two full members, a firm of ten as many: the shop's are one to two, also in what moved.

    Its order beside a shop with one is by code; with three it stands before the firm with two.
    """
    region, day = "770301", {"as_of": "2024-06-01"}
    events, names = [], {}
    for name, employees, count in (("a", 9, 2), ("b", 9, 1), ("c", 9, 3), ("d", 10, 2), ("e", None, 4)):
        names[name] = org = f"group:band-{name}"
        data = {"effective_on": "2024-01-01", "org": org, "kind": "new_employment_group", "category": "courier",
                "name": f"档{name}", "region": region}  # fmt: skip
        events.append(envelope(f"band {name}", "organization.registered",
                               data if employees is None else {**data, "employees": employees}, "/band"))  # fmt: skip
        for number in range(count):
            about = {"effective_on": "2024-02-01", "member": f"member:band-{name}-{number}", "standing": "full",
                     "org": org}  # fmt: skip
            events.append(envelope(f"band {name} {number}", "member.enrolled", about, "/band"))
    first, last = (service.publish(events)[at]["position"] for at in (0, -1))
    service.get("/v1/rates", min_position=last)
    rows = listed(service, 2, **day, region=region, sort="full_members")
    found = [(each["org"], each["full_members"], each["bands"] and each["bands"]["full_members"]) for each in rows]
    assert found == [
        (names["e"], 4, None), (names["c"], None, "band_three"), (names["d"], 2, None),
        (names["a"], None, "band_few"), (names["b"], None, "band_few"),
    ]  # fmt: skip
    behind = service.get("/v1/rates/explain", **day, region=region, count="full_members")["organizations"]
    assert {each["row"]["org"]: each["counts"]["full_members"] for each in behind} == {
        names["a"]: None, names["b"]: None, names["c"]: None, names["d"]: 2, names["e"]: 4,
    }  # fmt: skip
    assert service.get("/v1/rates", **day, region=region)["total"]["counts"]["full_members"] == 12
    moved = service.get("/v1/changes", **day, region=region, since=first - 1)["organizations"]
    assert {each["org"]: each["moved"].get("full_members") for each in moved} == {
        names["a"]: None, names["b"]: None, names["c"]: None, names["d"]: 2, names["e"]: 4,
    }  # fmt: skip
    in_bands = {each["org"]: each["after"]["bands"] is not None for each in moved}
    assert (in_bands[names["a"]], in_bands[names["d"]]) == (True, False)
    # The dossier has the numbers, and its reading is recorded.
    assert service.get(f"/v1/organizations/{names['a']}", **day)["row"]["full_members"] == 2
    page = service.http.get("/ledger", params={**day, "region": region, "lang": "zh"}, headers={"accept": "text/html"})
    assert (page.text.count("1 至 2 名"), page.text.count("3 名及以上")) == (2, 1)
    path = {**day, "region": region, "count": "full_members", "lang": "zh"}
    page = service.http.get("/explain", params=path, headers={"accept": "text/html"})
    assert (page.text.count("1 至 2 名"), page.text.count("3 名及以上")) == (2, 1)
    page = service.http.get("/inspection", params={**day, "region": region, "since": first - 1, "lang": "zh"},
                            headers={"accept": "text/html"})  # fmt: skip
    assert page.text.count("+2</span>") == page.text.count("+4</span>") == 1
    for question in (PATH, "/v1/rates/explain", "/v1/changes"):
        given = {**day, "region": region, "format": "csv", **({"since": first - 1} if "changes" in question else {})}
        assert service.http.get(question, params=given).status_code == 200
    export = service.http.get("/v1/rates/export", params={**day, "region": region, "format": "json",
                                                          "organizations": "true"})  # fmt: skip
    listing = {row["org"]: row for row in export.json()["tables"]["organizations"]["rows"]}
    assert (listing[names["a"]]["full_members"], listing[names["d"]]["full_members"]) == (None, 2)
    assert "1 至 2 名" in listing[names["a"]]["bands"]
