"""The entity map: an entity's events are all, or it has none; whoever leaves one out is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.entity_map import (
    Leaf,
    MapRoot,
    Shown,
    blinded,
    content_of,
    events_hash,
    leaf_hash,
    verify_absent,
    verify_present,
)
from domain.tree.merkle import MerkleError, root
from domain.tree.proofs import inclusion_proof

SALT = bytes(32)
Events = list[tuple[int, bytes]]


def _map(entities: dict[str, Events]) -> tuple[MapRoot, list[Leaf], list[bytes]]:
    leaves = sorted(
        Leaf(blinded(SALT, entity), content_of(len(events), events_hash(events))) for entity, events in entities.items()
    )
    hashes = [leaf_hash(each) for each in leaves]
    return MapRoot(root(hashes), len(leaves), SALT), leaves, hashes


def _shown(leaves: list[Leaf], hashes: list[bytes], *indexes: int) -> list[Shown]:
    return [Shown(n, leaves[n], tuple(inclusion_proof(hashes, n))) for n in indexes if 0 <= n < len(leaves)]


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
            verify_present(stated, entity, entities[entity], _shown(leaves, hashes, place))
            with pytest.raises(MerkleError):
                verify_absent(stated, entity, _shown(leaves, hashes, place - 1, place + 1))
            with pytest.raises(MerkleError):
                verify_absent(stated, entity, _shown(leaves, hashes, place))
        else:
            verify_absent(stated, entity, _shown(leaves, hashes, place - 1, place))
            if place < len(leaves):
                with pytest.raises(MerkleError):
                    verify_absent(stated, entity, _shown(leaves, hashes, place - 1))
            if leaves:
                with pytest.raises(MerkleError):
                    verify_absent(stated, entity, [])


@given(ENTITIES.filter(bool), st.data())
def test_an_event_left_out_added_or_changed_is_refused(entities: dict[str, Events], data: st.DataObject) -> None:
    stated, leaves, hashes = _map(entities)
    entity = data.draw(st.sampled_from(sorted(entities)))
    events = entities[entity]
    shown = _shown(leaves, hashes, [leaf.name for leaf in leaves].index(blinded(SALT, entity)))
    at = data.draw(st.integers(0, len(events) - 1))
    other = (events[at][0], bytes(32)), (events[at][0] + 100, events[at][1])
    forged = [events[:at] + events[at + 1 :], [*events, (99, bytes(32))], [*reversed(events)] if at else []]
    forged += [[*events[:at], changed, *events[at + 1 :]] for changed in other]
    for each in forged:
        with pytest.raises(MerkleError):
            verify_present(stated, entity, each, shown)
    with pytest.raises(MerkleError):
        verify_present(stated._replace(root=bytes(32)), entity, events, shown)
    with pytest.raises(MerkleError):
        verify_present(stated, "member:another", events, shown)


def test_absence_is_not_shown_by_leaves_with_room_between_them() -> None:
    entities = {f"member:m{n}": _events(str(n), 1) for n in range(8)}
    stated, leaves, hashes = _map(entities)
    hidden = next(entity for entity in entities if blinded(SALT, entity) == leaves[4].name)
    with pytest.raises(MerkleError, match="no neighbours"):
        verify_absent(stated, hidden, _shown(leaves, hashes, 3, 5))
    with pytest.raises(MerkleError, match="no neighbours"):
        verify_absent(stated, hidden, _shown(leaves, hashes, 3))
    with pytest.raises(MerkleError):
        verify_absent(stated, hidden, _shown(leaves, hashes, 3, 2))
