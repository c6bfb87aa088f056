"""Proofs against the published vectors, the recursion of RFC 6962, and every way of spoiling them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.merkle import EMPTY_ROOT, Frontier, MerkleError, leaf_hash, node_hash, root
from domain.tree.proofs import (
    ProofError,
    consistency_proof,
    consistency_proof_from_tiles,
    inclusion_proof,
    inclusion_proofs_from_tiles,
    verify_consistency,
    verify_inclusion,
)

VECTOR_LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
#: (leaf index, tree size): audit path; from certificate-transparency's merkle_tree_test.
VECTOR_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
#: (old size, new size): consistency proof; from the same test.
VECTOR_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(b"%d" % number) for number in range(700)]
ROOTS = [root(LEAVES[:size]) for size in range(701)]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def recursive_path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH as RFC 6962 section 2.1.1 defines it."""
    if len(hashes) == 1:
        return []
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if index < split:
        return [*recursive_path(index, hashes[:split]), root(hashes[split:])]
    return [*recursive_path(index - split, hashes[split:]), root(hashes[:split])]


def recursive_subproof(old: int, hashes: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF as RFC 6962 section 2.1.2 defines it."""
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if old <= split:
        return [*recursive_subproof(old, hashes[:split], whole=whole), root(hashes[split:])]
    return [*recursive_subproof(old - split, hashes[split:], whole=False), root(hashes[:split])]


def reader(leaves: list[bytes]) -> Callable[[int, int, int], list[bytes]]:
    stored = {(0, number): value for number, value in enumerate(leaves)}
    stored |= {(level, number): value for level, number, value in Frontier().extend(leaves)}
    return lambda level, start, count: [stored[level, number] for number in range(start, start + count)]


@pytest.mark.parametrize(("at", "path"), VECTOR_INCLUSION.items())
def test_audit_paths_are_those_of_the_vectors(at: tuple[int, int], path: list[str]) -> None:
    index, size = at
    proof = inclusion_proof(VECTOR_LEAVES[:size], index)
    assert [value.hex() for value in proof] == path
    verify_inclusion(VECTOR_LEAVES[index], index, size, proof, root(VECTOR_LEAVES[:size]))


@pytest.mark.parametrize(("at", "path"), VECTOR_CONSISTENCY.items())
def test_consistency_proofs_are_those_of_the_vectors(at: tuple[int, int], path: list[str]) -> None:
    old, new = at
    proof = consistency_proof(VECTOR_LEAVES[:new], old)
    assert [value.hex() for value in proof] == path
    verify_consistency(old, new, proof, root(VECTOR_LEAVES[:old]), root(VECTOR_LEAVES[:new]))


def test_every_inclusion_to_size_64_equals_the_recursion_and_verifies() -> None:
    for size in range(1, 65):
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            assert proof == recursive_path(index, LEAVES[:size])
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_to_size_64_equals_the_recursion_and_verifies() -> None:
    for new in range(1, 65):
        for old in range(new + 1):
            proof = consistency_proof(LEAVES[:new], old)
            assert proof == (recursive_subproof(old, LEAVES[:new]) if old else [])
            verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])


@given(st.integers(1, 300).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_inclusion_to_size_300_equals_the_recursion_and_verifies(at: tuple[int, int]) -> None:
    index, size = at
    proof = inclusion_proof(LEAVES[:size], index)
    assert proof == recursive_path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@given(st.integers(1, 300).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size))))
def test_consistency_to_size_300_equals_the_recursion_and_verifies(at: tuple[int, int]) -> None:
    old, new = at
    proof = consistency_proof(LEAVES[:new], old)
    assert proof == recursive_subproof(old, LEAVES[:new])
    verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])


@given(st.integers(1, 700).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_proofs_from_tiles_equal_those_from_all_leaves(at: tuple[int, int]) -> None:
    index, size = at
    read = reader(LEAVES)
    assert next(inclusion_proofs_from_tiles([index], size, read)) == inclusion_proof(LEAVES[:size], index)
    assert consistency_proof_from_tiles(index, size, read) == consistency_proof(LEAVES[:size], index)


def spoiled(proof: list[bytes], root_hash: bytes) -> list[list[bytes]]:
    """Spoilt copies of a proof, as in transparency-dev/merkle's verify_test."""
    copies = [[*proof, b""], [*proof, root_hash], [b"", *proof], [root_hash, *proof]]
    for at, value in enumerate(proof):
        copies.append([*proof[:at], bytes([value[0] ^ 8]) + value[1:], *proof[at + 1 :]])
        copies.append([*proof[:at], value[:-1], *proof[at + 1 :]])
        copies.append([*proof[:at], value + b"\x00", *proof[at + 1 :]])
    if proof:
        copies.append(proof[:-1])
        copies.append(proof[1:])
    if len(proof) > 1:
        copies.append([proof[0], SOME_HASH, *proof[1:]])
        copies.append(proof[::-1])
    return copies


@given(st.integers(1, 300).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_a_spoilt_inclusion_proof_is_refused(at: tuple[int, int]) -> None:
    index, size = at
    leaf, proof = LEAVES[index], inclusion_proof(LEAVES[:size], index)
    for bad in spoiled(proof, ROOTS[size]):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size, bad, ROOTS[size])
    for other in {index - 1, index + 1, index ^ 2} - {index}:
        with pytest.raises(MerkleError):
            verify_inclusion(leaf, other, size, proof, ROOTS[size])
    for wrong_size in {size * 2, size // 2} - {size}:
        with pytest.raises(MerkleError):
            verify_inclusion(leaf, index, wrong_size, proof, ROOTS[size])
    for bad_root in (EMPTY_ROOT, SOME_HASH, b"", ROOTS[size][:-1]):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, index, size, proof, bad_root)
    for bad_leaf in (b"WrongLeaf", b"", SOME_HASH):
        with pytest.raises(ProofError):
            verify_inclusion(bad_leaf, index, size, proof, ROOTS[size])


@given(st.integers(2, 300).flatmap(lambda size: st.tuples(st.integers(1, size - 1), st.just(size))))
def test_a_spoilt_consistency_proof_is_refused(at: tuple[int, int]) -> None:
    old, new = at
    proof = consistency_proof(LEAVES[:new], old)
    for bad in spoiled(proof, ROOTS[new]):
        with pytest.raises(ProofError):
            verify_consistency(old, new, bad, ROOTS[old], ROOTS[new])
    for bad_root in (EMPTY_ROOT, SOME_HASH, b""):
        with pytest.raises(ProofError):
            verify_consistency(old, new, proof, bad_root, ROOTS[new])
        with pytest.raises(ProofError):
            verify_consistency(old, new, proof, ROOTS[old], bad_root)
    with pytest.raises(ProofError):
        verify_consistency(old, new, proof, ROOTS[new], ROOTS[old])


def test_a_proof_from_size_0_is_empty_and_its_root_is_the_hash_of_nothing() -> None:
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    verify_consistency(0, 5, [], EMPTY_ROOT, ROOTS[5])
    with pytest.raises(ProofError, match="has 1 hashes where 0 are due"):
        verify_consistency(0, 5, [SOME_HASH], EMPTY_ROOT, ROOTS[5])
    with pytest.raises(ProofError):
        verify_consistency(0, 5, [], ROOTS[5], ROOTS[5])
    with pytest.raises(ProofError):
        verify_consistency(0, 0, [], EMPTY_ROOT, ROOTS[5])


def test_between_equal_sizes_the_roots_are_equal_and_the_proof_empty() -> None:
    verify_consistency(5, 5, [], ROOTS[5], ROOTS[5])
    with pytest.raises(ProofError):
        verify_consistency(5, 5, [], ROOTS[5], SOME_HASH)
    with pytest.raises(ProofError):
        verify_consistency(5, 5, [SOME_HASH], ROOTS[5], ROOTS[5])


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5), (1, 0), (0, -1)])
def test_sizes_out_of_order_are_refused(old: int, new: int) -> None:
    with pytest.raises(MerkleError, match="no consistency proof leads from"):
        verify_consistency(old, new, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (-1, 5), (2, 1)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(MerkleError, match=f"leaf index {index} is not in a tree of {size}"):
        verify_inclusion(SOME_HASH, index, size, [], SOME_HASH)


def test_a_leaf_cannot_be_passed_off_as_a_node() -> None:
    with pytest.raises(ProofError):
        verify_inclusion(node_hash(LEAVES[0], LEAVES[1]), 0, 2, [LEAVES[1]], ROOTS[3])


def test_a_hash_of_another_length_is_refused_by_its_name() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(3)]
    whole, cut = root(leaves), root(leaves)[:-1]
    with pytest.raises(ProofError, match=r"the root hash .* has 31 bytes"):
        verify_inclusion(leaves[0], 0, 3, inclusion_proof(leaves, 0), cut)
    with pytest.raises(ProofError, match=r"the leaf hash .* has 31 bytes"):
        verify_inclusion(leaves[0][:-1], 0, 3, inclusion_proof(leaves, 0), whole)
    for roots in ((root(leaves[:2])[:-1], whole), (root(leaves[:2]), cut)):
        with pytest.raises(ProofError, match=r"the root hash .* has 31 bytes"):
            verify_consistency(2, 3, consistency_proof(leaves, 2), *roots)
