"""Dates and instants: one function reads each, to the nanosecond, between the same bounds."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values.instants import (
    DATE_MAX,
    DATE_MIN,
    DATE_PATTERN,
    INSTANT_MAX_NS,
    INSTANT_MIN_NS,
    INSTANT_PATTERN,
    parse_date,
    parse_instant,
)
from tests.hostile import TIMES

SECOND = 1_000_000_000


@given(
    st.integers(INSTANT_MIN_NS // SECOND, INSTANT_MAX_NS // SECOND),
    st.text("0123456789", max_size=9),
    st.integers(-1439, 1439),
    st.sampled_from("Tt"),
    st.sampled_from(["offset", "Z", "z"]),
)
def test_every_spelling_of_an_instant_is_read_to_the_nanosecond(
    seconds: int, fraction: str, minutes: int, separator: str, zone: str
) -> None:
    offset = minutes if zone == "offset" else 0
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, minutes=offset)
    text = f"{local:%Y-%m-%d}{separator}{local:%H:%M:%S}" + (f".{fraction}" if fraction else "")
    sign = "-" if offset < 0 else "+"
    text += f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}" if zone == "offset" else zone
    assert parse_instant(text) == seconds * SECOND + int(fraction.ljust(9, "0") or 0)
    assert re.fullmatch(INSTANT_PATTERN, text)


@given(st.integers(-(2**70), 2**70))
def test_what_lies_outside_of_the_bounds_is_no_instant(ns: int) -> None:
    if not -62_135_596_800 * SECOND <= ns < 253_402_300_800 * SECOND:
        return
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // SECOND)
    text = f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{ns % SECOND:09d}Z"
    if INSTANT_MIN_NS <= ns <= INSTANT_MAX_NS:
        assert parse_instant(text) == ns
    else:
        with pytest.raises(ValueError, match="between 1900-01-01"):
            parse_instant(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1900-01-01T00:00:00Z", INSTANT_MIN_NS),
        ("2199-12-31T23:59:59.999999999Z", INSTANT_MAX_NS),
        ("2200-01-01T07:59:59.999999999+08:00", INSTANT_MAX_NS),
        ("1899-12-31T23:59:00-00:01", INSTANT_MIN_NS),
        ("2016-12-31T23:59:60Z", 1_483_228_800 * SECOND),
        ("2017-01-01T07:59:60.5+08:00", 1_483_228_800 * SECOND + 500_000_000),
        ("1969-12-31T23:59:59.999999999-00:00", -1),
    ],
)
def test_the_bounds_and_the_leap_second_are_instants(text: str, ns: int) -> None:
    assert parse_instant(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "1899-12-31T23:59:59.999999999Z", "2200-01-01T00:00:00Z", "2199-12-31T23:59:60Z", "2024-03-01T12:00:60Z",
        "2024-03-01T23:59:60Z", "2024-03-01 00:00:00Z", "2024-03-01T00:00:00", "2024-03-01T00:00:00.0000000001Z",
        "2024-03-01T00:00:00.Z", "2024-02-30T00:00:00Z", "2024-03-01T24:00:00Z", "2024-03-01T00:60:00Z",
        "٢٠٢٤-03-01T00:00:00Z",
        "2024-03-01T00:00:00+8", "2024-03-01T00:00:00Z\n",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r".{15,}"):
        parse_instant(text)


@given(st.dates())
def test_every_date_between_the_bounds_is_read_and_none_outside(day: date) -> None:
    assert bool(re.fullmatch(DATE_PATTERN, day.isoformat())) == (DATE_MIN <= day <= DATE_MAX)
    if DATE_MIN <= day <= DATE_MAX:
        assert parse_date(day.isoformat()) == day
    else:
        with pytest.raises(ValueError, match="between 1900-01-01 and 2199-12-31"):
            parse_date(day.isoformat())


@given(st.integers(1899, 2201), st.integers(0, 13), st.integers(0, 32))
def test_the_pattern_knows_the_calendar(year: int, month: int, day: int) -> None:
    text = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        parse_date(text)
    except ValueError:
        assert not re.fullmatch(DATE_PATTERN, text)
    else:
        assert re.fullmatch(DATE_PATTERN, text)


@pytest.mark.parametrize("text", TIMES)
def test_what_is_read_as_an_instant_matches_the_published_pattern(text: str) -> None:
    try:
        parse_instant(text)
    except ValueError:
        return
    assert re.fullmatch(INSTANT_PATTERN, text)
