"""Places found by what people type: a name, its beginning, its initials, a code; what lies above before it."""

from datetime import date

import pytest

from domain.events.facts import Fact
from domain.fieldwork.regions import Regions
from services.demo_city.places import CITY, COUNTIES
from services.fieldwork.places import find_places, the_place

DAY = date(2024, 12, 31)
BEGUN = date(2023, 1, 1)
NAMED = [
    *((each.code, each.zh) for each in (CITY, *COUNTIES)),
    ("880107001", "澄汀街道"), ("880121001", "澄汀街道"), ("880121100", "高桥镇"),
]  # fmt: skip
REGIONS = Regions(
    Fact(BEGUN, n, 0, "s", str(n), "taizhang.region.created.v1", {"region": code, "name": name}, n, (n,))
    for n, (code, name) in enumerate(NAMED, 1)
)


def meant(words: str) -> str | None:
    place = the_place(find_places(REGIONS, DAY, words), words)
    return None if place is None else place.region


@pytest.mark.parametrize("words", ["高朗区", "高朗", "glq", "GLQ", " 高朗区 ", "880107"])
def test_a_county_is_meant_by_its_name_its_initials_and_its_code(words: str) -> None:
    assert meant(words) == "880107"


def test_a_name_that_two_have_needs_what_lies_above() -> None:
    assert meant("澄汀街道") is None
    assert meant("高朗区 澄汀街道") == "880107001"
    assert meant("qhx 澄汀") == "880121001"


def test_the_higher_one_is_meant_where_names_begin_alike_and_the_exact_one_before_all() -> None:
    assert [each.name for each in find_places(REGIONS, DAY, "高")] == ["高朗区", "高桥镇"]
    assert meant("高") == "880107"
    assert meant("高桥镇") == "880121100"


@pytest.mark.parametrize("words", ["", "  ", "没有这样的地方", "zzz", "%"])
def test_what_means_nothing_finds_nothing(words: str) -> None:
    assert find_places(REGIONS, DAY, words) == []


def test_a_place_is_told_with_those_above_it() -> None:
    (found,) = find_places(REGIONS, DAY, "高朗 澄汀街道")
    assert found.above == ("澜渡市", "高朗区")
