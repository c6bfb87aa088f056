"""The three stories of the speech, at their own size at every scale.

The park's joint committee covers 32 small firms, of which 8 outgrow it. In one county 23 firms
have had their three full members since summer 2024, and no branch by the deadline. A branch of
couriers covers a group of 1,200.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import OPENING, between, day
from services.demo_city.county import County
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization
from services.demo_city.places import TOWNSHIPS, VILLAGES
from services.demo_city.plan import COURIER_COUNTY, LATE_COUNTY, LATE_FIRMS, PARK_COUNTY, PARK_FIRMS, PARK_GROWN
from services.demo_city.population import Registrar

PARK_FORMED: Final = day("2023-10-18")
PARK_BRANCH: Final = f"branch:{PARK_COUNTY}-park-joint-committee"
_PARK_TOWNSHIP: Final = TOWNSHIPS[PARK_COUNTY][-1].code
_GROWN: Final = (day("2024-03-04"), day("2024-08-30"))
# Full members of the park's firms when the committee forms: the last eight are those that grow.
_PARK_MEMBERS: Final = (0,) * 13 + (1,) * 7 + (2,) * 4 + (1,) * 3 + (2,) * 5

_DUE: Final = (day("2024-05-06"), day("2024-08-16"))
LATE_FORMED: Final = (day("2025-01-13"), day("2025-05-23"))

COURIER_FORMED: Final = day("2024-03-15")
COURIER_BRANCH: Final = f"branch:{COURIER_COUNTY}-couriers"
_COURIER_MEMBERS: Final = 38


def firms(county: County, registrar: Registrar) -> list[Organization]:
    """The firms of the county's story, in its stock from the opening to the end."""
    story, count = {PARK_COUNTY: ("park", PARK_FIRMS), LATE_COUNTY: ("late", LATE_FIRMS)}.get(county.plan.code, ("", 0))
    found = []
    for _ in range(count):
        firm = registrar.economic((OPENING, None), "private_enterprise")
        firm.story = story
        firm.employees = between(registrar.rng, 6, 38)
        if story == "park":
            village = registrar.rng.choice(VILLAGES[_PARK_TOWNSHIP])
            firm.region = village.code
            firm.address = f"{village.zh}高朗产业园{between(registrar.rng, 1, 18)}栋"
        found.append(firm)
    return found


def tell(county: County, rng: random.Random) -> Iterator[Fact]:
    """The stories' members and branches; coverage is noted in the organizations as well."""
    by_story: dict[str | None, list[Organization]] = {}
    for org in (*county.economic, *county.groups):
        by_story.setdefault(org.story, []).append(org)
    if "park" in by_story:
        yield from _park(county, rng, by_story["park"])
    if "late" in by_story:
        yield from _late(county, rng, by_story["late"])
    if "couriers" in by_story:
        yield from _couriers(county, by_story["couriers"][0])


def _enrolled(county: County, org: Organization, on: int) -> Fact:
    org.full_changes.append((on, 1))
    return facts.enrolled(on, county.member(), "full", org.org)


def _park(county: County, rng: random.Random, park: list[Organization]) -> Iterator[Fact]:
    for number, (firm, members) in enumerate(zip(park, _PARK_MEMBERS, strict=True)):
        for _ in range(members):
            yield _enrolled(county, firm, OPENING)
        if number >= PARK_FIRMS - PARK_GROWN:
            for _ in range(3 - members + int(rng.random() * 2)):
                yield _enrolled(county, firm, between(rng, *_GROWN))
        firm.covered.append((PARK_FORMED, None))
    covers = [firm.org for firm in park]
    yield facts.formed(
        PARK_FORMED, PARK_BRANCH, name="高朗区高朗产业园联合党委", tier="committee", formation="joint",
        region=_PARK_TOWNSHIP, covers=covers,
    )  # fmt: skip


def _late(county: County, rng: random.Random, late: list[Organization]) -> Iterator[Fact]:
    for number, firm in enumerate(late):
        for _ in range(2):
            yield _enrolled(county, firm, OPENING)
        for _ in range(1 + int(rng.random() * 2)):
            yield _enrolled(county, firm, between(rng, *_DUE))
        on = between(rng, *LATE_FORMED)
        firm.covered.append((on, None))
        branch = f"branch:{county.plan.code}-late-{number + 1:02d}"
        yield facts.formed(
            on, branch, name=f"{firm.name}党支部", tier="branch", formation="standalone",
            region=firm.region, covers=[firm.org],
        )  # fmt: skip


def _couriers(county: County, group: Organization) -> Iterator[Fact]:
    for _ in range(_COURIER_MEMBERS):
        yield _enrolled(county, group, OPENING + 13)
    group.covered.append((COURIER_FORMED, None))
    yield facts.formed(
        COURIER_FORMED, COURIER_BRANCH, name="青隅区快递行业党支部", tier="branch", formation="standalone",
        region=COURIER_COUNTY, covers=[group.org],
    )  # fmt: skip
