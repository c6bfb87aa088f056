"""The sum tree: rows in the order (region, organization), every node with the sums of the counts below it.

Rows stand in regions of 12 digits, these in regions of 9, and so on up to the whole; within each the children are
joined in pairs (in the shape of RFC 6962). A region's figures are its node's counts, and the way up shows them to be
all: every join adds up, and every range of labels lies behind the one before it, so that a region stands once.

Byte by byte: services/evidence/evidence-format.md.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from domain.tree.merkle import EMPTY_ROOT, HASH_BYTES, MerkleError

#: Digits of the regions of each level, from the top; 0 is the whole (spec/domain.md, Rates: `region:N`).
LEVELS: Final = (0, 2, 4, 6, 9, 12)
#: The largest that any count or sum may be: what JSON and every reader's integers hold exactly.
COUNT_MAX: Final = 2**53 - 1
NAME_BYTES: Final = 32
#: A region's children, and those of any join, are halved so often at most; far above any tree.
STEPS_MAX: Final = 64

_ROW: Final = b"taizhang/sum/row/1\n"
_JOIN: Final = b"taizhang/sum/join/1\n"
_REGION: Final = b"taizhang/sum/region/1\n"
Counts = tuple[int, ...]


class SumError(MerkleError):
    """Counts, rows or a proof break a rule of the sum tree."""


class SumNode(NamedTuple):
    """A node: its hash, the counts summed below it, and the first and the last label below it."""

    hash: bytes
    counts: Counts
    first: bytes
    last: bytes


class SumRow(NamedTuple):
    """One row: its region's code, the organization's blinded name, its counts."""

    region: str
    name: bytes
    counts: Counts


class RegionNode(NamedTuple):
    """What is kept of a region: the hash of all that is in it, its own hash, its counts."""

    inner: bytes
    hash: bytes
    counts: Counts

    @classmethod
    def of(cls, digits: int, key: str, inner: bytes, counts: Counts) -> "RegionNode":
        """The node of a region, from what is in it."""
        hashed = _hash(_REGION, bytes([digits]), _label(key.encode()), inner, _numbers(counts))
        return cls(inner, hashed, counts)


class Sibling(NamedTuple):
    """A node beside the way up, on its left or its right."""

    is_left: bool
    node: SumNode


class SumProof(NamedTuple):
    """One region's figures: its inner hash and counts, and on each level from its own up the siblings, nearest first.

    The whole (0 digits, no key) has no siblings at all.
    """

    digits: int
    key: str
    inner: bytes
    counts: Counts
    steps: tuple[tuple[Sibling, ...], ...]


Regions = Mapping[tuple[int, str], RegionNode]


def row_hash(row: SumRow) -> bytes:
    """Hash of one row."""
    return _hash(_ROW, _label(row.region.encode()), row.name, _numbers(checked(row.counts)))


def join(left: SumNode, right: SumNode) -> SumNode:
    """The node over two neighbours; SumError where they are not in order, or their sums too large."""
    if not left.last < right.first:
        raise SumError(f"{left.last!r} does not stand before {right.first!r}: labels ascend, each once")
    hashed = _hash(_JOIN, _encoded(left), _encoded(right))
    return SumNode(hashed, add(left.counts, right.counts), left.first, right.last)


def add(left: Counts, right: Counts) -> Counts:
    """The sums; SumError where one of them is above COUNT_MAX, or there are not as many on both sides."""
    return checked([a + b for a, b in zip(left, right, strict=True)])


def checked(counts: Sequence[int]) -> Counts:
    """Counts that may stand in the tree: none below 0, none above COUNT_MAX."""
    for count in counts:
        if not 0 <= count <= COUNT_MAX:
            raise SumError(f"a count of {count} is not from 0 to {COUNT_MAX}")
    return tuple(counts)


def build(rows: Iterable[SumRow], width: int) -> dict[tuple[int, str], RegionNode]:
    """The nodes of all regions by digits and key, that of the whole under (0, "").

    Args:
        rows: in order of region, then of name, each once.
        width: how many counts each has; those of the whole where there is no row.
    """
    found: dict[tuple[int, str], RegionNode] = {}
    nodes: Iterator[tuple[str, SumNode]] = (
        (row.region, SumNode(row_hash(row), row.counts, row.name, row.name)) for row in rows
    )
    for digits in reversed(LEVELS):
        nodes = _closed(nodes, digits, found)
    for _ in nodes:  # each level draws on the one below
        pass
    if not found:
        found[0, ""] = RegionNode.of(0, "", EMPTY_ROOT, (0,) * width)
    return found


def _closed(
    nodes: Iterable[tuple[str, SumNode]], digits: int, found: dict[tuple[int, str], RegionNode]
) -> Iterator[tuple[str, SumNode]]:
    """The regions of one level over the nodes of the level below, which come with their regions' codes."""
    before: str | None = None
    for key, group in groupby(nodes, lambda each: each[0][:digits]):
        if before is not None and not before < key:
            raise SumError(f"region {key!r} comes behind {before!r}: rows stand in order of region, then of name")
        before = key
        whole = joined([node for _, node in group])
        closed = RegionNode.of(digits, key, whole.hash, whole.counts)
        found[digits, key] = closed
        yield key, _as_node(key, closed)


