"""What shows that a bundle's events are all: the event with the roots, and the leaves of the entities consulted."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

import orjson

from domain.events.envelope import check_data
from domain.events.facts import Event
from domain.tree.entity_map import Leaf, Shown, verify_absent, verify_present
from domain.tree.merkle import MerkleError
from services.evidence.notes.checkpoint import encode_hash, parse_hash
from services.evidence.roots.belonging import groups_of
from services.evidence.roots.stated import Stated

_MEMBERS: Final = frozenset(("entry", "raw", "proof", "entities"))
_SHOWN: Final = frozenset(("place", "name", "content", "path"))


class Completeness(NamedTuple):
    """The event that states the roots, its path in the checkpoint's tree, and by entity the leaves of the map."""

    entry: bytes
    raw: bytes
    path: tuple[bytes, ...]
    entities: Mapping[str, Sequence[Shown]]


def write(shown: Completeness) -> bytes:
    """As a bundle's member holds it."""
    return orjson.dumps(
        {
            "entry": shown.entry.decode(),
            "raw": base64.b64encode(shown.raw).decode(),
            "proof": [encode_hash(each) for each in shown.path],
            "entities": {entity: [_leaf(each) for each in leaves] for entity, leaves in shown.entities.items()},
        },
        option=orjson.OPT_SORT_KEYS,
    )


def _leaf(shown: Shown) -> dict[str, Any]:
    return {
        "place": shown.place,
        "name": encode_hash(shown.leaf.name),
        "content": encode_hash(shown.leaf.content),
        "path": [encode_hash(each) for each in shown.path],
    }


def read(given: Mapping[str, Any]) -> Completeness:
    """What `write` wrote; KeyError, TypeError, ValueError or NoteError where it is not, to the letter."""
    if given.keys() != _MEMBERS:
        raise ValueError(f"it has the members {', '.join(sorted(_MEMBERS))} and no others")
    entities = {entity: [_shown(each) for each in leaves] for entity, leaves in given["entities"].items()}
    raw = base64.b64decode(given["raw"], validate=True)
    return Completeness(given["entry"].encode(), raw, tuple(map(parse_hash, given["proof"])), entities)


def _shown(given: Mapping[str, Any]) -> Shown:
    if given.keys() != _SHOWN or type(given["place"]) is not int or given["place"] < 0:
        raise ValueError(f"a leaf has the members {', '.join(sorted(_SHOWN))} and no others")
    leaf = Leaf(parse_hash(given["name"]), parse_hash(given["content"]))
    return Shown(given["place"], leaf, tuple(map(parse_hash, given["path"])))


def faults(
    stated: Stated,
    shown: Mapping[str, Sequence[Shown]],
    consulted: AbstractSet[str],
    events: Iterable[tuple[Event, bytes]],
) -> list[tuple[str, str]]:
    """By entity why the events are not shown to be all that it has; nothing where they are.

    Args:
        stated: the roots.
        shown: by entity the leaves of the map.
        consulted: every entity that must be complete, and no other may be shown.
        events: all that are shown, each with its leaf hash in the log.
    """
    shown_events = list(events)
    hashes = {event.position: hashed for event, hashed in shown_events}
    belongs: dict[str, dict[int, bytes]] = {}
    for group in groups_of((event for event, _ in shown_events), lambda type_, data: not check_data(type_, data)):
        for entity in group.entities & consulted:
            belongs.setdefault(entity, {}).update({each.position: hashes[each.position] for each in group.events})
    found = [(entity, "no leaf of the map is shown for it") for entity in consulted - shown.keys()]
    found += [(entity, "it has no part in the question") for entity in shown.keys() - consulted]
    for entity in consulted & shown.keys():
        own = sorted(belongs.get(entity, {}).items())
        try:
            if own:
                verify_present(stated.map, entity, own, shown[entity])
            else:
                verify_absent(stated.map, entity, shown[entity])
        except MerkleError as fault:
            found.append((entity, str(fault)))
    return sorted(found)
