"""Regions at any pair of clocks: the tree and its names, and a code of one date as the code of another.

A code is never given to another region later, so it says by itself which time it is of.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from domain.events.facts import Fact

# No chain of changes is longer; a longer one is a circle.
STEPS_MAX: Final = 50
LENGTHS: Final = (12, 9, 6, 4, 2)
Ending = Literal["retired", "merged", "split", "moved"]
Contradiction = Literal["already_created", "not_created"]


class Region(NamedTuple):
    """One region; `ended_on` is the first day on which it no longer is, None while it is."""

    region: str
    name: str | None
    name_en: str | None
    created_on: date | None
    ended_on: date | None
    ending: Ending | None


class Succession(NamedTuple):
    """From a day on, what was at `region` is elsewhere: at `into` where there is one, children by `children`."""

    day: date
    region: str
    ending: Ending
    into: str | None
    children: Mapping[str, str]


class Contradicted(NamedTuple):
    """A fact without effect: a region created while it is, or changed while it is not."""

    region: str
    contradiction: Contradiction
    position: int


class Regions:
    """The regions by a date of knowledge: every change known, of any effective date."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.contradictions: list[Contradicted] = []
        self.successions: list[Succession] = []
        # By region in order of days: from which day on which name; None for its end.
        self._names: dict[str, list[tuple[date, Region]]] = {}
        for each in facts:
            self._apply(each)
        self.mapped = lru_cache(1 << 16)(self._mapped)

    def _apply(self, fact: Fact) -> None:
        data, day, code = fact.data, fact.effective_on, fact.data["region"]
        before = self._last(code)
        alive = before is not None and before.ended_on is None
        what = fact.type.split(".")[2]
        if what == "created":
            if alive:
                self.contradictions.append(Contradicted(code, "already_created", fact.position))
                return
            self._set(day, Region(code, data["name"], data.get("name_en"), day, None, None))
            return
        if before is None or not alive:
            self.contradictions.append(Contradicted(code, "not_created", fact.position))
            return
        if what == "renamed":
            self._set(day, before._replace(name=data["name"], name_en=data.get("name_en")))
            return
        ending: Ending = what  # type: ignore[assignment]  # the other types of the family
        into = data.get("to") if what == "moved" else data.get("into") if what == "merged" else None
        self._end(Succession(day, code, ending, into, data.get("children") or {}))

    def _end(self, succession: Succession) -> None:
        """End a region and all below it; those that have a successor hand their names on."""
        self.successions.append(succession)
        below = [code for code in self._names if code.startswith(succession.region)]
        for code in below:
            last = self._last(code)
            if last is None or last.ended_on is not None:
                continue
            self._set(succession.day, last._replace(ended_on=succession.day, ending=succession.ending))
            after = _forward(code, succession)
            if after is not None and after != succession.into and self._last(after) is None:
                self._set(succession.day, Region(after, last.name, last.name_en, succession.day, None, None))
        moved_to = succession.into if succession.ending == "moved" else None
        whole = self._last(succession.region)
        if moved_to is not None and whole is not None and self._last(moved_to) is None:
            self._set(succession.day, Region(moved_to, whole.name, whole.name_en, succession.day, None, None))

    def _last(self, code: str) -> Region | None:
        states = self._names.get(code)
        return states[-1][1] if states else None

    def _set(self, day: date, region: Region) -> None:
        self._names.setdefault(region.region, []).append((day, region))

    def named(self, code: str, day: date) -> Region | None:
        """The region of a code as it was called on a day; its first name before it had one, its last one afterwards."""
        states = self._names.get(code)
        if not states:
            return None
        return next((region for since, region in reversed(states) if since <= day), states[0][1])

    def at(self, day: date) -> dict[str, Region]:
        """The regions that are on a day, by code."""
        found = {}
        for code, states in self._names.items():
            last = next((region for since, region in reversed(states) if since <= day), None)
            if last is not None and last.ended_on is None:
                found[code] = last
        return dict(sorted(found.items()))

    def _mapped(self, code: str, day: date) -> str | None:
        """The code that stands on a day for what a code of another time means.

        None where no change says it: a region that was split or retired, or had no predecessor. What was merged
        without naming its parts is at the region that it went into.
        """
        now: str | None = code
        for _ in range(STEPS_MAX):
            after = self._next(now, day) if now is not None else None
            if now is None or after == now:
                break
            now = after
        return now if now is None or now != code else self._back(code, day)

    def _next(self, code: str, day: date) -> str | None:
        """One change on, of those by the day; the code itself where there is none."""
        for n in (length for length in LENGTHS if length <= len(code)):
            for each in self.successions:
                if each.region == code[:n] and each.day <= day:
                    return _forward(code, each)
        return code

    def _back(self, code: str, day: date) -> str | None:
        """Back over the changes after the day, the last of them first."""
        now = code
        for each in sorted(self.successions, key=lambda s: s.day, reverse=True):
            if each.day > day:
                now = _backward(now, each)
        states = self._names.get(now)
        return None if states and states[0][0] > day else now


def _forward(code: str, succession: Succession) -> str | None:
    for n in (length for length in LENGTHS if length <= len(code)):
        child = succession.children.get(code[:n])
        if child is not None:
            return child + code[n:]
    if succession.ending == "moved" and succession.into is not None:
        return succession.into + code[len(succession.region) :]
    return succession.into


def _backward(code: str, succession: Succession) -> str:
    for old, new in succession.children.items():
        if code.startswith(new):
            return old + code[len(new) :]
    if succession.ending == "moved" and succession.into is not None and code.startswith(succession.into):
        return succession.region + code[len(succession.into) :]
    return code
