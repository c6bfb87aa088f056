"""Contradictions between registries: facts that the ledger keeps, reports, and gives no effect.

One kind for each row of the table in spec/domain.md whose effect is "none". Each speaks of an
organization, member, branch or instructor whose state on the day makes it contradictory, so
that no figure moves. (A transfer from the wrong organization has an effect; members.py makes those.)
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import END, OPENING, SPEECH, between
from services.demo_city.county import County, pick
from services.demo_city.facts import CIVIL, TAX, Fact
from services.demo_city.organization import Organization

_ORGANIZATIONS_EACH: Final = 45
"""One contradiction for so many organizations."""


class Subjects:
    """Organizations of a county, by what would contradict."""

    def __init__(self, county: County) -> None:
        self.county = county
        # Those of the opening may have been revoked and restored; a contradiction in that gap would take effect.
        self.lasting = [o for o in county.economic if o.registered > OPENING and o.last_day > o.registered + 10]
        self.gone = [o for o in county.economic if o.deregistered is not None and o.deregistered < END - 5]
        self.left_out = [o for o in county.economic if o.excluded and o.excluded[0][1] is None]


def contradictions(county: County, rng: random.Random) -> Iterator[Fact]:
    """The county's contradictions, each kind as often as another."""
    subjects = Subjects(county)
    for n in range(max(len(_KINDS), len(county.organizations) // _ORGANIZATIONS_EACH)):
        yield from _KINDS[n % len(_KINDS)](subjects, rng)


def _any(rng: random.Random, organizations: list[Organization]) -> Iterator[Organization]:
    if organizations:
        yield organizations[int(rng.random() * len(organizations))]


def _already_registered(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    """A school that two registries know: civil affairs enters a company of the market registry."""
    for org in _any(rng, subjects.lasting):
        attributes: facts.Data = {
            "org": org.org, "kind": "new_social", "category": "service_institution", "name": org.name,
            "region": org.region[:6],
        }  # fmt: skip
        yield facts.registered(CIVIL, between(rng, org.registered + 1, org.last_day), attributes)


def _deregistered_twice(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.gone):
        yield facts.deregistered(TAX, between(rng, org.last_day + 2, END), org.org, "dissolved")


def _changed_when_gone(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.gone):
        yield facts.changed(TAX, between(rng, org.last_day + 2, END), org.org, {"employees": 1})


def _category_of_another_kind(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.lasting):
        yield facts.changed(CIVIL, between(rng, org.registered + 1, org.last_day), org.org, {"category": "association"})


def _enrolled_twice(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    settled = subjects.county.settled_members
    if settled:
        member, joined = settled[int(rng.random() * len(settled))]
        day = between(rng, joined + 1, max(joined + 2, END))
        yield facts.enrolled(day, member, "full", pick(rng, subjects.county.economic, SPEECH, SPEECH).org)


def _standing_changed_when_removed(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    left = subjects.county.removed_members
    if left:
        member, day = left[int(rng.random() * len(left))]
        yield facts.standing_changed(between(rng, day + 1, max(day + 2, END)), member, "full")


def _formed_twice(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    standing = subjects.county.standing_branches
    if standing:
        branch, day = standing[int(rng.random() * len(standing))]
        region = subjects.county.plan.code
        on = between(rng, day + 1, max(day + 2, END))
        yield facts.formed(on, branch, name="党支部", tier="branch", formation="joint", region=region, covers=[])


def _changed_when_dissolved(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    dissolved = subjects.county.dissolved_branches
    if dissolved:
        branch, day = dissolved[int(rng.random() * len(dissolved))]
        org = pick(rng, subjects.county.economic, SPEECH, SPEECH).org
        yield facts.coverage_changed(between(rng, day + 1, max(day + 2, END)), branch, {"add": [org]})


def _assigned_twice(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    assignments = subjects.county.assignments
    if assignments:
        org, person, day = assignments[int(rng.random() * len(assignments))]
        yield facts.assigned(between(rng, day + 1, max(day + 2, END)), org, person)


def _withdrawn_unassigned(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.lasting):
        stranger = subjects.county.instructor((1 << 25) + int(rng.random() * 1_000))
        yield facts.withdrawn(between(rng, org.registered, org.last_day), org.org, stranger)


def _excluded_twice(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.left_out):
        start = org.excluded[0][0]
        yield facts.excluded(between(rng, start + 1, max(start + 2, END)), org.org, "duplicate")


def _readmitted_unexcluded(subjects: Subjects, rng: random.Random) -> Iterator[Fact]:
    for org in _any(rng, subjects.lasting):
        if not org.excluded:
            yield facts.readmitted(between(rng, org.registered + 1, org.last_day), org.org)


_KINDS: Final[tuple[Callable[[Subjects, random.Random], Iterator[Fact]], ...]] = (
    _already_registered, _deregistered_twice, _changed_when_gone, _category_of_another_kind, _enrolled_twice,
    _standing_changed_when_removed, _formed_twice, _changed_when_dissolved, _assigned_twice, _withdrawn_unassigned,
    _excluded_twice, _readmitted_unexcluded,
)  # fmt: skip
