"""From activist to full member: the development of new members, in the numbers of the speech.

An activist is admitted as a probationary member after about a year, and becomes a full one a
year after that. New members of a year are those admitted to probation in it.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import between
from services.demo_city.county import County, pick
from services.demo_city.days import END, OPENING, day
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization

_YEARS: Final = ((OPENING + 9, day("2023-12-31")), (day("2024-01-01"), day("2024-12-31")), (day("2025-01-01"), END))
_PROBATION_DAYS: Final = 365
_AS_ACTIVIST_DAYS: Final = 300
"""The least that the demo city waits before probation, for those enrolled after the opening."""

Activist = tuple[int, str, Organization]


def recruits(county: County, rng: random.Random) -> Iterator[Fact]:
    """Activists and new members of the county, each year exactly as many as planned."""
    places = county.workplaces
    waiting: list[Activist] = [
        (OPENING, county.member(), pick(rng, places, OPENING, END)) for _ in range(county.plan.opening_activists)
    ]
    for (first, last), count in zip(_YEARS, county.plan.new_activists, strict=True):
        for _ in range(count):
            on = between(rng, first, last)
            waiting.append((on, county.member(), pick(rng, places, on, END)))
    for on, member, org in waiting:
        yield facts.enrolled(on, member, "activist", org.org)
    yield from _probationers_of_the_opening(county, rng, places)
    yield from _admitted(county, rng, waiting)


def _probationers_of_the_opening(county: County, rng: random.Random, places: list[Organization]) -> Iterator[Fact]:
    """Those admitted in the year before, who become full members within the ledger's first."""
    for _ in range(county.plan.new_members[1]):
        member, org = county.member(), pick(rng, places, OPENING, END)
        yield facts.enrolled(OPENING, member, "probationary", org.org)
        yield _full(rng, member, org, between(rng, OPENING + 20, OPENING + _PROBATION_DAYS))


def _admitted(county: County, rng: random.Random, waiting: list[Activist]) -> Iterator[Fact]:
    """The oldest activists first; each year's quota on days of that year."""
    queue = iter(waiting)
    for (first, last), count in zip(_YEARS, county.plan.new_members, strict=True):
        for _ in range(count):
            since, member, org = next(queue)
            on = between(rng, max(first, since + (_AS_ACTIVIST_DAYS if since > OPENING else 0)), last)
            yield facts.standing_changed(on, member, "probationary")
            full_on = on + _PROBATION_DAYS + int(rng.random() * 20)
            if full_on <= END:
                yield _full(rng, member, org, full_on)


def _full(rng: random.Random, member: str, org: Organization, on: int) -> Fact:
    """Full membership; now and then late by a few days more."""
    on = min(END, on + (7 if rng.random() < 0.1 else 0))
    org.full_changes.append((on, 1))
    return facts.standing_changed(on, member, "full")
