"""Outlines: what may be brought, and that a map of them is whole, north up, with neighbours that touch."""

import json
from datetime import date
from pathlib import Path

import orjson
import pytest

from api.site.maps import by_gap, by_rate, outlined, tiles
from services.demo_city.outlines import outlines
from services.demo_city.places import COUNTIES
from services.fieldwork.outlines import KnownOutlines, read_outlines
from services.system.errors import InvalidValueError

DAY = date(2024, 1, 1)
CODES = [county.code for county in COUNTIES]


def square(code: object, west: float, north: float, **other: object) -> dict[str, object]:
    ring = [[west, north], [west + 1, north], [west + 1, north - 1], [west, north - 1], [west, north]]
    return {
        "type": "Feature",
        "properties": {"region": code, **other},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def collection(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_the_demo_s_city_is_drawn_whole() -> None:
    found = read_outlines(DAY, orjson.dumps(outlines()))
    shapes = outlined(found.of, CODES)
    assert shapes is not None
    assert set(shapes.of) == set(CODES)
    for shape in shapes.of.values():
        assert 0 < shape.at[0] < shapes.width
        assert 0 < shape.at[1] < shapes.height
        assert shape.path.startswith("M")
        assert shape.path.endswith("z")


def test_neighbours_share_the_points_of_their_border() -> None:
    of = read_outlines(DAY, orjson.dumps(outlines())).of
    left, right = (set(of[code][0]) for code in CODES[:2])
    assert len(left & right) == 6


def test_north_is_up_and_a_degree_east_is_shorter_than_one_north() -> None:
    of = read_outlines(
        DAY, collection(square("880101", 100, 61), square("880102", 100, 60), square("880103", 101, 60))
    ).of
    shapes = outlined(of, ["880101", "880102", "880103"])
    assert shapes is not None
    north, south, east = (shapes.of[code].at for code in ("880101", "880102", "880103"))
    assert north[1] < south[1]
    assert east[0] > south[0]
    assert (east[0] - south[0]) / (south[1] - north[1]) == pytest.approx(0.5, abs=0.02)


def test_a_region_without_an_outline_makes_tiles_of_all() -> None:
    assert outlined(read_outlines(DAY, collection(square("880101", 100, 30))).of, ["880101", "880102"]) is None
    made = tiles(CODES)
    assert len({shape.at for shape in made.of.values()}) == len(CODES)


def test_padded_codes_mean_the_division_that_they_pad() -> None:
    assert set(read_outlines(DAY, collection(square("880107000000", 100, 30), square(880100, 102, 30))).of) == {
        "880107",
        "8801",
    }


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{}", "FeatureCollection"),
        (b"no json", "FeatureCollection"),
        (collection(), "1 to"),
        (collection(square("88x", 1, 1)), "feature 0"),
        (collection(square("880101", 1, 1), {"type": "Feature"}), "feature 1"),
        (collection({**square("880101", 1, 1), "geometry": {"type": "Point", "coordinates": [1, 1]}}), "feature 0"),
        (collection(square("880101", 400_000, 3_300_000)), "longitude and latitude"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_says_where(raw: bytes, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        read_outlines(DAY, raw)


def test_the_file_that_holds_on_the_date_is_taken_and_its_digest_told(tmp_path: Path) -> None:
    known = KnownOutlines(tmp_path / "outlines")
    assert known.at(DAY) is None
    first = known.bring(date(2023, 1, 1), collection(square("880101", 100, 30)))
    second = known.bring(DAY, collection(square("880101", 101, 30)))
    assert (known.at(date(2023, 6, 1)), known.at(DAY), known.at(date(2022, 1, 1))) == (first, second, first)
    assert first.sha256 != second.sha256
    again = known.bring(DAY, collection(square("880101", 102, 30)))
    assert known.at(date(2199, 1, 1)) == again


def test_shades_are_the_darker_the_further() -> None:
    assert [by_gap(each) for each in (None, 0.0, 4.9, 12.0, 99.0, -0.01, -7.0)] == [
        "none", "over-1", "over-1", "over-3", "over-4", "under-1", "under-2",
    ]  # fmt: skip
    assert [by_rate(each, 0.0, 0.8) for each in (None, 0.0, 0.4, 0.8)] == ["none", "rate-1", "rate-5", "rate-8"]
