"""The branches that bring about the planned coverage: standalone, joint and affiliated."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from services.demo_city import facts
from services.demo_city.chance import between
from services.demo_city.county import County
from services.demo_city.days import END
from services.demo_city.facts import Fact
from services.demo_city.organization import Organization
from services.demo_city.places import PLACES

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
