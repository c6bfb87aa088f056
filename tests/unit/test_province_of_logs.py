"""What becomes of a province's total where a city is late, says more than one thing, changes its key, or splits.

Each city has a log with real trees, and each file is checked as the service checks it.
"""

from datetime import date
from pathlib import Path

import pytest

from services.evidence.notes.notes import SignatureType, SignerKey
from services.province.checking import UnshownError
from tests.provincial import Province, SmallCity

pytestmark = pytest.mark.long

MARCH, APRIL = date(2024, 3, 1), date(2024, 4, 1)
SOON, LATE = date(2024, 3, 5), date(2024, 4, 12)


@pytest.fixture
def cities(tmp_path: Path) -> list[SmallCity]:
    return [SmallCity(n, tmp_path, 9 + n) for n in (1, 2)]


@pytest.fixture
def province(cities: list[SmallCity]) -> Province:
    """Asked for two months; one city has 10 organizations, the other 11, whose report of March is taken."""
    made = Province()
    for city in cities:
        made.join(city)
    made.ask(MARCH)
    made.ask(APRIL, "2024-04-10")
    made.take(cities[1], cities[1].file(cities[1].seal(as_of=MARCH)), SOON)
    return made


def states(one: str, other: str = "counted") -> dict[str, str]:
    return {"city:c1": one, "city:c2": other}


def test_a_city_offline_for_a_month_is_a_gap_until_its_reports_come_both_at_once(
    province: Province, cities: list[SmallCity]
) -> None:
    city = cities[0]
    assert province.registered(MARCH, SOON) == (states("missing"), 11)
    assert province.registered(MARCH, LATE) == (states("missing, late"), 11)
    before = len(province.events)
    march = city.seal("assessment:march", as_of=MARCH)
    city.grow(5)
    april = city.seal("assessment:april", as_of=APRIL)
    # Both files are made of one head, when the city is there again; the later month comes first.
    for sealed in (april, march):
        province.take(city, city.file(sealed), LATE)
    assert province.registered(MARCH, LATE) == (states("counted, late"), 10 + 11)
    assert province.registered(APRIL, LATE) == (states("counted, late", "missing, late"), 15)
    # What it said then it says still.
    assert province.registered(MARCH, LATE, before) == (states("missing, late"), 11)


def test_of_a_report_superseded_twice_the_last_one_is_added(province: Province, cities: list[SmallCity]) -> None:
    city, said = cities[0], list[int]()
    before: list[int] = []
    for name, supersedes in (("a", None), ("b", "assessment:a"), ("c", "assessment:b")):
        sealed = city.seal(f"assessment:{name}", supersedes, as_of=MARCH)
        province.take(city, city.file(sealed, *before), SOON)
        before = [city.head.size]
        said.append(len(province.events))
        city.grow(3)
    assert [province.registered(MARCH, SOON, at) for at in said] == [
        (states("counted"), count + 11) for count in (10, 13, 16)
    ]
    assert province.sum(MARCH, SOON).cities[0].superseded == ("assessment:a", "assessment:b")


def test_of_a_chain_whose_middle_never_came_neither_end_is_added(province: Province, cities: list[SmallCity]) -> None:
    city = cities[0]
    province.take(city, city.file(city.seal("assessment:a", as_of=MARCH)), SOON)
    before = city.head.size
    city.seal("assessment:b", "assessment:a", as_of=MARCH)
    city.grow(3)
    province.take(city, city.file(city.seal("assessment:c", "assessment:b", as_of=MARCH), before), SOON)
    assert province.registered(MARCH, SOON) == (states("contradicting"), 11)


def test_of_two_reports_for_one_date_that_differ_neither_is_added(province: Province, cities: list[SmallCity]) -> None:
    city = cities[0]
    province.take(city, city.file(city.seal("assessment:a", as_of=MARCH)), SOON)
    before = city.head.size
    city.grow(3)
    province.take(city, city.file(city.seal("assessment:b", as_of=MARCH), before), SOON)
    assert province.registered(MARCH, SOON) == (states("contradicting"), 11)
    assert "neither supersedes the other" in province.sum(MARCH, SOON).cities[0].words


def test_a_key_rotated_between_two_reports_counts_once_the_province_was_told(
    province: Province, cities: list[SmallCity]
) -> None:
    city = cities[0]
    province.take(city, city.file(city.seal("assessment:march", as_of=MARCH)), SOON)
    before, old = city.head.size, city.file(city.seal("assessment:old", as_of=APRIL), city.head.size)
    city.log.key = SignerKey(city.log.key.name, SignatureType.ED25519, bytes(range(32)))
    city.grow(3)
    new = city.file(city.seal("assessment:april", as_of=APRIL), before)
    with pytest.raises(UnshownError, match="changed its key"):
        province.take(city, new, LATE)
    assert province.registered(APRIL, LATE) == (states("missing, late", "missing, late"), 0)
    province.say("city.changed", "2024-04-02", city=city.name, key=str(city.log.key.verifier))
    # What the old key signed is nothing that the new one says, whoever holds the old one now.
    with pytest.raises(UnshownError, match="changed its key"):
        province.take(city, old, LATE)
    province.take(city, new, LATE)
    assert province.registered(APRIL, LATE) == (states("counted, late", "missing, late"), 13)
    assert province.registered(MARCH, LATE) == (states("counted"), 10 + 11)


def test_a_city_that_split_reports_as_itself_before_and_as_two_after(
    province: Province, cities: list[SmallCity], tmp_path: Path
) -> None:
    city = cities[0]
    march = city.file(city.seal("assessment:march", as_of=MARCH))
    parts = [SmallCity(n, tmp_path, groups) for n, groups in ((3, 6), (4, 4))]
    province.take(city, march, SOON)
    province.say("city.left", "2024-03-15", city=city.name, reason="拆分")
    for part in parts:
        province.join(part, "2024-03-15")
    assert province.registered(MARCH, LATE) == (states("counted"), 10 + 11)
    names = {"city:c2": "missing, late", "city:c3": "missing, late", "city:c4": "missing, late"}
    assert province.registered(APRIL, LATE) == (names, 0)
    for n, part in enumerate(parts):
        province.take(part, part.file(part.seal("assessment:april", as_of=APRIL)), LATE)
        names[part.name] = "counted, late"
        assert province.registered(APRIL, LATE) == (names, (6, 10)[n])
