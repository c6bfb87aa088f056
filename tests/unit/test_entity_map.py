"""The entity map: an entity's events are all, or it has none; whoever leaves one out is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.entity_map import (
    Leaf,
    MapRoot,
    blinded,
    content_of,
    content_of_organization,
    events_hash,
    leaf_hash,
    parts_hash,
    require_absent,
    verify,
)
from domain.tree.merkle import MerkleError, root
from domain.tree.proofs import shared_proof

SALT = bytes(32)
Events = list[tuple[int, bytes]]


def _map(entities: dict[str, Events]) -> tuple[MapRoot, list[Leaf], list[bytes]]:
    leaves = sorted(
        Leaf(blinded(SALT, entity), content_of(len(events), events_hash(events))) for entity, events in entities.items()
    )
    hashes = [leaf_hash(each) for each in leaves]
    return MapRoot(root(hashes), len(leaves), SALT), leaves, hashes


def _present(stated: MapRoot, hashes: list[bytes], place: int, entity: str, events: Events) -> None:
    leaf = Leaf(blinded(SALT, entity), content_of(len(events), events_hash(events)))
    verify(stated, {place: leaf}, shared_proof(hashes, [place]))


def _absent(stated: MapRoot, leaves: list[Leaf], hashes: list[bytes], entity: str, *places: int) -> None:
    around = {n: leaves[n] for n in places if 0 <= n < len(leaves)}
    require_absent(stated, entity, around)
    verify(stated, around, shared_proof(hashes, around))


def _events(entity: str, count: int) -> Events:
    return [(n + 1, hashlib.sha256(f"{entity} {n}".encode()).digest()) for n in range(count)]


ENTITIES = st.dictionaries(st.sampled_from([f"member:m{n}" for n in range(20)]), st.integers(1, 4)).map(
    lambda counts: {entity: _events(entity, count) for entity, count in counts.items()}
)


@given(ENTITIES)
def test_each_entity_has_its_events_and_whoever_is_not_there_has_none(entities: dict[str, Events]) -> None:
    stated, leaves, hashes = _map(entities)
    for number in range(22):
        entity = f"member:m{number}"
        name = blinded(SALT, entity)
        place = sum(leaf.name < name for leaf in leaves)
        if entity in entities:
            _present(stated, hashes, place, entity, entities[entity])
            for places in ((place - 1, place + 1), (place,)):
                with pytest.raises(MerkleError):
                    _absent(stated, leaves, hashes, entity, *places)
        else:
            _absent(stated, leaves, hashes, entity, place - 1, place)
            if place < len(leaves):
                with pytest.raises(MerkleError):
                    _absent(stated, leaves, hashes, entity, place - 1)
            if leaves:
                with pytest.raises(MerkleError):
                    _absent(stated, leaves, hashes, entity)


@given(ENTITIES.filter(bool), st.data())
def test_an_event_left_out_added_or_changed_is_refused(entities: dict[str, Events], data: st.DataObject) -> None:
    stated, leaves, hashes = _map(entities)
    entity = data.draw(st.sampled_from(sorted(entities)))
    events = entities[entity]
    place = [leaf.name for leaf in leaves].index(blinded(SALT, entity))
    at = data.draw(st.integers(0, len(events) - 1))
    other = (events[at][0], bytes(32)), (events[at][0] + 100, events[at][1])
    forged = [events[:at] + events[at + 1 :], [*events, (99, bytes(32))], [*reversed(events)] if at else []]
    forged += [[*events[:at], changed, *events[at + 1 :]] for changed in other]
    for each in forged:
        with pytest.raises(MerkleError):
            _present(stated, hashes, place, entity, each)
    with pytest.raises(MerkleError):
        _present(stated._replace(root=bytes(32)), hashes, place, entity, events)
    with pytest.raises(MerkleError):
        _present(stated, hashes, place, "member:another", events)


def test_absence_is_not_shown_by_leaves_with_room_between_them() -> None:
    entities = {f"member:m{n}": _events(str(n), 1) for n in range(8)}
    stated, leaves, hashes = _map(entities)
    hidden = next(entity for entity in entities if blinded(SALT, entity) == leaves[4].name)
    with pytest.raises(MerkleError, match="no neighbours"):
        _absent(stated, leaves, hashes, hidden, 3, 5)
    with pytest.raises(MerkleError, match="no neighbours"):
        _absent(stated, leaves, hashes, hidden, 3)
    with pytest.raises(MerkleError):
        _absent(stated, leaves, hashes, hidden, 3, 2)


def test_half_of_an_organizations_leaf_shows_nothing_of_the_other_half() -> None:
    """Who is counted there and who is not stand apart: nobody can be moved from the half that is shown."""
    one, other = (Leaf(blinded(SALT, f"member:{n}"), content_of(1, bytes(32))) for n in "ab")
    whole = content_of_organization(parts_hash([one]), parts_hash([other]))
    for counted, others in (([one, other], []), ([], [one, other]), ([other], [one])):
        assert content_of_organization(parts_hash(counted), parts_hash(others)) != whole
