"""The entity map: for each entity the number of its events and a hash over their positions and leaf hashes.

A Merkle tree (RFC 6962) over the entities in order of their blinded names. A proof shows that an entity has these
events and no others, or, by its two neighbours, that it has none. Of a neighbour it shows two hashes.

Byte by byte: services/evidence/evidence-format.md.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from domain.tree.merkle import EMPTY_ROOT, MerkleError
from domain.tree.proofs import verify_inclusion

SALT_BYTES: Final = 32
_NAME: Final = b"taizhang/map/name/1\n"
_EVENTS: Final = b"taizhang/map/events/1\n"
_CONTENT: Final = b"taizhang/map/content/1\n"
_LEAF: Final = b"taizhang/map/leaf/1\n"


class MapError(MerkleError):
    """A proof of the entity map does not prove what it is shown for."""


class MapRoot(NamedTuple):
    """The map as the log states it: its root, the number of entities, and what their names are blinded with."""

    root: bytes
    size: int
    salt: bytes


class Leaf(NamedTuple):
    """An entity's leaf: its blinded name, and the hash of what is said of its events."""

    name: bytes
    content: bytes


class Shown(NamedTuple):
    """A leaf with its place, from 0, and its audit path (RFC 6962 section 2.1.1)."""

    place: int
    leaf: Leaf
    path: tuple[bytes, ...]


def blinded(salt: bytes, entity: str) -> bytes:
    """The name under which an entity stands in a map of this salt."""
    return _hash(_NAME, salt, entity.encode())


def events_hash(events: Iterable[tuple[int, bytes]]) -> bytes:
    """Hash over positions and leaf hashes of the log, in order of position."""
    return _hash(_EVENTS, b"".join(position.to_bytes(8, "big") + leaf for position, leaf in events))


def content_of(count: int, events: bytes) -> bytes:
    """What a leaf says of its entity's events: how many, and the hash over them."""
    return _hash(_CONTENT, count.to_bytes(8, "big"), events)


def leaf_hash(leaf: Leaf) -> bytes:
    """Hash of a leaf in the map's tree."""
    return _hash(_LEAF, leaf.name, leaf.content)


def verify_present(stated: MapRoot, entity: str, events: Sequence[tuple[int, bytes]], shown: Sequence[Shown]) -> None:
    """Refuse unless the entity has exactly these events, in order of position.

    Raises:
        MapError, MerkleError: the leaf shown is another's, of other events, or not in the tree.
    """
    if len(shown) != 1:
        raise MapError(f"of {entity}, which has events, one leaf is shown, not {len(shown)}")
    due = Leaf(blinded(stated.salt, entity), content_of(len(events), events_hash(events)))
    if shown[0].leaf.name != due.name:
        raise MapError(f"the leaf shown is not that of {entity}")
    if shown[0].leaf.content != due.content:
        raise MapError(f"{entity} has not these {len(events)} events: some are left out, added, or changed")
    _verify(stated, shown[0])


def verify_absent(stated: MapRoot, entity: str, shown: Sequence[Shown]) -> None:
    """Refuse unless the entity has no event: the leaves around the place where it would stand are neighbours.

    Raises:
        MapError, MerkleError: they are not, or not in the tree.
    """
    name = blinded(stated.salt, entity)
    before = [each for each in shown if each.leaf.name < name]
    after = [each for each in shown if each.leaf.name > name]
    if len(before) + len(after) != len(shown) or len(before) > 1 or len(after) > 1:
        raise MapError(f"that {entity} has no event is shown by the leaf before it and the leaf after it")
    due = before[0].place + 1 if before else 0
    if (after[0].place if after else stated.size) != due:
        raise MapError(f"the leaves shown around {entity} are no neighbours")
    for each in shown:
        _verify(stated, each)
    if not shown and stated.root != EMPTY_ROOT:
        raise MapError("a map without entities has the root of nothing")


def _verify(stated: MapRoot, shown: Shown) -> None:
    verify_inclusion(leaf_hash(shown.leaf), shown.place, stated.size, shown.path, stated.root)


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
