"""Calendar periods and percentage points, against the calendar and against fractions."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.figures.comparison import Pair, pairs, percentage_points, rate_differences
from domain.ledger.rates import Counts, Rate, ratio
from domain.values.periods import STEPS, Point, Step, period_end, period_name, points

steps = st.sampled_from(STEPS)


@given(st.dates(), steps)
def test_a_period_is_named_as_its_last_day_is_and_the_next_begins_another(day: date, step: Step) -> None:
    end = period_end(day, step)
    assert end >= day
    assert period_name(end, step) == period_name(day, step)
    assert period_end(end, step) == end
    if end < date.max:
        assert period_name(end + timedelta(days=1), step) != period_name(day, step)


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(0, 900), steps)
def test_a_series_has_every_period_that_ends_in_the_range_and_the_last_day(first: date, days: int, step: Step) -> None:
    last = first + timedelta(days=days)
    ends = [d for n in range(days + 1) if period_end(d := first + timedelta(days=n), step) == d]
    found = points(first, last, step, days + 1)
    assert found is not None
    assert [point.as_of for point in found if point.complete] == ends
    open_ones = [point for point in found if not point.complete]
    assert [point.as_of for point in open_ones] == ([] if ends and ends[-1] == last else [last])
    assert found == sorted(found)


def test_weeks_are_those_of_iso_8601() -> None:
    found = points(date(2024, 12, 23), date(2025, 1, 7), "week", 10)
    assert found == [
        Point(date(2024, 12, 29), "2024-W52", complete=True),
        Point(date(2025, 1, 5), "2025-W01", complete=True),
        Point(date(2025, 1, 7), "2025-W02", complete=False),
    ]


def test_february_and_quarters_end_where_the_calendar_says() -> None:
    assert period_end(date(2024, 2, 1), "month") == date(2024, 2, 29)
    assert period_end(date(2023, 2, 1), "quarter") == date(2023, 3, 31)
    assert period_name(date(2023, 12, 1), "quarter") == "2023-Q4"


@pytest.mark.parametrize("step", STEPS)
def test_the_calendars_ends_are_no_fault(step: Step) -> None:
    found = points(date(9999, 12, 20), date.max, step, 12)
    assert found is not None
    assert found[-1].as_of == date.max
    assert points(date.min, date.min, step, 1) is not None


def test_more_points_than_the_limit_are_none_and_a_range_backwards_is_empty() -> None:
    assert points(date(2024, 1, 1), date(2024, 1, 4), "day", 3) is None
    assert points(date.min, date.max, "day", 1_100) is None
    assert points(date(2024, 1, 4), date(2024, 1, 1), "day", 3) == []


@st.composite
def rates_(draw: st.DrawFn) -> Rate:
    below = draw(st.integers(1, 10**7))
    return Rate(draw(st.integers(0, below)), below, None)


@given(rates_(), rates_())
def test_whoever_subtracts_the_rates_shown_gets_the_points_shown(this: Rate, other: Rate) -> None:
    left, right = (Decimal(ratio(*rate[:2]) or 0) for rate in (this, other))
    shown = percentage_points(this, other)
    assert shown is not None
    assert Decimal(shown) == (left - right) * 100
    assert f"{Decimal(shown):.2f}" == shown
    assert not shown.startswith("-0.00")
    exact = 100 * (Fraction(this[0] or 0, this.denominator) - Fraction(other[0] or 0, other.denominator))
    assert abs(Fraction(shown) - exact) < Fraction(1, 100)
    swapped = percentage_points(other, this)
    assert swapped is not None
    assert Decimal(swapped) == -Decimal(shown)


def test_points_worked_by_hand() -> None:
    assert percentage_points(Rate(2, 3, None), Rate(1, 3, None)) == "33.34"
    assert percentage_points(Rate(1, 3, None), Rate(2, 3, None)) == "-33.34"
    assert percentage_points(Rate(1, 8, None), Rate(0, 1, None)) == "12.50"
    assert percentage_points(Rate(1, 100_000, None), Rate(6, 100_000, None)) == "-0.01"
    assert percentage_points(Rate(1, 100_000, None), Rate(4, 100_000, None)) == "0.00"
    assert percentage_points(Rate(0, 0, None), Rate(1, 2, None)) is None
    assert percentage_points(Rate(1, 2, None), Rate(0, 0, None)) is None


def test_groups_of_both_sides_stand_in_order_null_last() -> None:
    one, two = Counts(registered=1), Counts(registered=2)
    found = pairs({("b",): one, (None,): one}, {("b",): two, ("a",): two})
    assert found == {("a",): Pair(None, two), ("b",): Pair(one, two), (None,): Pair(one, None)}
    assert list(found) == [("a",), ("b",), (None,)]
    assert set(rate_differences(found["a",]).values()) == {None}
