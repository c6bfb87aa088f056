"""The demo city as a feed: reproducible, dirty in the stated shares, and under codes that hold their checks."""

import random
from collections import Counter
from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.envelope import Reading, read_event
from domain.events.facts import LEDGER_FAMILIES, family_of
from domain.events.types import CORRECTED, RETRACTED
from services.demo_city import chance, divisions, places, plan
from services.demo_city.chance import apportion
from services.demo_city.dirt import RUN_LINES, in_order_of_arrival
from services.demo_city.world import events

SCALE, SEED = 0.05, 20240930
DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(events(SCALE, SEED))


@pytest.fixture(scope="module")
def readings(lines: list[bytes]) -> list[Reading]:
    return [read_event(line) for line in lines]


def test_the_same_scale_and_seed_give_the_same_bytes(lines: list[bytes]) -> None:
    assert list(events(SCALE, SEED)) == lines


def test_another_seed_gives_another_city(lines: list[bytes]) -> None:
    assert next(events(SCALE, SEED + 1)) != lines[0]


def test_every_message_is_one_line(lines: list[bytes]) -> None:
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)


@pytest.mark.parametrize("scale", [0.0, plan.SCALE_MIN / 2, plan.SCALE_MAX * 2, float("nan")])
def test_a_scale_out_of_range_is_refused_before_the_first_line(scale: float) -> None:
    with pytest.raises(ValueError, match="out of range; choose one from"):
        events(scale, SEED)


def test_two_in_a_thousand_are_malformed_and_each_for_one_of_many_reasons(readings: list[Reading]) -> None:
    refused = [reading for reading in readings if reading.event is None]
    acts = [r for r in readings if r.event is not None and family_of(r.event.type) not in {*LEDGER_FAMILIES, "event"}]
    assert len(refused) / (len(readings) - len(acts)) == pytest.approx(0.002, abs=0.0001)
    rules = {reading.reasons[0].rule for reading in refused}
    assert rules >= {"not_json", "type_unknown", "attribute_missing", "time", "uscc_check_character", "region_padding"}


def test_one_in_a_hundred_is_a_repeat_and_few_of_those_conflict(readings: list[Reading]) -> None:
    contents: dict[tuple[str, str], bytes | None] = {}
    repeats: Counter[bool] = Counter()
    for reading in readings:
        if reading.event is not None and reading.identity is not None:
            first = contents.setdefault(reading.identity, reading.content_sha256)
            repeats[first == reading.content_sha256] += 1
    duplicates, conflicts = repeats[True] - len(contents), repeats[False]
    assert (duplicates + conflicts) / len(readings) == pytest.approx(0.01, abs=0.001)
    assert 0 < conflicts < duplicates / 10


def test_five_in_a_thousand_are_corrections_or_retractions(readings: list[Reading]) -> None:
    words = [r for r in readings if r.event is not None and r.event.type in (CORRECTED, RETRACTED)]
    assert len(words) / len(readings) == pytest.approx(0.005, abs=0.0005)


def test_three_in_a_hundred_are_late_by_up_to_120_days(readings: list[Reading]) -> None:
    """Lateness shows against the newest time seen so far; more than four days is no office's weekend."""
    newest, late, longest = 0, 0, 0
    for reading in readings:
        if reading.event is not None and reading.event.is_fact:
            behind = newest - reading.event.time_ns
            newest = max(newest, reading.event.time_ns)
            late += behind > 4 * DAY_NS
            longest = max(longest, behind)
    # Repairs and later repeats come behind their time as well, and the last days' late ones cannot show.
    assert late / len(readings) == pytest.approx(0.03, abs=0.006)
    assert 110 * DAY_NS < longest <= 121 * DAY_NS


def test_some_corrections_arrive_before_what_they_correct(readings: list[Reading]) -> None:
    seen: set[tuple[str, str] | None] = set()
    early = 0
    for reading in readings:
        seen.add(reading.identity)
        if reading.event is not None and reading.event.type == CORRECTED:
            early += reading.event.target not in seen
    assert early > 0


def test_a_retraction_comes_from_its_targets_own_source(readings: list[Reading]) -> None:
    words = [r.event for r in readings if r.event is not None and not r.event.is_fact]
    assert words
    assert all(word.source == word.target[0] for word in words)


def test_no_accepted_event_draws_a_warning(readings: list[Reading]) -> None:
    """So the inner GB 11714 digit holds in every credit code, and every division belongs to its section."""
    assert [reading.warnings for reading in readings if reading.warnings] == []


def test_every_region_is_one_of_the_invented_places(readings: list[Reading]) -> None:
    regions = {r.event.data["region"] for r in readings if r.event is not None and "region" in r.event.data}
    assert len(regions) > 500
    new = {divisions.new_code(township.code) for township in places.TOWNSHIPS[divisions.MERGED]}
    assert {code[:9] for code in regions - places.PLACES.keys()} <= new


def test_the_province_is_assigned_by_no_edition_of_gb_t_2260() -> None:
    assigned = {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)}
    assert int(places.PROVINCE.code) not in assigned | {71, 81, 82}
    assert all(code.startswith(places.PROVINCE.code) for code in places.PLACES)


def test_every_place_stands_below_a_known_one_and_siblings_differ_in_name() -> None:
    parents = {2: None, 4: 2, 6: 4, 9: 6, 12: 9}
    siblings: Counter[tuple[str, str]] = Counter()
    for code, place in places.PLACES.items():
        length = parents[len(code)]
        assert length is None or code[:length] in places.PLACES
        siblings[code[: length or 0], place.zh] += 1
    assert max(siblings.values()) == 1


def test_time_is_close_to_the_effective_date(readings: list[Reading]) -> None:
    facts = [r.event for r in readings if r.event is not None and r.event.is_fact]
    epoch = date(1970, 1, 1).toordinal()
    gaps = Counter(event.time_ns // DAY_NS + epoch - event.effective_on.toordinal() for event in facts)
    assert sum(gaps[days_after] for days_after in range(4)) / len(facts) > 0.995


@given(st.integers(0, 100_000), st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_parts_add_up_and_each_is_its_share_rounded_down_or_up(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - total * weight / sum(weights)) < 1 + 1e-6 for part, weight in zip(parts, weights, strict=True)
    )


def test_pseudonyms_and_credit_codes_never_repeat() -> None:
    numbers = range(50_000)
    assert len({chance.pseudonym("member", n) for n in numbers}) == len(numbers)
    assert len({chance.credit_code("association", "880102", n) for n in numbers}) == len(numbers)


def test_lines_beyond_one_run_come_in_order_of_arrival_too(rng: random.Random) -> None:
    seconds = [rng.randrange(10**6) for _ in range(2 * RUN_LINES + 7)]
    sent = ((second, b"%d" % second) for second in seconds)
    assert [int(line) for line in in_order_of_arrival(sent)] == sorted(seconds)


def test_the_first_line_is_of_the_opening(lines: list[bytes]) -> None:
    assert orjson.loads(lines[0])["time"].startswith(chance.iso(chance.OPENING))
