"""The branches that bring about the planned coverage: standalone, joint and affiliated.

Each stage adds spans to the organizations' `covered`; branches.py then says by which branch. At
the speech the number of covered organizations in each segment is exactly the planned one.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import CAMPAIGN, DEADLINE, END, OPENING, SPEECH, between
from services.demo_city.county import County
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization
from services.demo_city.places import PLACES

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


_STANDALONE: Final = 0.74
"""Of the coverage that begins while the organization is eligible."""
_AFFILIATED: Final = 0.30
"""Of the other coverage; the rest is joint."""
_OUTGROWN: Final = 0.28
"""Of those under a joint branch that become eligible: they get a branch of their own."""
_CLEARED_UP: Final = 0.82
"""Of the organizations that deregister: their branch lets go of them."""
_SIZES: Final = {"joint": (4, 16), "affiliated": (1, 3)}
_TIERS: Final = {"branch": "党支部", "general_branch": "党总支", "committee": "党委"}
_WORDS: Final = {"joint": "联合党支部", "affiliated": "挂靠党支部"}


@dataclass(slots=True)
class Stay:
    """One organization under one branch, from a day on; `end` is the day it leaves, if ever."""

    start: int
    end: int | None
    org: Organization


@dataclass(slots=True)
class SharedBranch:
    """A joint or affiliated branch while it fills up to its capacity."""

    formation: str
    region: str
    capacity: int
    stays: list[Stay] = field(default_factory=list)


def branches(county: County, rng: random.Random) -> Iterator[Fact]:
    """Every branch of the county outside the stories."""
    standalone: list[Stay] = []
    shared: dict[tuple[str, str], list[Stay]] = {}
    for org in county.organizations:
        if org.story is None:
            for formation, stay in _stays(rng, org):
                if formation == "standalone":
                    standalone.append(stay)
                else:
                    shared.setdefault((org.region[:9], formation), []).append(stay)
    number = 0
    for number, stay in enumerate(standalone, 1):
        yield from _standalone(county, rng, f"branch:{county.plan.code}-{number:06d}", stay)
    for (region, formation), stays in shared.items():
        for branch in _filled(rng, region, formation, sorted(stays, key=lambda s: (s.start, s.org.org))):
            number += 1
            yield from _shared(county, rng, f"branch:{county.plan.code}-{number:06d}", branch)


def _stays(rng: random.Random, org: Organization) -> Iterator[tuple[str, Stay]]:
    for start, end in org.covered:
        leaves = end
        if end is None and org.deregistered is not None and rng.random() < _CLEARED_UP:
            leaves = org.deregistered + int(rng.random() * 40)
        if org.eligible_on(start) and rng.random() < _STANDALONE:
            yield "standalone", Stay(start, leaves, org)
            continue
        formation = "affiliated" if rng.random() < _AFFILIATED else "joint"
        grown = next((since for since, _ in org.eligible if since > start), None)
        if grown is None or leaves is not None or formation == "affiliated" or rng.random() >= _OUTGROWN:
            yield formation, Stay(start, leaves, org)
        else:
            own = between(rng, min(grown + 20, END), min(grown + 150, END))
            yield formation, Stay(start, own, org)
            yield "standalone", Stay(own, None, org)


def _standalone(county: County, rng: random.Random, branch: str, stay: Stay) -> Iterator[Fact]:
    org = stay.org
    tier = "branch" if rng.random() < 0.96 else "general_branch" if rng.random() < 0.8 else "committee"
    name = org.name + _TIERS[tier]
    yield facts.formed(
        stay.start, branch, name=name, tier=tier, formation="standalone", region=org.region, covers=[org.org]
    )
    if stay.end is not None:
        county.dissolved_branches.append((branch, stay.end))
        yield facts.dissolved(stay.end, branch)
    elif rng.random() < 0.05:
        county.standing_branches.append((branch, stay.start))


def _filled(rng: random.Random, region: str, formation: str, stays: list[Stay]) -> Iterator[SharedBranch]:
    """Deals the stays out to branches in the order in which they begin."""
    branch: SharedBranch | None = None
    for stay in stays:
        if branch is None or len(branch.stays) >= branch.capacity:
            if branch is not None:
                yield branch
            branch = SharedBranch(formation, region, between(rng, *_SIZES[formation]))
        branch.stays.append(stay)
    if branch is not None:
        yield branch


def _shared(county: County, rng: random.Random, branch: str, shared: SharedBranch) -> Iterator[Fact]:
    """Formed with those who are there on the first day; the others come and go one day after another."""
    stays = shared.stays
    formed = stays[0].start
    place = PLACES[shared.region].zh
    name = f"{place}第{int(branch[-6:])}{_WORDS[shared.formation]}"
    covers = [stay.org.org for stay in stays if stay.start == formed]
    yield facts.formed(
        formed, branch, name=name, tier="branch", formation=shared.formation, region=shared.region, covers=covers
    )
    changes: dict[int, facts.Data] = {}
    for stay in stays:
        if stay.start > formed:
            _listed(changes, stay.start, "add").append(stay.org.org)
        if stay.end is not None:
            _listed(changes, stay.end, "drop").append(stay.org.org)
    if shared.formation == "affiliated" and rng.random() < 0.03:
        changes.setdefault(between(rng, formed + 1, END), {})["formation"] = "joint"
    for on in sorted(changes):
        yield facts.coverage_changed(on, branch, changes[on])
    if all(stay.end is not None for stay in stays):
        last = max(changes) + 1
        county.dissolved_branches.append((branch, last))
        yield facts.dissolved(last, branch)


def _listed(changes: dict[int, facts.Data], on: int, verb: str) -> list[str]:
    listed = changes.setdefault(on, {}).setdefault(verb, [])
    if not isinstance(listed, list):
        msg = f"{verb} of a branch is a list of organizations, not {listed!r}"
        raise TypeError(msg)
    return listed
