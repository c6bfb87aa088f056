"""Whether the city's branches live: what is asked of them, their terms, meetings and secretaries; forty shells.

With random streams of its own, so that every other figure stays as it is. From 2025 on a branch owes a general meeting
in each half-year. Most report theirs, some never; the shells were formed in the last weeks before the deadline and
never met, so each falls out of effect on 2025-06-30, when the first half-year that they owed is complete.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Final

from services.demo_city.chance import DEADLINE, END, OPENING, between, day, iso, stream
from services.demo_city.county import County
from services.demo_city.daily import messages
from services.demo_city.dirt import Line
from services.demo_city.facts import BRANCHES, Data, Fact
from services.demo_city.places import COUNTIES

IN_FORCE: Final = day("2025-01-01")
SHELLS: Final = 40
SHELLS_OUT: Final = END
"""The first day on which the shells are no longer in effect."""
_SHELL_DAYS: Final = 60
"""Before the deadline, in which the shells were formed."""
_HALVES: Final = ((day("2024-07-01"), DEADLINE), (day("2025-01-01"), day("2025-06-26")))
_NEVER: Final = (0.02, 0.04)
_LATELY: Final = 0.5
"""Of the meetings of a half-year: held in its last two months."""
# Of the branches of the opening: a term that began before, and whose last day is known.
_TERM_KNOWN: Final = 0.35
_TERM_ENDS: Final = (day("2024-10-01"), day("2025-12-31"))
_ELECTED: Final = 0.60
_EXTENDED: Final = 0.15
_VACANT: Final = 0.015
_FILLED: Final = 0.5
POLICY: Final[Data] = {
    "meetings": {"general": {"least": 1, "per": "half_year"}}, "periods": 1,
    "term_years": {"committee": 5, "general_branch": 3, "branch": 3}, "members_for_branch_committee": 7,
    "vacant_days_max": 90,
}  # fmt: skip


class Watch:
    """The branches of tier `branch`, as the facts pass by on their way to the feed.

    Attributes:
        formed: by branch its day; dissolved: likewise.
        joint: organizations that a joint one covered when it was formed.
    """

    def __init__(self) -> None:
        self.formed: dict[str, int] = {}
        self.dissolved: dict[str, int] = {}
        self.joint: set[str] = set()

    def passing(self, told: Iterable[Fact]) -> Iterator[Fact]:
        """The same facts."""
        for fact in told:
            if fact.type == "branch.formed" and fact.data["tier"] == "branch":
                self.formed.setdefault(str(fact.subject), fact.day)
                if fact.data["formation"] == "joint" and isinstance(covers := fact.data["covers"], list):
                    self.joint.update(covers)
            elif fact.type == "branch.dissolved":
                self.dissolved.setdefault(str(fact.subject), fact.day)
            yield fact


def lines() -> Iterator[Line]:
    """What is asked of a branch from 2025 on; no dirt, since the department adopts it itself."""
    yield from messages("activity", [(IN_FORCE, "activity_policy.adopted", POLICY)])


def life(county: County, watch: Watch, seed: int) -> Iterator[Fact]:
    """What the county's branches report of themselves."""
    rng = stream(seed, county.plan.code, "living")
    names = sorted(watch.formed)
    chosen = shells(county, watch)
    for name in names:
        formed, last = watch.formed[name], watch.dissolved.get(name, END + 1) - 1
        if formed <= END and name not in chosen:
            yield from _meetings(rng, name, formed, last)
            yield from _terms(rng, name, formed, last)
            yield from _secretary(rng, name, formed, last)


def shells(county: County, watch: Watch) -> frozenset[str]:
    """The county's share of the shells: those formed last before the deadline that stand to the end."""
    number = county.plan.number
    share = SHELLS * (number + 1) // len(COUNTIES) - SHELLS * number // len(COUNTIES)
    young = [
        (-formed, name)
        for name, formed in watch.formed.items()
        if DEADLINE - _SHELL_DAYS <= formed <= DEADLINE and name not in watch.dissolved
    ]
    return frozenset(name for _, name in sorted(young)[:share])


def _said(on: int, branch: str, name: str, **more: object) -> Fact:
    return Fact(on, BRANCHES, f"branch.{name}", branch, {"effective_on": iso(on), "branch": branch, **more})


def _meetings(rng: random.Random, branch: str, formed: int, last: int) -> Iterator[Fact]:
    for (first, until), never in zip(_HALVES, _NEVER, strict=True):
        drawn, lately = rng.random(), rng.random() < _LATELY
        on = between(rng, until - 60 if lately else first, until)
        if drawn >= never and formed <= first and on <= last:
            yield _said(on, branch, "meeting_held", kind="general", quorate=True)


def _terms(rng: random.Random, branch: str, formed: int, last: int) -> Iterator[Fact]:
    """A term that the opening's branches brought along; when it ends, an election, an extension, or nothing."""
    known, drawn, off = rng.random() < _TERM_KNOWN, rng.random(), rng.random()
    to = between(rng, *_TERM_ENDS)
    if formed != OPENING or not known:
        return
    yield _said(OPENING, branch, "term_began", to=iso(to))
    on = to - 30 + int(off * 60)
    if on > min(last, END):
        return
    if drawn < _ELECTED:
        yield _said(on, branch, "term_began")
    elif drawn < _ELECTED + _EXTENDED:
        yield _said(min(on, to), branch, "term_extended", to=iso(to + 30 + int(off * 150)))


def _secretary(rng: random.Random, branch: str, formed: int, last: int) -> Iterator[Fact]:
    drawn, filled = rng.random(), rng.random()
    since = between(rng, day("2024-11-01"), day("2025-03-01"))
    if drawn < _VACANT and formed < since <= last:
        yield _said(since, branch, "secretary_reported", state="vacant")
        if filled < _FILLED and since + 60 <= last:
            yield _said(since + 20 + int(filled * 80), branch, "secretary_reported", state="filled")
