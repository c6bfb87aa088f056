"""What a city's file shows its province: honest ones are taken, and of each lie it is said whose it is."""

import json
import random
from pathlib import Path

import pytest

from services.province.checking import Checked, UnshownError, check
from services.province.report_file import BYTES_MAX, read, write
from tests.provincial import POLICY, SmallCity


@pytest.fixture
def city(tmp_path: Path) -> SmallCity:
    return SmallCity(1, tmp_path)


def look(city: SmallCity, data: bytes, *known: object) -> Checked:
    return check(data, city.log.key.verifier, known)  # type: ignore[arg-type]  # heads


def test_an_honest_report_holds_with_the_counts_of_the_tree(city: SmallCity) -> None:
    found = look(city, city.file(city.seal()))
    assert (found.finding, found.unproved, found.data["assessment"]) == (None, 0, "assessment:a")
    assert found.counts["new_employment_group"]["registered"] == 12
    assert found.counts["new_employment_group"]["organization_covered"] == 6
    assert found.counts["new_social"]["registered"] == 0
    assert found.head == city.head


def test_a_count_edited_in_the_report_is_found_and_named(city: SmallCity) -> None:
    finding = look(city, city.file(city.seal(edit={"organization_covered": 11}))).finding
    assert finding is not None
    assert finding.ground == "figures_edited"
    assert "in total the report says organization_covered 11, its log's own tree has 6" in finding.words


def test_a_region_edited_is_found_by_its_own_figure_and_by_the_sum_of_groups(city: SmallCity) -> None:
    sealed = city.seal()
    raw = city.log.stored[-1].raw
    lie = raw.replace(b'"registered": 4', b'"registered": 5', 1)
    assert lie != raw
    del city.log.stored[-1], city.log.leaves[-1]
    city.log.add(lie)
    for regions in (True, False):
        found = look(city, city.file(sealed, regions=regions))
        assert found.finding is not None
        assert found.finding.ground == "figures_edited"
        assert found.unproved == (0 if regions else 3)
        assert "in total of its groups" in found.finding.words


def test_groups_that_no_figure_shows_are_counted(city: SmallCity) -> None:
    found = look(city, city.file(city.seal(), regions=False))
    assert (found.finding, found.unproved) == (None, 3)


def test_a_log_that_grew_extends_the_head_known(city: SmallCity) -> None:
    first = city.seal()
    look(city, city.file(first))
    before = city.head
    city.grow(10)
    second = city.seal("assessment:b", supersedes="assessment:a")
    found = look(city, city.file(second, before.size), before)
    assert (found.finding, found.extends) == (None, (before,))


def test_a_file_that_does_not_say_how_it_goes_with_the_head_known_shows_nothing(city: SmallCity) -> None:
    city.seal()
    before = city.head
    city.grow(3)
    second = city.seal("assessment:b")
    with pytest.raises(UnshownError, match=f"--old-size {before.size}"):
        look(city, city.file(second), before)
    with pytest.raises(UnshownError, match=f"--old-size {city.head.size + 1}"):
        look(city, city.file(second), before._replace(size=city.head.size + 1))


def test_a_log_rewritten_after_sealing_is_found(city: SmallCity) -> None:
    city.seal()
    before = city.head
    for groups, since in ((0, ()), (10, (before.size,))):
        other = city.rewritten(3)
        if groups:
            other.grow(groups)
        sealed = other.seal()
        assert groups or other.head.size == before.size
        finding = look(city, other.file(sealed, *since), before).finding
        assert finding is not None
        assert finding.ground == "log_rewritten"
        assert str(before.size) in finding.words


def test_a_file_that_joins_both_heads_takes_the_doubt_away(city: SmallCity) -> None:
    city.seal()
    before = city.head
    city.grow(4)
    doubted = city.head
    city.grow(4)
    sealed = city.seal("assessment:b")
    found = check(city.file(sealed, before.size, doubted.size), city.log.key.verifier, [before], [doubted])
    assert set(found.extends) == {before, doubted}


def test_what_a_carrier_may_have_spoilt_is_no_word_of_the_city(city: SmallCity, rng: random.Random) -> None:
    data = city.file(city.seal())
    assert write(read(data)) == data
    for _ in range(60):
        at = rng.randrange(len(data))
        spoilt = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        with pytest.raises(UnshownError):
            look(city, spoilt)
    for spoilt in (b"", b"{}", data[:-1], data + b"\n", data * 2, b"[" * 100_000, b" " * (BYTES_MAX + 1)):
        with pytest.raises(UnshownError):
            look(city, spoilt)


def test_a_forged_part_under_a_good_checksum_shows_nothing_either(city: SmallCity, tmp_path: Path) -> None:
    sealed = city.seal()
    file, other = read(city.file(sealed)), SmallCity(2, tmp_path)
    foreign = read(other.file(other.seal()))
    wrong_raw = file.raw.replace(b"assessment:a", b"assessment:b")
    first, second = file.figures[:2]
    more = tuple(count + 1 for count in second.sums.counts)
    forged = [
        *(
            file._replace(figures=(first, each))
            for each in (
                second._replace(sums=second.sums._replace(counts=more)),
                second._replace(sums=foreign.figures[1].sums),
                second._replace(path=second.path[:-1]),
                second._replace(entry=file.entry, raw=file.raw),
                second._replace(kind="new_social"),
                second._replace(key=foreign.figures[0].key),
            )
        ),
        file._replace(raw=wrong_raw),
        file._replace(path=file.path[:-1]),
        file._replace(figures=file.figures[1:]),
        file._replace(figures=(file.figures[0], foreign.figures[0])),
        file._replace(figures=(file.figures[0]._replace(sums=file.figures[1].sums), *file.figures[1:])),
        file._replace(entry=foreign.entry, raw=foreign.raw, path=foreign.path),
        foreign,
    ]
    for each in forged:
        with pytest.raises(UnshownError):
            look(city, write(each))


def test_roots_of_another_date_or_other_rules_are_not_held_against_the_city(city: SmallCity) -> None:
    first = city.seal()
    city.grow(5)
    second = city.seal("assessment:b")
    with pytest.raises(UnshownError, match="the roots are of"):
        look(city, city.file(first._replace(rooted=second.rooted)))
    raw = city.log.stored[-1].raw
    city.log.add(raw.replace(b'"ruleset": "5', b'"ruleset": "6').replace(b'"id": "assessment:b"', b'"id": "x"'))
    with pytest.raises(UnshownError, match="sealed by the rules"):
        look(city, city.file(second._replace(position=len(city.log.stored))))


def test_a_report_of_a_part_of_the_city_is_not_taken(city: SmallCity) -> None:
    sealed = city.seal()
    raw = city.log.stored[-1].raw
    city.log.add(raw.replace(b'"segment": {}', b'"segment": {"region": "9911"}').replace(b'"id": "a', b'"id": "b'))
    with pytest.raises(UnshownError, match="of a part of the city"):
        look(city, city.file(sealed._replace(position=len(city.log.stored))))


def test_a_file_with_its_proofs_is_small(tmp_path: Path) -> None:
    city = SmallCity(3, tmp_path, 300)
    data = city.file(city.seal(policy=POLICY))
    assert len(data) < 60_000
    assert json.loads(data)["format"] == "taizhang-city-report/1"
