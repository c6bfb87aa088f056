"""Which events belong to which entity of the map: the one statement, for whoever makes a map and whoever checks one.

A *group* is a fact of the ledger and all that was said of it. It belongs to whatever entity its fact is about, and to
every organization that it names, as stated and as any correction that fits states it. So of an organization it holds
whoever was ever put there, and of a member, a branch or an instructor all that was said of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import LEDGER_FAMILIES, Event, EventKey, entity_of, family_of
from domain.events.types import CORRECTED
from projections.ledger.fold.effects import identifiers

_ORGANIZATIONS: Final = ("uscc:", "group:")


class Group(NamedTuple):
    """A fact and what was said of it, in order of position, and the entities that they belong to."""

    entities: frozenset[str]
    events: list[Event]


def groups_of(events: Iterable[Event], fits: Callable[[str, object], bool]) -> Iterator[Group]:
    """The groups among events, of which each word's target must be one if it is known at all.

    Args:
        events: in any order; what speaks of none of them belongs to nothing.
        fits: whether a replacement fits a type.
    """
    facts: dict[EventKey, Event] = {}
    words: dict[EventKey, list[Event]] = {}
    for event in events:
        if not event.is_fact:
            words.setdefault(event.target, []).append(event)
        elif family_of(event.type) in LEDGER_FAMILIES:
            facts[event.key] = event
    for key, fact in facts.items():
        said = words.get(key, [])
        stated = [fact.data]
        stated += [word.data["replacement"] for word in said if word.type == CORRECTED]
        entities: set[str] = set()
        for data in stated:
            if data is fact.data or fits(fact.type, data):
                entities |= _entities(fact.type, data)
        yield Group(frozenset(entities), sorted((fact, *said), key=lambda event: event.position))


def _entities(type_: str, data: Mapping[str, Any]) -> set[str]:
    """What data of a type is about, and the organizations that it names."""
    about = entity_of(type_, data)
    organizations = {each for each in identifiers(type_, data) if each.startswith(_ORGANIZATIONS)}
    # An instructor at an organization is one entity in the fold; here the person is.
    return organizations | {about.rpartition(" ")[2]}
