"""Where an organization stands on some days, and to whom it answers there, from the timelines of its facts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from domain.events.facts import Fact
from domain.ledger.bodies import bodies
from domain.ledger.entities import Organization
from domain.ledger.placements import Body, Existence, Said, answers_to, named
from projections.ledger.fold.timeline import Timeline, fold
from projections.ledger.rows import FOREVER


class Stretch(NamedTuple):
    """Days [day_from, day_to) on which an organization is active in a region, with what was said of its bodies."""

    day_from: int
    day_to: int
    region: str
    said: tuple[Said, ...]


def standing(timelines: Iterable[Timeline], day_from: int, day_to: int) -> list[Stretch]:
    """Where an organization stands on the days.

    While it is not active, where it stood on its last day before, or will on its first.
    """
    active = [list(_active(timeline)) for timeline in timelines]
    found = [each for told in active for each in told if each.day_from < day_to and day_from < each.day_to]
    if found:
        return [each._replace(day_from=max(each.day_from, day_from), day_to=min(each.day_to, day_to)) for each in found]
    for told in active:
        earlier = [each._replace(day_from=each.day_to - 1) for each in told if each.day_to <= day_from]
        later = [each._replace(day_to=each.day_from + 1) for each in told if each.day_from >= day_to]
        found += earlier[-1:] or later[:1]
    return found


def _active(timeline: Timeline) -> Iterator[Stretch]:
    for (begin, end), state in zip(pairwise([*timeline.days, FOREVER]), timeline.states, strict=True):
        if isinstance(state, Organization) and state.attributes is not None:
            yield Stretch(begin, end, state.attributes.region, state.said)


class BodiesAbove:
    """The hierarchies of bodies as far as organizations at hand stand in them."""

    def __init__(self, facts: Callable[[str], Sequence[Fact]]) -> None:
        self._facts_of = facts
        self._facts: dict[str, list[Fact]] = {}

    def on(self, stretch: Stretch) -> set[frozenset[str]]:
        """The bodies that an organization answers to, with all above them, as they are together on one day or more."""
        facts = self._around(named(stretch.said))
        begins = {each.effective_on.toordinal() for each in facts}
        days = {stretch.day_from, *(day for day in begins if stretch.day_from < day < stretch.day_to)}
        found = set()
        for day in days:
            there = bodies([each for each in facts if each.effective_on.toordinal() <= day])
            answers = answers_to(stretch.said, self._existence, day)
            found.add(frozenset(each for body in answers.bodies if body is not None for each in there.chain(body)))
        return found

    def above(self, body: str, day: int) -> frozenset[str]:
        """A body with all above it on a day; itself alone while it does not exist."""
        facts = [each for each in self._around((body,)) if each.effective_on.toordinal() <= day]
        return frozenset((body, *bodies(facts).chain(body)))

    def _around(self, names: Iterable[str]) -> list[Fact]:
        """What was said of bodies and of whatever was ever put above them, in canonical order."""
        found: dict[str, list[Fact]] = {}
        waiting = list(names)
        while waiting:
            body = waiting.pop()
            if body not in found:
                found[body] = self._told(body)
                parents = (each.data.get("parent") for each in found[body])
                waiting += [parent for parent in parents if parent is not None]
        return sorted(fact for facts in found.values() for fact in facts)

    def _existence(self, body: str) -> Existence:
        state = fold("body", self._told(body)).states[-1:]
        return state[0].existence if state and isinstance(state[0], Body) else ()

    def _told(self, body: str) -> list[Fact]:
        if body not in self._facts:
            self._facts[body] = list(self._facts_of(body))
        return self._facts[body]
