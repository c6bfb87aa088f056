"""The entity map: for each entity the number of its events and a hash over their positions and leaf hashes.

A Merkle tree (RFC 6962) over the entities in order of their blinded names. An organization's leaf holds a part for each
entity that was ever said to be there, itself among them: whoever shows the events of all of these shows by one leaf
that they are all. A proof shows that an entity has these events and no others, or, by its two neighbours, that it has
none. Of a neighbour it shows two hashes.

Byte by byte: services/evidence/evidence-format.md.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from domain.tree.merkle import MerkleError
from domain.tree.proofs import verify_shared

SALT_BYTES: Final = 32
_NAME: Final = b"taizhang/map/name/1\n"
_EVENTS: Final = b"taizhang/map/events/1\n"
_CONTENT: Final = b"taizhang/map/content/1\n"
_PARTS: Final = b"taizhang/map/parts/1\n"
_ORGANIZATION: Final = b"taizhang/map/organization/1\n"
_LEAF: Final = b"taizhang/map/leaf/1\n"


class MapError(MerkleError):
    """A proof of the entity map does not prove what it is shown for."""


class MapRoot(NamedTuple):
    """The map as the log states it: its root, the number of entities, and what their names are blinded with."""

    root: bytes
    size: int
    salt: bytes


class Leaf(NamedTuple):
    """An entity's leaf, or its part of an organization's: its blinded name, and the hash of what its events are."""

    name: bytes
    content: bytes


def blinded(salt: bytes, entity: str) -> bytes:
    """The name under which an entity stands in a map of this salt."""
    return _hash(_NAME, salt, entity.encode())


def events_hash(events: Iterable[tuple[int, bytes]]) -> bytes:
    """Hash over positions and leaf hashes of the log, in order of position."""
    return _hash(_EVENTS, b"".join(position.to_bytes(8, "big") + leaf for position, leaf in events))


def content_of(count: int, events: bytes) -> bytes:
    """What a leaf says of its entity's events: how many, and the hash over them."""
    return _hash(_CONTENT, count.to_bytes(8, "big"), events)


def parts_hash(parts: Iterable[Leaf]) -> bytes:
    """Hash over entities that were ever at an organization, in order of their names."""
    return _hash(_PARTS, b"".join(part.name + part.content for part in parts))


def content_of_organization(counted: bytes, others: bytes) -> bytes:
    """What an organization's leaf says, by their hashes: itself and the members ever there, and whoever else was."""
    return _hash(_ORGANIZATION, counted, others)


def leaf_hash(leaf: Leaf) -> bytes:
    """Hash of a leaf in the map's tree."""
    return _hash(_LEAF, leaf.name, leaf.content)


def require_absent(stated: MapRoot, entity: str, around: Mapping[int, Leaf]) -> None:
    """Refuse unless the leaves, by their places from 0, are the neighbours of the place where the entity would stand.

    That they are in the tree is for `verify`.

    Raises:
        MapError: they are not, or the entity is there.
    """
    name = blinded(stated.salt, entity)
    before = [place for place, leaf in around.items() if leaf.name < name]
    after = [place for place, leaf in around.items() if leaf.name > name]
    if len(before) + len(after) != len(around) or len(before) > 1 or len(after) > 1:
        raise MapError(f"that {entity} has no event is shown by the leaf before it and the leaf after it")
    due = before[0] + 1 if before else 0
    if (after[0] if after else stated.size) != due:
        raise MapError(f"the leaves shown around {entity} are no neighbours")


def verify(stated: MapRoot, leaves: Mapping[int, Leaf], proof: Sequence[bytes]) -> None:
    """Refuse unless the leaves stand at their places, from 0, in the map's tree (domain.tree.proofs.verify_shared).

    Raises:
        MerkleError: they do not.
    """
    verify_shared({place: leaf_hash(leaf) for place, leaf in leaves.items()}, stated.size, proof, stated.root)


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
