"""Between which positions the database's clock was wrong, as operators have stated it (`clock.found_wrong`)."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.events.clock import FAMILY, Was
from domain.events.facts import Fact, family_of


class WrongClock(NamedTuple):
    """One statement that stands, of positions `first` to `last`; `position` is the statement's own."""

    first: int
    last: int
    was: Was
    position: int


def wrong_clocks(facts: Iterable[Fact]) -> list[WrongClock]:
    """The statements among facts that stand, by the positions that they speak of.

    Each speaks of positions before its own alone: nobody knows of a clock that is still to be asked.
    """
    found = []
    for fact in facts:
        if family_of(fact.type) == FAMILY:
            first, last = fact.data["first"], min(fact.data["last"], fact.position - 1)
            if first <= last:
                found.append(WrongClock(first, last, fact.data["was"], fact.position))
    return sorted(found)
