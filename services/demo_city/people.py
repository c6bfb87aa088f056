"""Members from activist to full, where they go and when they leave; instructors where no branch covers.

Every change of an organization's full members is noted in its `full_changes`, from which the
coverage plan reads who is eligible.

An activist is admitted as a probationary member after about a year, and becomes a full one a
year after that. New members of a year are those admitted to probation in it.
"""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import CAMPAIGN, DEADLINE, END, OPENING, SPEECH, between, day
from services.demo_city.county import County, pick
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
    elif joined == OPENING and org.deregistered is None and org.category != "sole_proprietor":
        county.at_home.append((member, org.org))


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


_EARLY: Final = 0.38
"""Of the uncovered at the speech: they had an instructor by then."""
_BESIDE_A_BRANCH: Final = 0.05
_WITHDRAWN_WHEN_COVERED: Final = 0.6
_WITHDRAWN_WHEN_GONE: Final = 0.75
_RELIEVED: Final = 0.07
_EACH: Final = 8
"""Organizations that one instructor looks after."""


def instructors(county: County, rng: random.Random) -> Iterator[Fact]:
    """Every assignment and withdrawal of the county."""
    for number, org in enumerate(county.organizations):
        start = _start(rng, org)
        if start is not None:
            yield from _liaison(county, rng, org, start, 1 + number // _EACH)


def _start(rng: random.Random, org: Organization) -> int | None:
    """The day of assignment, or None for no instructor at all."""
    early = rng.random() < _EARLY and not org.covered_on(min(SPEECH, org.last_day))
    if early and org.registered < SPEECH:
        return between(rng, max(OPENING, org.registered), min(SPEECH, org.last_day))
    if org.active(DEADLINE) and not org.excluded_on(DEADLINE) and not org.covered_on(DEADLINE):
        return between(rng, max(CAMPAIGN, org.registered), DEADLINE)
    readmitted = next((end for _, end in org.excluded if end is not None and end > DEADLINE), None)
    if readmitted is not None:
        return min(END, readmitted + int(rng.random() * 10))
    if org.registered > DEADLINE:
        first = org.registered + 8 + int(rng.random() * 50)
        return first if first <= min(END, org.last_day) and not org.covered_on(first) else None
    if org.active(SPEECH) and rng.random() < _BESIDE_A_BRANCH:
        return between(rng, max(OPENING, org.registered), SPEECH)
    return None


def _liaison(county: County, rng: random.Random, org: Organization, start: int, number: int) -> Iterator[Fact]:
    person = county.instructor(number)
    yield facts.assigned(start, org.org, person)
    end = _end(rng, org, start)
    if rng.random() < _RELIEVED and (end is None or end > start + 60):
        relieved = between(rng, start + 20, min(END, end - 1) if end is not None else END)
        if relieved > start:
            yield facts.withdrawn(relieved, org.org, person)
            person = county.instructor(number + (1 << 20))
            yield facts.assigned(relieved, org.org, person)
    if end is not None:
        yield facts.withdrawn(end, org.org, person)
    elif rng.random() < 0.03:
        county.assignments.append((org.org, person, start))


def _end(rng: random.Random, org: Organization, start: int) -> int | None:
    covered = next((since for since, until in org.covered if until is None and since > start), None)
    if covered is not None and rng.random() < _WITHDRAWN_WHEN_COVERED:
        return covered + int(rng.random() * 25)
    if org.deregistered is not None and rng.random() < _WITHDRAWN_WHEN_GONE:
        return org.deregistered + int(rng.random() * 20)
    return None
