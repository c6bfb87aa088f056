"""Ranking, contributions and what-if over HTTP: every figure against the fold from scratch."""

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, RATES, Filters, matches
from domain.ledger.rows import Row, ledger
from domain.values.terms import FORMATIONS
from tests.folding import World
from tests.histories import fits

AS_OF = "2024-09-30"


def value(rate: dict[str, Any]) -> Fraction | None:
    if rate["numerator"] is None or not rate["denominator"]:
        return None
    return Fraction(rate["numerator"], rate["denominator"])


def key_of(group: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(group["key"].values())


@pytest.mark.parametrize("rate", RATES)
def test_groups_stand_by_rank_with_their_gaps(world: World, rate: str) -> None:
    answer = world.service.get("/v1/rates/ranking", as_of=AS_OF, group_by=["kind", "region:6"], rate=rate)
    expected = world.figures(world.rows(AS_OF, world.head), ("kind", "region:6"), ANY)
    assert {key_of(g): g["counts"] for g in answer["groups"]} == {key_of(g): g["counts"] for g in expected}
    cities = world.figures(world.rows(AS_OF, world.head), ("kind", "region:4"), ANY)
    city_of = {key_of(g): g["rates"][rate] for g in cities}
    values = [value(g["rate"]) for g in answer["groups"]]
    for group, own in zip(answer["groups"], values, strict=True):
        kind, region = key_of(group)
        assert group["parent"] == group["city"] == city_of[kind, str(region)[:4]]
        assert group["small"] == (group["rate"]["denominator"] < 30)
        if own is None:
            assert group["rank"] is None
            assert group["to_city"] is None
            continue
        assert group["rank"] == {
            "rank": 1 + sum(other > own for other in values if other is not None), "shared_by": values.count(own),
        }  # fmt: skip
        here, city = (Fraction(group[each]["value"]) for each in ("rate", "city"))
        assert Fraction(group["to_city"]) == (here - city) * 100
    ranks = [g["rank"]["rank"] for g in answer["groups"] if g["rank"]]
    assert ranks == sorted(ranks)


def test_the_year_and_month_before_are_those_of_compare(world: World) -> None:
    answer = world.service.get("/v1/rates/ranking", as_of=AS_OF, group_by="region:4", kind="new_economic")
    assert (answer["month_before"], answer["year_before"]) == ("2024-08-31", "2023-09-30")
    for name, other in (("month_on_month", "2024-08-31"), ("year_on_year", "2023-09-30")):
        compared = world.service.get(
            "/v1/rates/compare", as_of=AS_OF, other_as_of=other, group_by="region:4", kind="new_economic"
        )
        differences = {key_of(g): g["differences"]["rates"]["organization_coverage"] for g in compared["groups"]}
        assert {key_of(g): g[name] for g in answer["groups"]} == {
            key_of(g): differences[key_of(g)] for g in answer["groups"]
        }


def test_a_region_filter_narrows_the_groups_and_not_what_they_are_held_against(world: World) -> None:
    every = world.service.get("/v1/rates/ranking", as_of=AS_OF, group_by="region:6")["groups"]
    region = every[0]["key"]["region:6"]
    (one,) = world.service.get("/v1/rates/ranking", as_of=AS_OF, group_by="region:6", region=region)["groups"]
    assert (one["parent"], one["city"]) == (every[0]["parent"], every[0]["city"])
    # Without regions the whole that the filters mean stands above, and the city of the region beside it.
    kinds = world.service.get("/v1/rates/ranking", as_of=AS_OF, group_by="kind", region=region)
    for group in kinds["groups"]:
        assert group["parent"] == kinds["total"] == one["rate"]
        assert group["city"] == one["city"]


@pytest.mark.parametrize("group_by", ["region:6", "industry", "kind"])
def test_contributions_add_up_to_what_compare_says(world: World, group_by: str) -> None:
    asked = {"as_of": AS_OF, "other_as_of": "2024-03-31", "other_known_at": world.head // 2}
    answer = world.service.get("/v1/rates/contributions", **asked, group_by=group_by, rate="work_coverage")
    total = world.service.get("/v1/rates/compare", **asked)["total"]
    assert (answer["before"], answer["after"]) == tuple(total[s]["rates"]["work_coverage"] for s in ("other", "this"))
    assert answer["points"] == total["differences"]["rates"]["work_coverage"]
    parts = [Fraction(g["within"]) + Fraction(g["shift"]) for g in answer["groups"]]
    assert sum(parts) == Fraction(answer["change"])
    assert parts == sorted(parts, reverse=True)
    assert sum(Fraction(g["points"]) for g in answer["groups"]) == Fraction(answer["points"])


def test_contributions_over_nothing_are_said_to_be_none(world: World) -> None:
    answer = world.service.get("/v1/rates/contributions", as_of=AS_OF, other_known_at=0, group_by="kind")
    assert (answer["change"], answer["points"], answer["groups"]) == (None, None, [])


def test_what_if_with_the_policy_in_force_is_the_ledger_itself(world: World, rng: random.Random) -> None:
    for _ in range(40):
        as_of = date(2023, 6, 1) + timedelta(rng.randrange(800))
        asked: dict[str, Any] = {
            "as_of": str(as_of), "known_at": rng.randrange(world.head + 1),
            "group_by": rng.sample(["kind", "region:6", "measure", "formation", "industry"], rng.randrange(4)),
            **rng.choice([{}, {"eligible": "true"}, {"region": "5"}, {"measure": "establish"}]),
        }  # fmt: skip
        plain = world.service.get("/v1/rates", **asked)
        said = world.service.get("/v1/rates/what-if", **asked)
        stated = world.service.get("/v1/rates/what-if", **asked, **said["in_force"])
        for found in (said, stated):
            assert found["supposed"] == found["in_force"]
            for side in ("in_force", "supposed"):
                assert [{"key": g["key"], **g[side]} for g in found["groups"]] == plain["groups"]
                assert found["total"][side] == plain["total"]
            # No activity policy is in force: who is effectively covered has no answer, and so no difference.
            moved = found["total"]["differences"]["counts"]
            assert {name: each for name, each in moved.items() if each != 0} == {"effectively_covered": None}


@pytest.mark.parametrize(
    "policy", [Policy(1, 5, FORMATIONS), Policy(4, 80, ("standalone",)), Policy(2, 30, ("joint", "affiliated"))]
)
@pytest.mark.parametrize("filters", [ANY, Filters(kind="new_economic"), Filters(eligible=True)])
def test_under_another_policy_the_figures_are_the_folds(world: World, policy: Policy, filters: Filters) -> None:
    before = world.service.get("/v1/rates", as_of=AS_OF, group_by=["measure"])
    given = {name: value for name, value in filters._asdict().items() if value is not None}
    answer = world.service.get(
        "/v1/rates/what-if", as_of=AS_OF, group_by=["kind", "measure"], **policy._asdict(), **given
    )
    rows = supposed(world, policy)
    assert [{"key": g["key"], **g["supposed"]} for g in answer["groups"] if g["supposed"]] == world.figures(
        rows, ("kind", "measure"), filters
    )
    assert world.service.get("/v1/rates", as_of=AS_OF, group_by=["measure"]) == before


def test_without_exclusions_the_excluded_count_like_all_others(world: World) -> None:
    rows = world.rows(AS_OF, world.head)
    assert any(row.excluded for row in rows), "the world excludes nothing on this date"
    answer = world.service.get("/v1/rates/what-if", as_of=AS_OF, group_by="kind", exclusions_ignored="true")
    expected = world.figures((row._replace(excluded=None) for row in rows), ("kind",), ANY)
    assert [{"key": g["key"], **g["supposed"]} for g in answer["groups"]] == expected
    assert answer["total"]["supposed"]["counts"]["excluded"] == 0


def supposed(world: World, policy: Policy) -> list[Row]:
    folded = ledger(world.events, date.fromisoformat(AS_OF), fits)
    return [row for row in replace(folded, policy=policy).rows() if matches(row, ANY)]


@pytest.mark.parametrize("rate", ["organization_coverage", "employee_coverage", "effective_coverage"])
def test_the_rise_at_the_same_mix_is_that_of_the_rates_by_stratum(world: World, rate: str) -> None:
    """By the sentence itself, from the rates that `/v1/rates` gives for each county and category at both dates."""
    dates = {"as_of": AS_OF, "other_as_of": "2024-03-31"}
    answer = world.service.get("/v1/rates/improvement", **dates, group_by="region:6", rate=rate)
    by: dict[str, dict[tuple[str | None, ...], Fraction | None]] = {}
    sizes: dict[str | None, int] = {}
    for name, day in dates.items():
        found = world.service.get("/v1/rates", as_of=day, group_by=["region:6", "category"])["groups"]
        by[name] = {key_of(each): value(each["rates"][rate]) for each in found}
        for each in found if name == "other_as_of" else ():
            category = each["key"]["category"]
            sizes[category] = sizes.get(category, 0) + each["rates"][rate]["denominator"]
    assert {each["key"]["region:6"] for each in answer["groups"]} == {k[0] for side in by.values() for k in side}
    rises: list[tuple[Fraction, int]] = []
    for group in answer["groups"]:
        pairs = [
            (n, by["other_as_of"].get((group["key"]["region:6"], c)), by["as_of"].get((group["key"]["region:6"], c)))
            for c, n in sizes.items()
        ]
        both = [(n, old, new) for n, old, new in pairs if old is not None and new is not None]
        weight = sum(n for n, _, _ in both)
        if not weight:
            assert (group["standardised_points"], group["rank"]) == (None, None)
            continue
        rise = sum((n * (new - old) for n, old, new in both), Fraction()) / weight
        assert abs(Fraction(group["standardised_points"]) - rise * 100) <= Fraction(1, 200)
        rises.append((rise, group["rank"]["rank"]))
        shown = Fraction(group["weight"])
        assert abs(shown - Fraction(weight, sum(sizes.values()))) <= Fraction(1, 20_000)
    assert rises == sorted(rises, key=lambda each: -each[0])
    assert all(rank == 1 + sum(other > rise for other, _ in rises) for rise, rank in rises)
    compared = world.service.get("/v1/rates/compare", **dates, group_by="region:6")["groups"]
    assert {key_of(each): each["points"] for each in answer["groups"]} == {
        key_of(each): each["differences"]["rates"][rate] for each in compared
    }


def test_what_is_grouped_by_has_no_mix(world: World) -> None:
    refused = world.service.http.get("/v1/rates/improvement", params={"group_by": "category", "as_of": AS_OF})
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (400, "mix")
