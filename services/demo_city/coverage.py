"""Who is covered when: the trajectory from the opening over the speech and the deadline to the end.

Each stage adds spans to the organizations' `covered`; branches.py then says by which branch. At
the speech the number of covered organizations in each segment is exactly the planned one.
"""

import random
from collections.abc import Iterable
from typing import Final

from services.demo_city.chance import between
from services.demo_city.county import County
from services.demo_city.days import CAMPAIGN, DEADLINE, END, OPENING, SPEECH
from services.demo_city.organization import Organization

_ELIGIBLE_COVERED: Final = 0.88
"""Of the eligible ones at the speech; the campaign covers the others."""
_COVERED_FROM_OPENING: Final = 0.80
_GONE_COVERED: Final = 0.35
_LOST: Final = 0.03
_GROUPS_AT_SPEECH: Final = 0.46
_GROUPS_TARGET: Final = 0.68
_LATER: Final = 0.12
"""Of those still uncovered after the deadline: covered by the end, eligible or not."""
_FORMING_DAYS: Final = (5, 80)
"""From becoming eligible to the branch, after the deadline; within `days.FORMATION_DAYS`."""


def until_speech(county: County, rng: random.Random) -> None:
    """Coverage up to the speech: exactly as many as planned, and some that was lost before."""
    plan = county.plan
    groups = int(len(county.groups) * _GROUPS_AT_SPEECH)
    for segment, covered in (
        (county.economic, plan.economic.covered),
        (county.internet, plan.internet.covered),
        (county.social, plan.social.covered),
        (county.groups, groups),
    ):
        _cover_at_speech(rng, segment, covered)
        _cover_gone(rng, segment)


def _cover_at_speech(rng: random.Random, segment: list[Organization], covered: int) -> None:
    active = [o for o in segment if o.active(SPEECH)]
    covered -= sum(o.covered_on(SPEECH) for o in active)
    order = [(_preference(rng, o), n) for n, o in enumerate(active) if o.story is None]
    chosen = sorted(order)[: max(0, covered)]
    for _, n in chosen:
        active[n].covered.append((_start_before_speech(rng, active[n]), None))
    for _, n in order:
        org = active[n]
        if not org.covered and org.registered == OPENING and not org.eligible and rng.random() < _LOST:
            start = between(rng, OPENING, OPENING + 150)
            org.covered.append((start, between(rng, start + 40, SPEECH - 20)))


def _preference(rng: random.Random, org: Organization) -> float:
    """Eligible ones first, but for some; then those with members before those with none."""
    if org.eligible_on(SPEECH):
        return rng.random() if rng.random() < _ELIGIBLE_COVERED else 9.0
    return 1.0 + rng.random() * (1.0 if org.full_changes else 1.5)


def _start_before_speech(rng: random.Random, org: Organization) -> int:
    if org.registered == OPENING:
        return OPENING if rng.random() < _COVERED_FROM_OPENING else between(rng, OPENING + 15, SPEECH)
    return between(rng, org.registered, min(org.registered + 120, SPEECH))


def _cover_gone(rng: random.Random, segment: list[Organization]) -> None:
    for org in segment:
        if org.last_day < SPEECH and rng.random() < _GONE_COVERED:
            org.covered.append((between(rng, org.registered, min(org.registered + 200, org.last_day)), None))


def campaign(county: County, rng: random.Random) -> None:
    """From the speech to the deadline: every eligible one, then others up to the target."""
    plan = county.plan
    _reach(rng, [*county.economic, *county.internet], plan.economic.target)
    _reach(rng, county.social, plan.social.target)
    _reach(rng, county.groups, _GROUPS_TARGET)


def _reach(rng: random.Random, segment: list[Organization], target: float) -> None:
    counted = [o for o in segment if o.active(DEADLINE) and not o.excluded_on(DEADLINE)]
    uncovered = [o for o in counted if o.story is None and not o.covered_on(DEADLINE)]
    due = [o for o in uncovered if _eligible_from(o, SPEECH, DEADLINE) is not None]
    missing = int(len(counted) * target + 1) - sum(o.covered_on(DEADLINE) for o in counted) - len(due)
    others = [o for o in uncovered if _eligible_from(o, SPEECH, DEADLINE) is None]
    ranked = sorted((rng.random() * (1.0 if o.full_changes else 1.4), n) for n, o in enumerate(others))
    _form(rng, due)
    _form(rng, (others[n] for _, n in ranked[: max(0, missing)]))


def _form(rng: random.Random, organizations: Iterable[Organization]) -> None:
    for org in organizations:
        eligible = _eligible_from(org, SPEECH, DEADLINE) or CAMPAIGN
        first = max(CAMPAIGN, org.registered, eligible)
        start = first + int((DEADLINE - first + 1) * rng.random() ** 0.85)
        org.covered.append((start, None))


def after_deadline(county: County, rng: random.Random) -> None:
    """Whoever becomes eligible gets a branch in time; some of the others are covered too."""
    for org in county.organizations:
        if org.story is not None or org.last_day <= DEADLINE or org.covered_on(END):
            continue
        eligible = _eligible_from(org, DEADLINE + 1, END)
        last = min(END, org.last_day)
        if eligible is not None:
            first = max(eligible, org.registered)
            soonest, latest = _FORMING_DAYS
            org.covered.append((between(rng, min(first + soonest, last), min(first + latest, last)), None))
        elif rng.random() < _LATER and not org.excluded_on(END):
            org.covered.append((between(rng, max(DEADLINE + 6, org.registered), last), None))


def _eligible_from(org: Organization, first: int, last: int) -> int | None:
    """The first day from `first` to `last` on which the organization is eligible."""
    days = [max(first, start) for start, end in org.eligible if start <= last and (end is None or end > first)]
    return min(days, default=None)