def _as_node(key: str, region: RegionNode) -> SumNode:
    return SumNode(region.hash, region.counts, key.encode(), key.encode())


def joined(nodes: Sequence[SumNode]) -> SumNode:
    """The node over neighbours, of which there is at least one, in the shape of RFC 6962 section 2.1."""
    if len(nodes) == 1:
        return nodes[0]
    middle = _split(len(nodes))
    return join(joined(nodes[:middle]), joined(nodes[middle:]))


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def parent(digits: int, key: str) -> tuple[int, str]:
    """The region that one is in, on the level above."""
    above = LEVELS[LEVELS.index(digits) - 1]
    return above, key[:above]


def prove(regions: Regions, digits: int, key: str) -> SumProof:
    """The proof of one region's figures, from the nodes of the regions.

    Raises:
        SumError: there is no such region.
    """
    own = regions.get((digits, key))
    if own is None:
        raise SumError(f"no row is in region {key!r} of {digits} digits")
    steps = []
    at = (digits, key)
    while at[0]:
        above = parent(*at)
        beside = sorted(other for n, other in regions if n == at[0] and parent(n, other) == above)
        nodes = [_as_node(other, regions[at[0], other]) for other in beside]
        steps.append(tuple(_siblings(nodes, beside.index(at[1]))))
        at = above
    return SumProof(digits, key, own.inner, own.counts, tuple(steps))


def _siblings(nodes: Sequence[SumNode], index: int) -> list[Sibling]:
    if len(nodes) == 1:
        return []
    middle = _split(len(nodes))
    if index < middle:
        return [*_siblings(nodes[:middle], index), Sibling(is_left=False, node=joined(nodes[middle:]))]
    return [*_siblings(nodes[middle:], index - middle), Sibling(is_left=True, node=joined(nodes[:middle]))]


def root_of(proof: SumProof, width: int) -> bytes:
    """The root to which a proof leads; SumError where it breaks a rule of the tree.

    Args:
        proof: to be checked; that its root is the one that was stated is for the caller.
        width: how many counts each node has.
    """
    digits, key, inner, counts, steps = proof
    if digits not in LEVELS or len(steps) != LEVELS.index(digits):
        raise SumError(f"a region of {digits} digits does not stand under {len(steps)} levels")
    _check_key(digits, key.encode())
    for level in steps:
        node = _as_node(key, RegionNode.of(digits, key, _of_hash(inner), _of_width(counts, width)))
        if len(level) > STEPS_MAX:
            raise SumError(f"{len(level)} siblings on one level: at most {STEPS_MAX}")
        for side in level:
            _check_sibling(side.node, digits, width)
            node = join(side.node, node) if side.is_left else join(node, side.node)
        digits, above = parent(digits, key)
        if not node.first.startswith(above.encode()) or not node.last.startswith(above.encode()):
            raise SumError(f"{node.first!r} to {node.last!r} is not within region {above!r}")
        key, inner, counts = above, node.hash, node.counts
    return RegionNode.of(digits, key, _of_hash(inner), _of_width(counts, width)).hash


def _check_sibling(node: SumNode, digits: int, width: int) -> None:
    _of_hash(node.hash)
    _of_width(node.counts, width)
    _check_key(digits, node.first)
    _check_key(digits, node.last)
    if node.first > node.last:
        raise SumError(f"{node.first!r} to {node.last!r} is no range")


def _check_key(digits: int, key: bytes) -> None:
    """A code shorter than its level's digits stands under itself (spec/domain.md, Dimensions)."""
    shortest = min(digits, 2)
    if not shortest <= len(key) <= digits or not all(0x30 <= each <= 0x39 for each in key):
        raise SumError(f"{key!r} is no region of {digits} digits")


def _of_hash(value: bytes) -> bytes:
    if len(value) != HASH_BYTES:
        raise SumError(f"a hash has {HASH_BYTES} bytes, not {len(value)}")
    return value


def _of_width(counts: Counts, width: int) -> Counts:
    if len(counts) != width:
        raise SumError(f"{len(counts)} counts where {width} are due")
    return checked(counts)


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _label(label: bytes) -> bytes:
    return bytes([len(label)]) + label


def _numbers(counts: Counts) -> bytes:
    return len(counts).to_bytes(2, "big") + b"".join(count.to_bytes(8, "big") for count in counts)


def _encoded(node: SumNode) -> bytes:
    return node.hash + _label(node.first) + _label(node.last) + _numbers(node.counts)
