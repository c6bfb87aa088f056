"""The trees in files beside the data: what a proof is made from, once they were folded from the log.

They can be lost, and are then folded anew; nothing of them is believed that does not lead to the roots that the log
states.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

import orjson

from domain.tree.entity_map import Leaf, blinded, leaf_hash, verify
from domain.tree.merkle import HASH_BYTES, MerkleError
from domain.tree.proofs import shared_proof_from_tiles
from domain.tree.sum_tree import RegionNode, SumError, SumProof, prove, root_of
from services.evidence.copies.stored import StoredLog
from services.evidence.roots.refold import Trees, refold
from services.evidence.roots.stated import Stated
from services.system.errors import NotReadyError

TREES: Final = "trees.json"
LEAVES: Final = "map"
_LEAF_BYTES: Final = 3 * HASH_BYTES


#: A large log takes longer.
RETRY_AFTER_S: Final = 10


class Kept(NamedTuple):
    """The trees of one pair of clocks, as their files hold them."""

    folder: Path
    regions: dict[tuple[int, str], RegionNode]
    tile_roots: dict[int, list[bytes]]


def folder_of(roots: Path, as_of: date, known_at: int) -> Path:
    """Where the trees of a pair of clocks are."""
    return roots / f"{known_at}-{as_of.isoformat()}"


def fold_into(
    roots: Path, log: StoredLog, as_of: date, known_at: int, progress: Callable[[int], None] = lambda _: None
) -> Trees:
    """Fold a log's trees and keep them, whole or not at all."""
    roots.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(roots) as draft:
        with (draft / LEAVES).open("wb") as leaves:
            trees = refold(log, as_of, known_at, leaves, progress=progress, scratch=draft)
        regions = [(digits, key, node.inner.hex(), node.counts) for (digits, key), node in trees.regions.items()]
        tiles = [(level, value.hex()) for level, _, value in trees.tile_roots]
        (draft / TREES).write_bytes(orjson.dumps({"regions": regions, "tile_roots": tiles}))
        place = folder_of(roots, as_of, known_at)
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    return trees


@contextmanager
def _draft(roots: Path) -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="draft-", dir=roots))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=2)
def _read(folder: Path, _changed_ns: int) -> Kept:
    content = orjson.loads((folder / TREES).read_bytes())
    regions = {}
    for digits, key, inner, counts in content["regions"]:
        regions[digits, key] = RegionNode.of(digits, key, bytes.fromhex(inner), tuple(counts))
    tiles: dict[int, list[bytes]] = {}
    for level, value in content["tile_roots"]:
        tiles.setdefault(level, []).append(bytes.fromhex(value))
    return Kept(folder, regions, tiles)


def kept(roots: Path, stated: Stated) -> Kept:
    """The trees that the log states the roots of.

    Raises:
        NotReadyError: they are not here.
    """
    folder = folder_of(roots, stated.as_of, stated.known_at)
    try:
        return _read(folder, (folder / TREES).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise NotReadyError(
            f"the trees of position {stated.known_at} and {stated.as_of} are not in {folder} ({type(fault).__name__}): "
            "they are folded anew from the log; ask again, or run taizhang prove --commit",
            RETRY_AFTER_S,
        ) from None


def prove_figure(trees: Kept, stated: Stated, digits: int, key: str) -> SumProof:
    """The proof of a region's figures, checked against the root that the log states.

    Raises:
        SumError: no row is in the region.
        NotReadyError: what is kept leads elsewhere.
    """
    proof = prove(trees.regions, digits, key)
    try:
        made = root_of(proof, stated.width)
    except SumError:
        made = b""
    if made != stated.sums:
        raise _wrong(trees.folder)
    return proof


class Shown(NamedTuple):
    """What of a map leads from some entities' leaves to its root.

    Attributes:
        places: by entity the place of its leaf, from 0, or of those around the place where it would stand.
        leaves: these leaves by place.
        others: by place the second half of what an organization's leaf is made of.
        proof: the hashes (domain.tree.proofs.shared_ranges).
    """

    places: dict[str, list[int]]
    leaves: dict[int, Leaf]
    others: dict[int, bytes]
    proof: list[bytes]


def prove_entities(trees: Kept, stated: Stated, entities: Sequence[str]) -> Shown:
    """Of each entity the leaf that shows its events to be all, or the leaves around its place where it has none.

    Raises:
        NotReadyError: what is kept is not the map whose root the log states.
    """
    size = stated.map.size
    with (trees.folder / LEAVES).open("rb") as file:

        def record(index: int) -> bytes:
            file.seek(index * _LEAF_BYTES)
            return file.read(_LEAF_BYTES)

        def leaf(index: int) -> Leaf:
            read = record(index)
            return Leaf(read[:HASH_BYTES], read[HASH_BYTES : 2 * HASH_BYTES])

        def read(level: int, start: int, count: int) -> Sequence[bytes]:
            if level:
                return trees.tile_roots.get(level, [])[start : start + count]
            return [leaf_hash(leaf(index)) for index in range(start, min(start + count, size))]

        try:
            places = {each: _around(blinded(stated.map.salt, each), size, leaf) for each in entities}
            wanted = sorted({index for indexes in places.values() for index in indexes})
            proof = shared_proof_from_tiles(wanted, size, read)
            leaves = {index: leaf(index) for index in wanted}
            verify(stated.map, leaves, proof)
        except (MerkleError, OSError):
            raise _wrong(trees.folder) from None
        return Shown(places, leaves, {index: record(index)[2 * HASH_BYTES :] for index in wanted}, proof)


def _around(name: bytes, size: int, leaf: Callable[[int], Leaf]) -> list[int]:
    """The index of the leaf of a name, or of those before and behind its place."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if leaf(middle).name < name:
            low = middle + 1
        else:
            high = middle
    if low < size and leaf(low).name == name:
        return [low]
    return [index for index in (low - 1, low) if 0 <= index < size]


def _wrong(folder: Path) -> NotReadyError:
    """What does not hold is taken away, so that it is folded anew."""
    (folder / TREES).unlink(missing_ok=True)
    return NotReadyError(
        f"what was kept in {folder} does not lead to the roots that the log states: it is folded anew from the log; "
        "where that comes out the same, run taizhang verify",
        RETRY_AFTER_S,
    )
