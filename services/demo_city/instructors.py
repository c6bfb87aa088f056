"""Instructors: by the deadline at every organization that no branch covers."""

import random
from collections.abc import Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import between
from services.demo_city.county import County
from services.demo_city.days import CAMPAIGN, DEADLINE, END, OPENING, SPEECH
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization

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
