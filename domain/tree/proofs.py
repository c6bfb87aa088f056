"""Proofs of inclusion and of consistency, made and checked (RFC 6962 section 2.1, RFC 9162 section 2.1).

A proof is a list of 32-byte hashes in the order of the RFCs, from the leaf's side up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from domain.tree.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MerkleError,
    ReadTiles,
    join_roots,
    node_hash,
    root,
    subtree_roots,
)

#: Roots that a maker of many proofs keeps.
SUBTREES_KEPT: Final = 4096


class ProofError(MerkleError):
    """A proof does not prove what it is shown for."""


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Leaves (from, to) under each hash of PATH(index, D[size]) (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise MerkleError(f"leaf index {index} is not in a tree of {size} leaves: it must be 0 to {size - 1}")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return path[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """Leaves (from, to) under each hash of PROOF(old_size, D[new_size]) (RFC 6962 section 2.1.2).

    Empty from size 0, and between equal sizes.
    """
    if not 0 <= old_size <= new_size:
        raise MerkleError(
            f"no consistency proof leads from size {old_size} to {new_size}: the old size must be 0 to the new"
        )
    if old_size in {0, new_size}:
        return []
    path, low, high = [], 0, new_size
    while old_size != high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    if low:
        path.append((low, high))
    return path[::-1]


def shared_ranges(indexes: Iterable[int], size: int) -> list[tuple[int, int]]:
    """Leaves (from, to) under each hash that leads from some leaves to the root, from left to right.

    These are the largest subtrees in which no leaf is shown: what the leaves' paths have in common is there once.
    """
    shown = sorted(set(indexes))
    if shown and not 0 <= shown[0] <= shown[-1] < size:
        raise MerkleError(f"leaf indexes {shown[0]} to {shown[-1]} are not in a tree of {size} leaves")
    ranges, waiting = list[tuple[int, int]](), [(0, size)] if size else []
    while waiting:
        low, high = waiting.pop()
        if bisect_left(shown, low) == bisect_left(shown, high):
            ranges.append((low, high))
        elif high - low > 1:
            middle = low + _split(high - low)
            waiting += [(middle, high), (low, middle)]
    return ranges


def _split(count: int) -> int:
    """Largest power of two below count, which is at least 2 (RFC 6962 section 2.1, k)."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(index, D): the audit path of one leaf in the tree of all leaf hashes given."""
    return [root(leaf_hashes[low:high]) for low, high in inclusion_ranges(index, len(leaf_hashes))]


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """PROOF(old_size, D): from the tree of the first old_size leaves to that of all."""
    return [root(leaf_hashes[low:high]) for low, high in consistency_ranges(old_size, len(leaf_hashes))]


def inclusion_proofs_from_tiles(indexes: Iterable[int], size: int, read: ReadTiles) -> Iterator[list[bytes]]:
    """PATH(index, D[size]) for each index, from stored leaf hashes and tile roots, in O(log size) reads.

    What neighbours have in common is read and hashed once.
    """

    @lru_cache(maxsize=SUBTREES_KEPT)
    def subtree(low: int, high: int) -> bytes:
        return join_roots(subtree_roots(low, high, read))

    for index in indexes:
        yield [subtree(low, high) for low, high in inclusion_ranges(index, size)]


def shared_proof(leaf_hashes: Sequence[bytes], indexes: Iterable[int]) -> list[bytes]:
    """The hashes that lead from the leaves at these indexes to the root of all leaf hashes given."""
    return [root(leaf_hashes[low:high]) for low, high in shared_ranges(indexes, len(leaf_hashes))]


def shared_proof_from_tiles(indexes: Iterable[int], size: int, read: ReadTiles) -> list[bytes]:
    """The same from stored leaf hashes and tile roots."""
    return [join_roots(subtree_roots(low, high, read)) for low, high in shared_ranges(indexes, size)]


def read_proof(data: bytes) -> list[bytes]:
    """The hashes of a proof that stand one behind the other; ProofError where they do not."""
    if len(data) % HASH_BYTES:
        raise ProofError(f"a proof has {len(data)} bytes: its hashes have {HASH_BYTES} each")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def consistency_proof_from_tiles(old_size: int, new_size: int, read: ReadTiles) -> list[bytes]:
    """PROOF(old_size, D[new_size]) from stored leaf hashes and tile roots, in O(log size) reads."""
    return [join_roots(subtree_roots(low, high, read)) for low, high in consistency_ranges(old_size, new_size)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Refuse unless the leaf hash is leaf index of the tree of that size and root (RFC 9162 section 2.1.3.2)."""
    _require_hashes("leaf hash", (leaf,))
    _require_hashes("root hash", (root_hash,))
    _require_length(f"leaf {index} in a tree of {size}", proof, len(inclusion_ranges(index, size)))
    node, last = leaf, size - 1
    for sibling in proof:
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    _require_root(f"tree of {size} leaves", node, root_hash)


def verify_shared(leaves: Mapping[int, bytes], size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Refuse unless each leaf hash is the leaf of its index in the tree of that size and root, and no hash is too many.

    With every other hash in its place, by `shared_ranges`, there is one way to put the tree together.
    """
    _require_hashes("leaf hash", tuple(leaves.values()))
    _require_hashes("root hash", (root_hash,))
    ranges = shared_ranges(leaves, size)
    _require_length(f"{len(leaves)} leaves of a tree of {size}", proof, len(ranges))
    known = {(index, index + 1): hashed for index, hashed in leaves.items()} | dict(zip(ranges, proof, strict=True))

    def joined(low: int, high: int) -> bytes:
        if (found := known.get((low, high))) is not None:
            return found
        middle = low + _split(high - low)
        return node_hash(joined(low, middle), joined(middle, high))

    _require_root(f"tree of {size} leaves", joined(0, size) if size else EMPTY_ROOT, root_hash)


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Refuse unless the new tree keeps every leaf of the old (RFC 9162 section 2.1.4.2).

    From size 0 and between equal sizes the proof is empty; an empty tree's root is the hash of nothing.
    """
    _require_hashes("root hash", (old_root, new_root))
    _require_length(f"size {old_size} to {new_size}", proof, len(consistency_ranges(old_size, new_size)))
    if old_size == 0:
        _require_root("tree of 0 leaves", EMPTY_ROOT, old_root)
        if new_size == 0:
            _require_root("tree of 0 leaves", EMPTY_ROOT, new_root)
        return
    if old_size == new_size:
        _require_root(f"tree of {new_size} leaves", old_root, new_root)
        return
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    index, last = old_size - 1, new_size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if index & 1 or index == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, node)
        index, last = index >> 1, last >> 1
    _require_root(f"older tree of {old_size} leaves", old, old_root)
    _require_root(f"newer tree of {new_size} leaves", new, new_root)


def _require_hashes(what: str, hashes: Sequence[bytes]) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise ProofError(f"the {what} {value.hex()!r} has {len(value)} bytes: a SHA-256 hash has {HASH_BYTES}")


def _require_length(what: str, proof: Sequence[bytes], expected: int) -> None:
    if len(proof) != expected:
        raise ProofError(
            f"the proof for {what} has {len(proof)} hashes where {expected} are due: ask the log for it again"
        )
    _require_hashes("proof's hash", proof)


def _require_root(what: str, found: bytes, claimed: bytes) -> None:
    if found != claimed:
        raise ProofError(
            f"the proof leads to root {found.hex()} for the {what}, not to {claimed.hex()}: one of them is false"
        )
