"""The sum tree: what a proof of a region's figures shows, and what it refuses."""

import hashlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tree.sum_tree import (
    COUNT_MAX,
    LEVELS,
    Sibling,
    SumError,
    SumProof,
    SumRow,
    add,
    build,
    prove,
    root_of,
)

WIDTH = 3
CODES = st.sampled_from(["99", "9901", "990101", "990102", "990102001", "990102001001", "990102001002", "9902", "98"])
ROWS = st.lists(
    st.tuples(CODES, st.binary(min_size=32, max_size=32), st.tuples(*[st.integers(0, 1_000)] * WIDTH)),
    max_size=30,
    unique_by=lambda row: row[1],
).map(lambda rows: sorted(SumRow(*row) for row in rows))


@given(ROWS)
def test_every_region_of_every_level_is_proved_and_is_the_sum_of_its_rows(rows: list[SumRow]) -> None:
    regions = build(rows, WIDTH)
    root = regions[0, ""].hash
    for digits in LEVELS:
        for key in {row.region[:digits] for row in rows}:
            due = (0,) * WIDTH
            for row in rows:
                due = add(due, row.counts) if row.region[:digits] == key else due
            proof = prove(regions, digits, key)
            assert proof.counts == due
            assert root_of(proof, WIDTH) == root
    assert len(regions) == 1 + sum(len({row.region[:digits] for row in rows}) for digits in LEVELS[1:]) or not rows


@given(ROWS.filter(bool), st.data())
def test_a_proof_with_anything_changed_leads_elsewhere_or_nowhere(rows: list[SumRow], data: st.DataObject) -> None:
    regions = build(rows, WIDTH)
    digits, key = data.draw(st.sampled_from(sorted(regions)))
    proof = prove(regions, digits, key)
    for forged in (each for each in _forgeries(proof, data) if each != proof):
        try:
            made = root_of(forged, WIDTH)
        except SumError:
            continue
        assert made != regions[0, ""].hash, forged


def _forgeries(proof: SumProof, data: st.DataObject) -> list[SumProof]:
    at = data.draw(st.integers(0, WIDTH - 1))
    by = data.draw(st.sampled_from((1, -1, 1_000)))
    counts = tuple(count + by * (number == at) for number, count in enumerate(proof.counts))
    found = [
        proof._replace(counts=counts),
        proof._replace(inner=bytes(32)),
        proof._replace(counts=proof.counts[:-1]),
        proof._replace(steps=proof.steps[1:]),
        proof._replace(steps=(*proof.steps, ())),
    ]
    if proof.key:
        found.append(proof._replace(key=proof.key[:-1] + ("1" if proof.key[-1] != "1" else "2")))
    for level, siblings in enumerate(proof.steps):
        for number, side in enumerate(siblings):
            others: list[Any] = [
                (),
                (side, side),
                (side._replace(is_left=not side.is_left),),
                (side._replace(node=side.node._replace(counts=add(side.node.counts, (1,) * WIDTH))),),
                (side._replace(node=side.node._replace(first=b"97", last=b"97")),),
            ]
            for other in others:
                changed = (*siblings[:number], *other, *siblings[number + 1 :])
                found.append(proof._replace(steps=(*proof.steps[:level], changed, *proof.steps[level + 1 :])))
    return found


def test_no_count_is_below_nothing_or_above_what_all_readers_hold() -> None:
    name = bytes(32)
    for count in (-1, COUNT_MAX + 1):
        with pytest.raises(SumError, match="is not from 0 to"):
            build([SumRow("99", name, (count,))], 1)
    with pytest.raises(SumError, match="is not from 0 to"):
        build([SumRow("99", name, (COUNT_MAX,)), SumRow("99", b"\1" * 32, (1,))], 1)
    regions = build([SumRow("9901", name, (1,)), SumRow("9902", name, (2,))], 1)
    proof = prove(regions, 4, "9901")
    (side,) = proof.steps[0]
    for count in (-1, COUNT_MAX + 1, COUNT_MAX):
        forged = Sibling(side.is_left, side.node._replace(counts=(count,)))
        with pytest.raises(SumError, match="is not from 0 to"):
            root_of(proof._replace(steps=((forged,), *proof.steps[1:])), 1)


def test_a_row_or_a_region_that_stands_twice_or_out_of_order_makes_no_tree() -> None:
    one, two = SumRow("9901", bytes(32), (1,)), SumRow("9901", b"\1" * 32, (1,))
    for rows in ([one, one], [two, one], [SumRow("9902", bytes(32), (1,)), one], [one, SumRow("98", bytes(32), (1,))]):
        with pytest.raises(SumError):
            build(rows, 1)


def test_a_region_that_has_no_row_has_no_proof() -> None:
    with pytest.raises(SumError, match="no row is in region"):
        prove(build([], WIDTH), 4, "9901")
    assert root_of(prove(build([], WIDTH), 0, ""), WIDTH)


def test_a_node_of_another_level_does_not_pass_for_a_region() -> None:
    """What is shown of a county is its own node: neither a join of several nor the only town in it."""
    rows = [SumRow(f"9901010010{n:02}", bytes([n]) * 32, (n,)) for n in range(1, 5)]
    regions = build(rows, 1)
    root, town = regions[0, ""].hash, prove(regions, 9, "990101001")
    with pytest.raises(SumError):
        root_of(SumProof(6, "990101001", town.inner, town.counts, town.steps[1:]), 1)
    as_county = SumProof(6, "990101", town.inner, town.counts, town.steps[1:])
    assert root_of(as_county, 1) != root


def _h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _numbers(*counts: int) -> bytes:
    return struct.pack(f">H{len(counts)}Q", len(counts), *counts)


def test_every_hash_is_of_the_bytes_that_the_description_of_the_format_says() -> None:
    """evidence-format.md, The sum tree: two rows of one village, and all that is above them."""
    names, counts = (b"\x01" * 32, b"\x02" * 32), ((1, 300), (2**40, 7))
    village, whole = "990101001001", (2**40 + 1, 307)
    made = build([SumRow(village, *each) for each in zip(names, counts, strict=True)], 2)
    rows = [
        _h(b"taizhang/sum/row/1\n", b"\x0c", village.encode(), name, _numbers(*each))
        for name, each in zip(names, counts, strict=True)
    ]
    nodes = [
        hashed + b"\x20" + name + b"\x20" + name + _numbers(*each)
        for hashed, name, each in zip(rows, names, counts, strict=True)
    ]
    inner = _h(b"taizhang/sum/join/1\n", *nodes)
    for digits in (12, 9, 6, 4, 2, 0):
        key = village[:digits].encode()
        assert (made[digits, key.decode()].inner, made[digits, key.decode()].counts) == (inner, whole)
        inner = _h(b"taizhang/sum/region/1\n", bytes([digits, len(key)]), key, inner, _numbers(*whole))
        assert made[digits, key.decode()].hash == inner


def test_both_labels_of_a_sibling_are_regions_of_its_level() -> None:
    rows = [SumRow(f"9901{n:02}001001", bytes([n]) * 32, (n,)) for n in range(1, 4)]
    proof = prove(build(rows, 1), 6, "990101")
    first, *above = proof.steps
    for label in (b"990103001", b"99010x", b"9"):
        wrong = tuple(each._replace(node=each.node._replace(last=label)) for each in first)
        with pytest.raises(SumError, match="no region of 6 digits"):
            root_of(proof._replace(steps=(wrong, *above)), 1)
