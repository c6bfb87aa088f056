"""Full members: where they are enrolled, where they go, when they leave.

Every change of an organization's full members is noted in its `full_changes`, from which the
coverage plan reads who is eligible.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import between
from services.demo_city.county import County, pick
from services.demo_city.days import CAMPAIGN, END, OPENING
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization

# Of each category: the shares with no full member and with one or two; the rest have three or more.
_SHARES: Final = {
    "private_enterprise": (0.34, 0.50),
    "foreign_enterprise": (0.18, 0.42),
    "sole_proprietor": (0.66, 0.325),
    "association": (0.22, 0.44),
    "service_institution": (0.30, 0.44),
    "foundation": (0.20, 0.50),
    "courier": (0.02, 0.18),
    "food_delivery": (0.02, 0.20),
    "ride_hailing": (0.02, 0.20),
    "other_group": (0.10, 0.60),
}
_MOVING: Final = 0.17
_LEAVING: Final = 0.035
_MISTAKEN: Final = 0.012
"""Of the transfers: the sending registry names the wrong organization."""
_LATER: Final = 0.22
"""Of the full members of a company: they join it after it is registered."""


def full_members(county: County, rng: random.Random) -> Iterator[Fact]:
    """Every full member's life, organization by organization."""
    for org in county.organizations:
        if org.story is None:
            for _ in range(_how_many(rng, org.category)):
                yield from _life(county, rng, org)
    for _ in range(len(county.workplaces) // 14):
        yield from _floating(county, rng)


def _how_many(rng: random.Random, category: str) -> int:
    none, few = _SHARES[category]
    drawn = rng.random()
    if drawn < none:
        return 0
    if drawn < none + few:
        return 1 if rng.random() < 0.55 else 2
    return 3 + int(rng.expovariate(1 / (1.5 if category == "sole_proprietor" else 5.5)))


def _life(county: County, rng: random.Random, org: Organization) -> Iterator[Fact]:
    member, joined = county.member(), org.registered
    if joined != OPENING or rng.random() < _LATER:
        joined = min(org.last_day, joined + int(rng.random() * (40 if joined != OPENING else CAMPAIGN - OPENING)))
    yield facts.enrolled(joined, member, "full", org.org)
    org.full_changes.append((joined, 1))
    drawn = rng.random()
    if org.deregistered is not None and org.deregistered < END - 40 and drawn < 0.7:
        yield from _moved(county, rng, member, org, between(rng, org.deregistered, org.deregistered + 30))
    elif drawn < _MOVING and joined < END - 40:
        yield from _moved(county, rng, member, org, between(rng, joined + 20, END))
    elif drawn < _MOVING + _LEAVING and joined < END - 40:
        day = between(rng, joined + 20, END)
        org.full_changes.append((day, -1))
        county.removed_members.append((member, day))
        yield facts.removed(day, member)
    elif drawn > 0.98:
        county.settled_members.append((member, joined))


def _moved(county: County, rng: random.Random, member: str, org: Organization, day: int) -> Iterator[Fact]:
    """A transfer to another organization of the county, or to none of them."""
    to = pick(rng, county.workplaces, day, day) if rng.random() < 0.75 else None
    org.full_changes.append((day, -1))
    if to is not None:
        to.full_changes.append((day, 1))
    from_org = org if rng.random() >= _MISTAKEN else pick(rng, county.economic, day, day)
    yield facts.transferred(day, member, from_org.org, to.org if to else None)


def _floating(county: County, rng: random.Random) -> Iterator[Fact]:
    """A member at none of the organizations, most of whom find one later."""
    member = county.member()
    yield facts.enrolled(OPENING, member, "full", None)
    if rng.random() < 0.7:
        day = between(rng, OPENING + 20, END)
        to = pick(rng, county.workplaces, day, day)
        to.full_changes.append((day, 1))
        yield facts.transferred(day, member, None, to.org)
