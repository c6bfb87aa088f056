"""GET /v1/exemplars: who met the criteria on each of the days, against the branches', organizations' and rates' own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples import NUMBERED
from tests.fix_service import Service, new_database
from tests.sending import envelope

pytestmark = pytest.mark.long

SHOP, FIRM = "group:shop", "group:firm"


@pytest.fixture(scope="module")
def told(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Example 04, branches that live; a shop of 5 and a firm of 50 with five members each, under one that lives."""
    members = [
        envelope(f"m {org} {n}", "member.enrolled", {"effective_on": "2024-01-01", "member": f"member:x-{org[6:]}-{n}",
                                                     "standing": "full", "org": org})
        for org in (SHOP, FIRM) for n in range(5)
    ]  # fmt: skip
    orgs = [
        envelope(org, "organization.registered", {"effective_on": "2023-01-01", "org": org, "category": "courier",
                                                  "kind": "new_employment_group", "name": "站", "region": "510104",
                                                  "employees": employees})
        for org, employees in ((SHOP, 5), (FIRM, 50))
    ]  # fmt: skip
    formed = envelope("joint", "branch.formed", {
        "effective_on": "2023-02-01", "branch": "branch:x-joint", "name": "联合支部", "tier": "branch",
        "formation": "joint", "region": "510104", "covers": [SHOP, FIRM],
    })  # fmt: skip
    with Service(tmp_path_factory.mktemp("exemplars"), "--dev", database_url=new_database(postgres)) as service:
        deliveries = NUMBERED["04"]["deliveries"]
        results = service.publish([*deliveries, *orgs, formed, *members])
        service.get("/v1/rates", min_position=max(each.get("position", 0) for each in results))
        yield service


def days(service: Service) -> list[str]:
    """The dates of the example's own questions: where something changes."""
    del service
    return sorted({each["as_of"] for each in NUMBERED["04"]["questions"]})


def ids(found: list[dict[str, Any]], name: str) -> set[str]:
    return {each[name] for each in found}


def test_the_example_has_what_is_asked_for(told: Service) -> None:
    found = [told.get("/v1/exemplars/branches", as_of=day, months=1, members_min=0) for day in days(told)]
    assert any(each["total"] for each in found), found
    assert any(each["judged"] is False or not each["total"] for each in found)


@pytest.mark.parametrize("months", [0, 1, 3])
def test_branches_are_those_in_effect_on_each_of_the_days(told: Service, months: int) -> None:
    for as_of in days(told):
        found = told.get("/v1/exemplars/branches", as_of=as_of, months=months, members_min=0, covers_min=0)
        assert len(found["days"]) == months + 1
        lived = [
            ids(told.get("/v1/branches", as_of=day, in_effect="true", limit=1000)["branches"], "branch")
            for day in found["days"]
        ]
        assert ids(found["branches"], "branch") == set.intersection(*lived), (as_of, months)
        now = {each["branch"]: each for each in told.get("/v1/branches", as_of=as_of, limit=1000)["branches"]}
        least = told.get("/v1/exemplars/branches", as_of=as_of, months=months, members_min=3, covers_min=2)
        assert ids(least["branches"], "branch") == {
            name
            for name in ids(found["branches"], "branch")
            if now[name]["full_members"] + now[name]["probationary_members"] >= 3 and now[name]["covers_in_all"] >= 2
        }


@pytest.mark.parametrize("months", [0, 2])
def test_organizations_are_those_effectively_covered_on_each_of_the_days(told: Service, months: int) -> None:
    for as_of in days(told):
        found = told.get("/v1/exemplars/organizations", as_of=as_of, months=months)
        covered = [
            {each["org"] for each in told.get(
                "/v1/organizations", as_of=day, effectively_covered="true", limit=1000
            )["organizations"] if each["excluded"] is None}
            for day in found["days"]
        ]  # fmt: skip
        assert ids(found["organizations"], "org") == set.intersection(*covered), (as_of, months)


def test_members_of_a_small_unit_are_told_apart_by_no_criterion(told: Service) -> None:
    """Shop and firm have five members each, and one branch; nothing asks a living branch for more than three of one."""
    told.publish([
        envelope("act", "activity_policy.adopted", {"effective_on": "2024-02-01", "meetings": {}, "periods": 1,
                                                    "term_years": {}, "members_for_branch_committee": 7,
                                                    "vacant_days_max": 90}),
    ])  # fmt: skip
    position = told.publish(
        [envelope("x", "region.created", {"effective_on": "2024-01-01", "region": "51", "name": "川"})]
    )
    told.get("/v1/rates", min_position=position[0]["position"])

    def found(members_min: int) -> set[str]:
        answer = told.get("/v1/exemplars/organizations", as_of="2024-02-15", months=0, members_min=members_min)
        return ids(answer["organizations"], "org") & {SHOP, FIRM}

    assert [found(n) for n in (1, 3, 4, 5, 6)] == [{SHOP, FIRM}, {SHOP, FIRM}, {FIRM}, {FIRM}, set()]


@pytest.mark.parametrize(
    ("rate", "least"), [("organization_coverage", "0.3"), ("work_coverage", "1"), ("effective_coverage", "0")]
)
def test_offices_are_those_whose_rate_never_fell_below(told: Service, rate: str, least: str) -> None:
    for as_of in days(told):
        found = told.get("/v1/exemplars/offices", as_of=as_of, rate=rate, least=least, months=2, small_below=1)
        held: dict[str, list[float]] = {}
        for day in found["days"]:
            for group in told.get("/v1/rates", as_of=day, group_by="region:6")["groups"]:
                value = group["rates"][rate]["value"]
                if value is not None:
                    held.setdefault(group["key"]["region:6"], []).append(float(value))
        expected = {key: min(each) for key, each in held.items() if len(each) == 3 and min(each) >= float(least)}
        assert {each["key"]["region:6"]: float(each["lowest"]["value"]) for each in found["offices"]} == expected


def test_pages_forms_and_what_cannot_be_asked(told: Service) -> None:
    for path in ("/assessment/exemplars", "/assessment/exemplars/organizations", "/assessment/exemplars/offices"):
        answer = told.http.get(path, params={"as_of": "2024-06-30", "months": 1}, headers={"accept": "text/html"})
        assert answer.status_code == 200
    asked: list[tuple[dict[str, Any], int]] = [
        ({"format": "csv"}, 200), ({"format": "xlsx"}, 200), ({"months": 37}, 400), ({"months": -1}, 400),
        ({"as_of": "1900-01-01", "months": 36}, 200),
    ]  # fmt: skip
    for path in ("branches", "organizations", "offices"):
        for given, status in asked:
            answer = told.http.get(f"/v1/exemplars/{path}", params={"as_of": "2024-06-30", **given})
            assert answer.status_code == status, (path, given, answer.text)
    for wrong in ("1.1", "0.12345", "-1", "x"):
        assert told.http.get("/v1/exemplars/offices", params={"least": wrong}).status_code == 400
