"""Survival curves: by hand, against definitions, and exact where a half is met."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fieldwork.durations import exact_shares, median, survival_curve
from tests.examples import case

SEEN = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60)


def test_what_is_still_open_counts_as_seen_for_so_long() -> None:
    # Five measures: met after 10 and 30 days, seen for 20, 30 and 40. At 10 days five are open, one is met: 4/5; at
    # 30 days three are, one is met: 4/5 * 2/3 = 8/15. Nothing is met on the 20th and the 40th.
    curve = survival_curve(np.array([30, 10, 20, 40, 30]), np.array([True, True, False, False, False]))
    assert curve.days == [10, 20, 30, 40]
    assert curve.shares == [Fraction(4, 5), Fraction(4, 5), Fraction(8, 15), Fraction(8, 15)]
    assert median(curve.days, curve.shares) is None


@pytest.mark.parametrize("of", case("12-survival-median"))
def test_the_median_is_the_day_on_which_exactly_one_half_is_left(of: dict[str, Any]) -> None:
    days, shares = exact_shares(np.array(of["days"]), np.array(of["met"]))
    assert median(days, shares) == of["median_right"]
    assert Fraction(1, 2) in shares


@given(SEEN)
def test_without_one_still_open_the_median_is_the_lower_one_of_the_days(seen: list[tuple[int, bool]]) -> None:
    days = sorted(day for day, _ in seen)
    assert median(*exact_shares(np.array(days), np.ones(len(days), bool))) == days[(len(days) - 1) // 2]


@given(SEEN)
def test_the_shares_are_the_products_of_what_is_left_of_those_still_seen(seen: list[tuple[int, bool]]) -> None:
    days, is_end = np.array([day for day, _ in seen]), np.array([end for _, end in seen])
    share = Fraction(1)
    for day, shown in zip(*exact_shares(days, is_end), strict=True):
        left = sum(each >= day for each, _ in seen)
        share *= Fraction(left - sum(end and each == day for each, end in seen), left)
        assert shown == share
