"""The tree against the published vectors and against RFC 6962's own recursion.

Vectors: github.com/google/certificate-transparency, and the same in transparency-dev/merkle (testonly/constants.go,
rfc6962_test.go and the golden roots of compact/range_test.go).
"""

import base64
import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tree.merkle import (
    EMPTY_ROOT,
    Frontier,
    MerkleError,
    TileRoot,
    frontier_from_tiles,
    leaf_hash,
    node_hash,
    root,
    root_from_tiles,
)

VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
#: Leaf i is its number in two bytes, little-endian.
GOLDEN_ROOTS = {
    10: "VjWMPSYNtCuCNlF/RLnQy6HcwSk6CIipfxm+hettA+4=",
    15: "j4SulYmocFuxdeyp12xXCIgK6PekBcxzAIj4zbQzNEI=",
    16: "c+4Uc6BCMOZf/v3NZK1kqTUJe+bBoFtOhP+P3SayKRE=",
    100: "dUh9hYH88p0CMoHkdr1wC2szbhcLAXOejWpINIooKUY=",
    255: "SmdsuKUqiod3RX2jyF2M6JnbdE4QuTwwipfAowI4/i0=",
}
LEAVES = [leaf_hash(number.to_bytes(2, "little")) for number in range(301)]


def recursive_root(hashes: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


def read_tiles(leaves: list[bytes], rows: list[TileRoot]) -> "Reader":
    return Reader({(0, number): value for number, value in enumerate(leaves)} | {(at[0], at[1]): at[2] for at in rows})


class Reader:
    """Tile levels held in memory, counting the reads."""

    def __init__(self, stored: dict[tuple[int, int], bytes]) -> None:
        self.stored, self.reads = stored, 0

    def __call__(self, level: int, start: int, count: int) -> list[bytes]:
        self.reads += 1
        return [self.stored[level, number] for number in range(start, start + count)]


def test_hashes_are_those_of_the_published_vectors() -> None:
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert leaf_hash(b"").hex() == VECTOR_ROOTS[1]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_certificate_transparency_vectors(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in VECTOR_LEAVES[:size]]
    frontier = Frontier()
    frontier.extend(hashes)
    assert root(hashes).hex() == frontier.root().hex() == VECTOR_ROOTS[size]


@pytest.mark.parametrize(("size", "golden"), GOLDEN_ROOTS.items())
def test_roots_of_larger_trees_are_the_golden_ones(size: int, golden: str) -> None:
    assert root(LEAVES[:size]) == base64.b64decode(golden)


def test_every_size_to_300_has_the_root_of_the_recursive_definition() -> None:
    frontier = Frontier()
    for size in range(301):
        expected = recursive_root(LEAVES[:size])
        assert frontier.size == size
        assert frontier.root() == root(LEAVES[:size]) == expected
        frontier.append(LEAVES[size])


@given(st.lists(st.integers(0, 700), max_size=6))
def test_appending_in_any_batches_gives_one_frontier_and_one_set_of_tiles(cuts: list[int]) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(700)]
    whole, parts = Frontier(), Frontier()
    rows = whole.extend(leaves)
    bounds = [0, *sorted(cuts), 700]
    found = [row for low, high in pairwise(bounds) for row in parts.extend(leaves[low:high])]
    assert parts == whole
    assert found == rows == [(1, 0, root(leaves[:256])), (1, 1, root(leaves[256:512]))]


def test_the_second_tile_level_closes_after_65536_leaves() -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(65_536)]
    rows = Frontier().extend(leaves)
    assert len(rows) == 257
    assert rows[-1] == (2, 0, root(leaves))
    assert rows[-2][:2] == (1, 255)


@settings(max_examples=40)
@given(st.integers(0, 70_000))
def test_root_and_frontier_come_from_tiles_in_few_reads(size: int) -> None:
    read = Reader(STORED)
    expected = Frontier()
    expected.extend(MANY[:size])
    assert frontier_from_tiles(size, read) == expected
    assert read.reads == size.bit_count()
    assert root_from_tiles(size, read) == expected.root()


MANY = [leaf_hash(b"%d" % number) for number in range(70_000)]
STORED = read_tiles(MANY, Frontier().extend(MANY)).stored


def test_a_store_that_gives_too_few_hashes_is_refused() -> None:
    with pytest.raises(MerkleError, match="level 0 gave 3 hashes from 0 on where 4 are due"):
        root_from_tiles(4, lambda _level, _start, count: [EMPTY_ROOT] * (count - 1))


@given(st.integers(0, 300))
def test_a_frontier_survives_being_written_and_read(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    read = Frontier.from_bytes(frontier.to_bytes())
    assert read == frontier
    assert read.append(LEAVES[0]) == frontier.append(LEAVES[0])
    assert read.root() == frontier.root()


@pytest.mark.parametrize("cut", [0, 7, 8, 39, 41])
def test_a_cut_frontier_is_refused(cut: int) -> None:
    with pytest.raises(MerkleError, match="rebuild it from the stored leaf hashes"):
        Frontier.from_bytes((Frontier(1, [EMPTY_ROOT]).to_bytes() + b"\x00")[:cut])


@pytest.mark.parametrize(("size", "roots"), [(3, [EMPTY_ROOT]), (1, []), (1, [b"short"]), (-1, [EMPTY_ROOT])])
def test_roots_that_do_not_fit_the_size_are_refused(size: int, roots: list[bytes]) -> None:
    with pytest.raises(MerkleError):
        Frontier(size, roots)
