"""Regions at any pair of clocks: the tree and its names, and a code of one date as the codes of another.

Codes are used again: the ministry's own tables give a retired one to another region years later. So a code means what
it meant on the date on which it was said. One that did not stand then is what it last was, or else what it was first.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from domain.events.facts import Fact

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
    """From a day on, what was at `region` is elsewhere: at `into`, or after a split at `parts`, children by `children`.

    `into` is None where there is not one; `parts` has it too.
    """

    day: date
    region: str
    ending: Ending
    into: str | None
    children: Mapping[str, str]
    parts: tuple[str, ...]


class Life(NamedTuple):
    """The days of a code as one region: the first, and the first on which it no longer is (None while it is)."""

    begins: date
    ends: date | None

    def has(self, day: date) -> bool:
        """Whether the region stands on a day."""
        return self.begins <= day and (self.ends is None or day < self.ends)


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
        self._lives: dict[str, list[Life]] = {}
        for each in facts:
            self._apply(each)
        self.mapped = lru_cache(1 << 16)(self._mapped)
        # Facts come in canonical order, so these do.
        again = (life.begins for lives in self._lives.values() for life in lives[1:])
        self.changed_on = sorted({*(each.day for each in self.successions), *again})

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
        into = data.get("to") if what == "moved" else data.get("into")
        parts = (into,) if isinstance(into, str) else tuple(into or ())
        one = parts[0] if len(parts) == 1 else None
        self._end(Succession(day, code, ending, one, data.get("children") or {}, parts))

    def _end(self, succession: Succession) -> None:
        """End a region and all below it; those that have a successor hand their names on."""
        self.successions.append(succession)
        below = [code for code in self._names if code.startswith(succession.region)]
        for code in below:
            last = self._last(code)
            if last is None or last.ended_on is not None:
                continue
            self._set(succession.day, last._replace(ended_on=succession.day, ending=succession.ending))
            for after in _forward(code, succession) - {*succession.parts}:
                self._hand_on(after, last, succession.day)
        whole = self._last(succession.region)
        if succession.ending == "moved" and succession.into is not None and whole is not None:
            self._hand_on(succession.into, whole, succession.day)

    def _hand_on(self, code: str, before: Region, day: date) -> None:
        """Let a code be what another was, unless it stands for a region already."""
        last = self._last(code)
        if last is None or last.ended_on is not None:
            self._set(day, Region(code, before.name, before.name_en, day, None, None))

    def _last(self, code: str) -> Region | None:
        states = self._names.get(code)
        return states[-1][1] if states else None

    def _set(self, day: date, region: Region) -> None:
        self._names.setdefault(region.region, []).append((day, region))
        lives = self._lives.setdefault(region.region, [])
        if region.ended_on is not None:
            lives[-1] = lives[-1]._replace(ends=region.ended_on)
        elif not lives or lives[-1].ends is not None:
            lives.append(Life(day, None))

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

    def _mapped(self, code: str, said_on: date, day: date) -> frozenset[str]:
        """The codes that stand on a day for what a code said on another date means, as far as the changes tell.

        Nothing where no change says it: what was retired, or had no predecessor. Several where they cannot be told
        apart: back over a merger, or on over a split, that does not name the part. What was merged without naming its
        parts is at the region that it went into.
        """
        time = self._time_of(code, said_on)
        changes = self.successions
        if time <= day:
            found = {code}
            for each in changes:
                if time < each.day <= day:
                    found = {after for one in found for after in _forward(one, each)}
            return frozenset(found)
        lives = self._lives[known[0]] if (known := self._known(code)) else []
        begins = next((life.begins for life in lives if life.has(time)), None)
        return frozenset(self._back(code, begins, sum(each.day <= time for each in changes), day))

    def _known(self, code: str) -> list[str]:
        """The parts of a code from its begin that are regions at any time, the longest first."""
        return [code[:n] for n in LENGTHS if n <= len(code) and code[:n] in self._lives]

    def _time_of(self, code: str, said_on: date) -> date:
        """A day on which the code stands for what is meant by it on a date."""
        known = self._known(code)
        if not known or any(life.has(said_on) for life in self._lives[known[0]]):
            return said_on
        ended = [life.ends for life in self._lives[known[0]] if life.ends is not None and life.ends <= said_on]
        if not ended:
            return self._lives[known[0]][0].begins
        # Below a region that has begun since, it is a part of that one which nobody named.
        anew = (life.has(said_on) and life.begins >= ended[-1] for above in known[1:] for life in self._lives[above])
        return said_on if any(anew) else ended[-1] - timedelta(1)

    def _back(self, code: str, begins: date | None, changes: int, day: date) -> set[str]:
        """What a code that began then was on an earlier day, back over the first so many changes."""
        for number in range(changes - 1, -1, -1):
            each = self.successions[number]
            if each.day <= day or (begins is not None and each.day < begins):
                break
            before = self._backward(code, each, begins)
            if before != {code}:
                return {old for one in before for old in self._back(one, self._began(one, each.day), number, day)}
        return {code} if begins is None or begins <= day else set()

    def _began(self, code: str, day: date) -> date | None:
        """Since when the region of a code had been what it was when a day began; None where the tree does not say."""
        lives = self._lives[known[0]] if (known := self._known(code)) else []
        ended = [life.begins for life in lives if life.ends == day]
        return ended[-1] if ended else next((life.begins for life in lives if life.has(day)), None)

    def _backward(self, code: str, succession: Succession, begins: date | None) -> set[str]:
        """What a code was before a change: itself too, unless it began with the change."""
        is_new = begins == succession.day
        own = set() if is_new else {code}
        known = max(map(len, self._known(code)), default=0)
        olds = {
            old + code[len(new) :]
            for old, new in succession.children.items()
            if code.startswith(new) and (is_new or known <= len(new) or old + code[len(new) :] in self._lives)
        }
        into = next((each for each in succession.parts if code.startswith(each)), None)
        if olds or into is None:
            return olds | own or {code}
        if succession.ending == "moved":
            return {succession.region + code[len(into) :]} | own
        if succession.ending == "split":
            return {succession.region} | self._own_before(into, succession.day)
        if known > len(into):
            # A region below that the tree knows was not merged without being named, unless it began with the merger.
            return {succession.region} | self._own_before(into, succession.day) if is_new else {code}
        return {succession.region} | own

    def _own_before(self, code: str, day: date) -> set[str]:
        return {code} if any(life.begins < day and life.has(day) for life in self._lives.get(code, ())) else set()


def _forward(code: str, succession: Succession) -> set[str]:
    """What a code is after a change; nothing where it is nowhere."""
    if not code.startswith(succession.region):
        return {code}
    for n in (length for length in LENGTHS if length <= len(code)):
        child = succession.children.get(code[:n])
        if child is not None:
            return {child + code[n:]}
    if succession.ending == "moved":
        return {part + code[len(succession.region) :] for part in succession.parts}
    return {*succession.parts}
