"""What shows that a bundle's events are all: the event with the roots, and where in the map the entities consulted are.

A leaf that is there is made anew from the events shown, so that only its place is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from domain.events.envelope import check_data
from domain.events.facts import Event
from domain.tree import entity_map
from domain.tree.entity_map import Leaf, require_absent
from domain.tree.merkle import MerkleError
from services.evidence.copies.lines import line_of, read_line
from services.evidence.copies.stored import StoredEvent
from services.evidence.notes.checkpoint import encode_hash, parse_hash
from services.evidence.roots.belonging import Belonging, is_counted
from services.evidence.roots.kept import Kept, prove_entities
from services.evidence.roots.stated import Stated

_MEMBERS: Final = frozenset(("stated", "present", "lent", "absent"))
_NAMED_MAX: Final = 5


class Completeness(NamedTuple):
    """What a bundle shows of the map.

    Attributes:
        stated: the event that states the roots.
        present: by entity the place of its leaf, from 0.
        lent: the same of organizations of which they and their members alone are shown, with the hash over the others.
        absent: by entity without an event the leaves around its place.
        proof: the hashes that lead from all of these leaves to the root.
    """

    stated: StoredEvent
    present: Mapping[str, int]
    lent: Mapping[str, tuple[int, bytes]]
    absent: Mapping[str, Mapping[int, Leaf]]
    proof: Sequence[bytes]


class Due(NamedTuple):
    """The entities whose leaves must be shown, and no others: whole, and of organizations the first half."""

    whole: frozenset[str]
    lent: frozenset[str]


def due(belonging: Belonging, organizations: Iterable[str], besides: Iterable[str], lent: Iterable[str]) -> Due:
    """Whose leaves show that the events of all of these are all: whoever is at an organization is shown by its leaf."""
    whole, half = frozenset(organizations), frozenset(lent)
    shown = {entity for org in whole for entity in belonging.at.get(org, ())}
    shown |= {entity for org in half for entity in belonging.at.get(org, ()) if is_counted(org, entity)}
    return Due(whole | {each for each in besides if " " not in each or each.startswith("below ")} - shown, half)


def shown_in(trees: Kept, stated: Stated, event: StoredEvent, belonging: Belonging, wanted: Due) -> Completeness:
    """What shows of the entities due that what belongs to them is all.

    Raises:
        NotReadyError: what is kept is not the map whose root the log states.
    """
    found = prove_entities(trees, stated, sorted(wanted.whole | wanted.lent))
    there = {entity for entity in wanted.whole if belonging.leaf(entity) is not None}
    return Completeness(
        event,
        {entity: found.places[entity][0] for entity in sorted(there)},
        {entity: (at := found.places[entity][0], found.others[at]) for entity in sorted(wanted.lent)},
        {entity: {at: found.leaves[at] for at in found.places[entity]} for entity in sorted(wanted.whole - there)},
        found.proof,
    )


def write(shown: Completeness) -> bytes:
    """As a bundle's member holds it, but for the hashes, which are a member of their own."""
    return orjson.dumps({
        "stated": line_of(shown.stated),
        "present": shown.present,
        "lent": {entity: [place, encode_hash(others)] for entity, (place, others) in shown.lent.items()},
        "absent": {
            entity: [[place, encode_hash(leaf.name), encode_hash(leaf.content)] for place, leaf in around.items()]
            for entity, around in shown.absent.items()
        },
    })  # fmt: skip


def read(given: Mapping[str, Any], proof: Sequence[bytes]) -> Completeness:
    """What `write` wrote; KeyError, TypeError, ValueError, MerkleError or NoteError where it is not, to the letter."""
    if given.keys() != _MEMBERS:
        raise ValueError(f"it has the members {', '.join(sorted(_MEMBERS))} and no others")
    present = {entity: _place(at) for entity, at in given["present"].items()}
    lent = {entity: (_place(at), parse_hash(others)) for entity, (at, others) in given["lent"].items()}
    absent = {
        entity: {_place(at): Leaf(parse_hash(name), parse_hash(content)) for at, name, content in around}
        for entity, around in given["absent"].items()
    }
    if any(len(absent[entity]) < len(around) for entity, around in given["absent"].items()):
        raise ValueError("a leaf is shown twice")
    return Completeness(read_line(given["stated"]), present, lent, absent, proof)


def _place(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no place of a leaf")
    return value


def faults(stated: Stated, shown: Completeness, belonging: Belonging, wanted: Due) -> list[tuple[str, str]]:
    """By entity why the events are not shown to be all that it has; nothing where they are.

    Args:
        stated: the roots.
        shown: what the bundle shows of the map.
        belonging: what belongs to each entity by the events that are shown.
        wanted: every entity that must be complete, and no other may be shown.
    """
    found = _others_than(shown, wanted)
    leaves: dict[int, Leaf] = {}
    places = [(entity, place, None) for entity, place in shown.present.items()]
    for entity, place, others in (*places, *((entity, *half) for entity, half in shown.lent.items())):
        leaf = belonging.leaf(entity, others)
        if leaf is None:
            found.append((entity, "it is shown to have events, and none is here"))
        elif leaves.setdefault(place, leaf) != leaf:
            found.append((entity, f"place {place} of the map is another's"))
    for entity, around in shown.absent.items():
        try:
            require_absent(stated.map, entity, around)
        except MerkleError as fault:
            found.append((entity, str(fault)))
        if belonging.leaf(entity) is not None:
            found.append((entity, "it is shown to have no event, and one is here"))
        if any(leaves.setdefault(place, leaf) != leaf for place, leaf in around.items()):
            found.append((entity, "a leaf beside its place is shown in two ways"))
    return sorted(found) or _not_in_map(stated, shown, leaves)


def _others_than(shown: Completeness, wanted: Due) -> list[tuple[str, str]]:
    given = [*shown.present, *shown.absent]
    found = [(entity, "no leaf of the map is shown for it") for entity in wanted.whole - {*given}]
    found += [(entity, "no leaf of the map is shown for it") for entity in wanted.lent - shown.lent.keys()]
    found += [(entity, "it has no part in the question") for entity in {*given} - wanted.whole]
    found += [(entity, "it has no part in the question") for entity in shown.lent.keys() - wanted.lent]
    found += [(entity, "it is shown to be there and not to be") for entity in shown.present.keys() & shown.absent]
    return found


def _not_in_map(stated: Stated, shown: Completeness, leaves: Mapping[int, Leaf]) -> list[tuple[str, str]]:
    """Of leaves that are false, which one is does not show."""
    try:
        entity_map.verify(stated.map, leaves, shown.proof)
    except MerkleError as fault:
        named = sorted({*shown.present, *shown.absent, *shown.lent})
        words = f"of one of them events are left out, added, or changed: {fault}"
        return [(", ".join(named[:_NAMED_MAX]) + (" …" if len(named) > _NAMED_MAX else ""), words)]
    return []


def belonging_to(stated: Stated, events: Iterable[tuple[Event, bytes]]) -> Belonging:
    """What belongs to each entity of the map by events with their leaf hashes."""
    return Belonging(stated.map.salt, events, lambda type_, data: not check_data(type_, data))
