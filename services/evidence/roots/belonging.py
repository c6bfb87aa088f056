"""Which events belong to which entity of the map: the one statement, for whoever makes a map and whoever checks one.

A *group* is a fact of the ledger and all that was said of it. It belongs to whatever entity its fact is about, as
stated and as any correction that fits states it. An entity is *at* an organization that such a statement about it
names, an organization at itself: an organization's leaf holds what the events of each of these are. So of an
organization it holds whoever was ever put there, with all that was ever said of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import LEDGER_FAMILIES, Event, EventKey, entity_of, family_of
from domain.events.types import CORRECTED
from domain.tree.entity_map import Leaf, blinded, content_of, content_of_organization, events_hash, parts_hash
from projections.ledger.fold.effects import identifiers

_ORGANIZATIONS: Final = ("uscc:", "group:")
_MEMBER: Final = "member:"
_BELOW: Final = "below "


class Group(NamedTuple):
    """A fact and what was said of it, in order of position: about whom, and at which organizations it puts each."""

    about: frozenset[str]
    at: frozenset[tuple[str, str]]
    events: list[Event]


def is_organization(entity: str) -> bool:
    """Whether an identifier is an organization's, and not of an instructor there."""
    return entity.startswith(_ORGANIZATIONS) and " " not in entity


def is_counted(organization: str, entity: str) -> bool:
    """Whether an entity at an organization is the organization or a member: what the first half of its leaf holds."""
    return entity == organization or entity.startswith(_MEMBER)


def below(branch: str) -> str:
    """The entity to which belongs whatever puts a branch under this one."""
    return _BELOW + branch


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
        stated = [fact.data, *(word.data["replacement"] for word in said if word.type == CORRECTED)]
        about, at = set[str](), set[tuple[str, str]]()
        for data in stated:
            if data is fact.data or fits(fact.type, data):
                entity = entity_of(fact.type, data)
                about |= {entity, *_besides(fact.type, entity, data)}
                at |= {(each, entity) for each in identifiers(fact.type, data) if is_organization(each)}
        yield Group(frozenset(about), frozenset(at), sorted((fact, *said), key=lambda event: event.position))


def _besides(type_: str, entity: str, data: Mapping[str, Any]) -> Iterator[str]:
    """To whom what is said of an entity belongs, too."""
    # One instructor at one organization is an entity; so is the person.
    if " " in entity:
        yield entity.rpartition(" ")[2]
    if family_of(type_) == "branch" and isinstance(parent := data.get("parent"), str):
        yield below(parent)


class Belonging:
    """What belongs to each entity, by some events with their leaf hashes in the log."""

    def __init__(
        self, salt: bytes, events: Iterable[tuple[Event, bytes]], fits: Callable[[str, object], bool]
    ) -> None:  # fmt: skip
        given = list(events)
        hashes = {event.position: hashed for event, hashed in given}
        self._salt = salt
        self.events: dict[str, dict[int, bytes]] = {}
        self.at: dict[str, set[str]] = {}
        for group in groups_of((event for event, _ in given), fits):
            for entity in group.about:
                own = self.events.setdefault(entity, {})
                own.update((event.position, hashes[event.position]) for event in group.events)
            for organization, entity in group.at:
                self.at.setdefault(organization, set()).add(entity)

    def leaf(self, entity: str, others: bytes | None = None) -> Leaf | None:
        """The leaf of an entity; None where nothing belongs to it.

        Args:
            entity: which.
            others: of an organization the hash over whoever else was there, where their events are not all among these.
        """
        if not is_organization(entity):
            return self._part(entity) if entity in self.events else None
        if entity not in self.at and others is None:
            return None
        there = self.at.get(entity, set())
        counted = {each for each in there if is_counted(entity, each)}
        if others is None:
            others = self._parts(there - counted)
        return Leaf(blinded(self._salt, entity), content_of_organization(self._parts(counted), others))

    def _parts(self, entities: Iterable[str]) -> bytes:
        return parts_hash(sorted(map(self._part, entities)))

    def _part(self, entity: str) -> Leaf:
        own = sorted(self.events[entity].items())
        return Leaf(blinded(self._salt, entity), content_of(len(own), events_hash(own)))
