"""Tile paths and entry bundles (C2SP tlog-tiles)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.log.tiles import Tile, TileError, decode_bundle, encode_bundle, split_hashes, tiles_of_level


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),  # the specification's example
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(3, 1000), "tile/3/x001/000"),
        (Tile(63, 5, 1), "tile/63/005.p/1"),
        (Tile(1, 273, 255), "tile/1/273.p/255"),
        (Tile(None, 1_234_067), "tile/entries/x001/x234/067"),
        (Tile(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_paths_are_these(tile: Tile, path: str) -> None:
    assert tile.path() == path
    assert Tile.parse(path) == tile


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**15), st.integers(1, 256))
def test_any_path_reads_back(level: int | None, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert Tile.parse(tile.path()) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/1",
        "tile/0/0001",
        "tile/0/01",
        "tile/00/001",
        "tile/01/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/0/-01",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/X001/002",
        "tile/0/x001/x002",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001/",
        "/tile/0/001",
        "tile//001",
        "tile/entry/001",
        "tile/0/٠٠١",
        "tile/0/001\n",
        "tile/0/../001",
        "tile/0/x001/x001/x001/x001/x001/x001/001",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(TileError):
        Tile.parse(path)


def test_a_tree_of_70000_has_the_tiles_of_the_specification_s_example() -> None:
    leaves = tiles_of_level(0, 70_000)
    assert len(leaves) == 274
    assert leaves[-1] == Tile(0, 273, 112)
    assert tiles_of_level(1, 70_000) == [Tile(1, 0), Tile(1, 1, 17)]
    assert tiles_of_level(2, 70_000) == [Tile(2, 0, 1)]
    assert tiles_of_level(3, 70_000) == []
    assert tiles_of_level(0, 256) == [Tile(0, 0)]
    assert tiles_of_level(1, 256) == [Tile(1, 0, 1)]


def test_a_tile_exists_from_the_size_that_completes_it() -> None:
    assert Tile(0, 1).exists_at(512)
    assert not Tile(0, 1).exists_at(511)
    assert Tile(0, 1, 255).exists_at(511)
    assert Tile(1, 0, 2).exists_at(512)
    assert not Tile(1, 0, 2).exists_at(511)
    assert Tile(None, 0, 3).exists_at(3)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


def test_a_bundle_is_lengths_in_two_bytes_and_entries() -> None:
    assert encode_bundle([b"ab", b"", b"x" * 256]) == b"\x00\x02ab\x00\x00\x01\x00" + b"x" * 256


@pytest.mark.parametrize("spoilt", [b"\x00\x02a", b"\x00", b"\x00\x01a\x00", b"\x00\x01a\x00\x01b", b""])
def test_a_bundle_that_is_cut_or_too_long_is_refused(spoilt: bytes) -> None:
    with pytest.raises(TileError):
        decode_bundle(spoilt, 1)


def test_an_entry_too_long_for_its_length_is_refused() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535]), 1) == [b"x" * 65_535]
    with pytest.raises(TileError, match="65536 bytes does not fit"):
        encode_bundle([b"x" * 65_536])


@pytest.mark.parametrize("size", [0, 31, 33, 63, 65])
def test_a_tile_of_another_width_is_refused(size: int) -> None:
    assert split_hashes(bytes(64), 2) == [bytes(32)] * 2
    with pytest.raises(TileError, match=f"has {size} bytes"):
        split_hashes(bytes(size), 2)
