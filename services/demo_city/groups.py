"""Groups of couriers, riders and drivers: over 80,000 people, growing by 15 % a year.

A group's `employees` are its people. The totals at the ends of the quarters are exact, each of
them 1.15 times that of a year before; the groups share them by their weights.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import OPENING, QUARTER_ENDS, apportion, between, day, stream
from services.demo_city.facts import TRANSPORT, Fact
from services.demo_city.organization import Organization
from services.demo_city.places import COUNTIES, PLACES, TOWNSHIPS
from services.demo_city.plan import COURIER_COUNTY, scaled

GROUPS: Final = 420
OTHER_SHARE: Final = 20
"""One group in so many is of other people in new employment (streamers, domestic workers)."""
# Couriers, riders and drivers at the end of each quarter from 2023-06-30; then the other groups.
_PEOPLE: Final = (69_600, 72_000, 74_600, 77_200, 80_040, 82_800, 85_790, 88_780, 92_046)
_OTHER_PEOPLE: Final = (1_540, 1_600, 1_660, 1_720, 1_771, 1_840, 1_909, 1_978, 2_037)

COURIERS: Final = 1_200
COURIERS_BEFORE: Final = 1_040
COURIERS_FROM: Final = day("2024-03-01")
_COURIERS_QUARTER: Final = 3
COURIER_GROUP: Final = f"group:{COURIER_COUNTY}-courier-000"

_CATEGORIES: Final = (
    ("courier", 36, "快递员", "G60"),
    ("food_delivery", 40, "外卖配送员", "G60"),
    ("ride_hailing", 24, "网约车司机", "G54"),
)
_OTHER: Final = ("other_group", 0, "新就业群体", "R90")
_WHERE: Final = (14, 13, 10, 9, 9, 12, 6, 5, 4, 5, 4, 3, 3, 3)
_STATIONS: Final = ("速达", "驿云", "飞燕", "蜂蓝", "青骑", "行舟", "通衢", "捷羽", "顺桥", "鹿鸣")


@dataclass(frozen=True, slots=True)
class Group:
    """One group with its people at the end of each quarter; 0 before it is registered."""

    organization: Organization
    people: tuple[int, ...]


def city_groups(scale: float, seed: int) -> list[Group]:
    """Every group of the city, the courier branch's first."""
    rng = stream(seed, "groups")
    count = max(40, scaled(GROUPS, scale))
    others = max(2, count // OTHER_SHARE)
    special = [COURIERS_BEFORE if q < _COURIERS_QUARTER else COURIERS for q in range(len(QUARTER_ENDS))]
    people = [scaled(n, scale) - s for n, s in zip(_PEOPLE, special, strict=True)]
    sizes = [tuple(special), *_sizes(rng, people, count - others - 1)]
    sizes += _sizes(rng, [scaled(n, scale) for n in _OTHER_PEOPLE], others)
    return [
        Group(_organization(rng, n, n >= count - others, people[0], _first_day(rng, people)), people)
        for n, people in enumerate(sizes)
    ]


def _sizes(rng: random.Random, totals: list[int], count: int) -> list[tuple[int, ...]]:
    """Each group's people by quarter: shares of the totals among those there by then."""
    weights = [0.4 + rng.random() * 1.2 for _ in range(count)]
    starts = [0 if n == 0 or rng.random() < 0.8 else 1 + int(rng.random() * 7) for n in range(count)]
    quarters = [
        apportion(total, [w if start <= q else 0.0 for w, start in zip(weights, starts, strict=True)])
        for q, total in enumerate(totals)
    ]
    return list(zip(*quarters, strict=True))


def _first_day(rng: random.Random, people: tuple[int, ...]) -> int:
    quarter = next(q for q, size in enumerate(people) if size)
    return OPENING if quarter == 0 else _within(rng, quarter)


def _within(rng: random.Random, quarter: int) -> int:
    return between(rng, QUARTER_ENDS[quarter - 1] + 1, QUARTER_ENDS[quarter] - 1)


def _organization(rng: random.Random, number: int, other: bool, size: int, registered: int) -> Organization:  # noqa: FBT001  # a plain flag of the plan
    if number == 0:
        category, _, word, industry = _CATEGORIES[0]
        county, org = COURIER_COUNTY, COURIER_GROUP
    else:
        kinds = (_OTHER,) if other else _CATEGORIES
        category, _, word, industry = rng.choices(kinds, [max(1, share) for _, share, _, _ in kinds])[0]
        county = rng.choices(COUNTIES, _WHERE)[0].code
        org = f"group:{county}-{category.replace('_', '-')}-{number:03d}"
    township = TOWNSHIPS[county][int(rng.random() * len(TOWNSHIPS[county]))]
    name = f"{PLACES[county].zh}{rng.choice(_STATIONS)}{township.zh[:2]}站{word}群体"
    return Organization(
        org, "new_employment_group", category, name, township.code if rng.random() < 0.8 else county,
        registered, None, industry, size, story="couriers" if number == 0 else None,
    )  # fmt: skip


def head_counts(rng: random.Random, group: Group) -> Iterator[Fact]:
    """Registration with the first head count, then one declaration a quarter where it changed."""
    org = group.organization
    before = 0
    for quarter, size in enumerate(group.people):
        if size and not before:
            org.employees = size
            yield facts.registered(TRANSPORT, org.registered, _attributes(org))
        elif size != before:
            on = _within(rng, quarter) if org.org != COURIER_GROUP else COURIERS_FROM
            yield facts.changed(TRANSPORT, max(on, org.registered + 1), org.org, {"employees": size})
        before = size


def _attributes(org: Organization) -> facts.Data:
    return {
        "org": org.org, "kind": org.kind, "category": org.category, "name": org.name,
        "region": org.region, "industry": org.industry, "employees": org.employees,
    }  # fmt: skip
