"""Ranks, contributions and dates before, worked out by hand in each test's text; laws by hypothesis."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.figures.contributions import contributions
from domain.figures.ranking import Rank, cut, parent_digits, ranks, region_dimension, wider
from domain.ledger.rates import Key, Rate, ratio
from domain.values.decimals import decimal
from domain.values.periods import months_before


def rate(numerator: int, denominator: int) -> Rate:
    return Rate(numerator, denominator, ratio(numerator, denominator))


RATES_OF = st.integers(0, 60).flatmap(lambda d: st.builds(rate, st.integers(0, d), st.just(d)))
SIDES = st.dictionaries(st.sampled_from("abcdefgh").map(lambda name: (name,)), RATES_OF, max_size=6)


def test_equal_rates_share_a_rank_and_the_next_counts_all_above() -> None:
    """3/4 first; 1/2 and 5/10 are equal and both second; 1/3 is fourth; nothing of nothing has no rank."""
    found = ranks({"a": rate(1, 2), "b": rate(3, 4), "c": rate(5, 10), "d": rate(1, 3), "e": rate(0, 0)})
    assert found == {"a": Rank(2, 2), "b": Rank(1, 1), "c": Rank(2, 2), "d": Rank(4, 1), "e": None}


def test_rates_that_look_alike_are_no_tie() -> None:
    """3,333 of 10,000 and 1 of 3 both show 0.3333; a third is the larger."""
    found = ranks({"a": rate(3_333, 10_000), "b": rate(1, 3)})
    assert found == {"a": Rank(2, 1), "b": Rank(1, 1)}


def test_the_level_above_is_the_next_shorter_region() -> None:
    by = ("kind", "region:9")
    assert region_dimension(by) == (1, 9)
    assert parent_digits(9) == 6
    assert wider(by, 6) == ("kind", "region:6")
    assert cut(("new_social", "880107001"), 1, 6) == ("new_social", "880107")
    assert (parent_digits(2), region_dimension(("kind",))) == (None, None)


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        ("2024-12-31", 1, "2024-11-30"),
        ("2025-02-28", 1, "2025-01-31"),
        ("2024-03-30", 1, "2024-02-29"),
        ("2025-01-15", 1, "2024-12-15"),
        ("2024-02-29", 12, "2023-02-28"),
    ],
)
def test_a_month_before_a_months_end_is_a_months_end(day: str, months: int, before: str) -> None:
    assert months_before(date.fromisoformat(day), months) == date.fromisoformat(before)


def test_contributions_by_hand() -> None:
    """Before: north 10 of 20, south 20 of 80; the whole 30 of 100. After: north 24 of 40, south 30 of 60; 54 of 100.

    The whole rose by 24 points, and the middle of both is 42 %. North: shares 0.2 and 0.4, rates 0.5 and 0.6: within
    0.3 × 0.1 = 3 points, shift 0.2 × (0.55 - 0.42) = 2.6 points. South: shares 0.8 and 0.6, rates 0.25 and 0.5: within
    0.7 × 0.25 = 17.5 points, shift -0.2 × (0.375 - 0.42) = 0.9 points. 3 + 2.6 + 17.5 + 0.9 = 24.
    """
    found = contributions(
        {("north",): rate(10, 20), ("south",): rate(20, 80)}, {("north",): rate(24, 40), ("south",): rate(30, 60)}
    )
    assert found is not None
    north, south = found.groups["north",], found.groups["south",]
    assert (north.within, north.shift) == (Fraction(30, 1000), Fraction(26, 1000))
    assert (south.within, south.shift) == (Fraction(175, 1000), Fraction(9, 1000))
    assert (found.change, found.points) == (Fraction(24, 100), "24.00")
    assert (north.points, south.points) == ("5.60", "18.40")


def test_a_new_group_adds_weight_and_no_movement_of_its_own() -> None:
    """Before 5 of 10. After the same and a new group with 9 of 10: 14 of 20, 20 points more, all of them shift.

    Middle 60 %: the old group loses half its weight at 50 %: -0.5 × -0.1 = 5 points; the new one 0.5 × 0.3 = 15 points.
    """
    found = contributions({("old",): rate(5, 10)}, {("old",): rate(5, 10), ("new",): rate(9, 10)})
    assert found is not None
    old, new = found.groups["old",], found.groups["new",]
    assert (old.within, old.shift) == (Fraction(), Fraction(5, 100))
    assert (new.within, new.shift) == (Fraction(), Fraction(15, 100))


def test_three_equal_thirds_are_shown_so_that_they_add_up() -> None:
    """A third of a point each would show 0.33 three times, 0.99 in all; the first takes the remainder."""
    before: dict[Key, Rate] = {(name,): rate(0, 100) for name in "abc"}
    after: dict[Key, Rate] = {(name,): rate(1, 100) for name in "abc"}
    found = contributions(before, after)
    assert found is not None
    assert (found.points, [each.points for each in found.groups.values()]) == ("1.00", ["0.34", "0.33", "0.33"])


def test_over_nothing_there_is_no_change_to_split() -> None:
    assert contributions({}, {("a",): rate(1, 2)}) is None
    assert contributions({("a",): rate(0, 0)}, {("a",): rate(1, 2)}) is None


@settings(max_examples=150)
@given(before=SIDES, after=SIDES)
def test_the_parts_add_up_exactly_and_as_shown_and_change_sign_with_the_sides(
    before: dict[Key, Rate], after: dict[Key, Rate]
) -> None:
    found = contributions(before, after)
    whole = [
        Fraction(sum(r.numerator or 0 for r in s.values()), sum(r.denominator for r in s.values()) or 1)
        for s in (before, after)
    ]
    if found is None:
        assert any(not sum(r.denominator for r in side.values()) for side in (before, after))
        return
    assert sum((each.total for each in found.groups.values()), Fraction()) == found.change == whole[1] - whole[0]
    assert sum(Fraction(each.points) for each in found.groups.values()) == Fraction(found.points)
    assert all(abs(Fraction(each.points) - each.total * 100) < Fraction(1, 50) for each in found.groups.values())
    back = contributions(after, before)
    assert back is not None
    assert {key: (-each.within, -each.shift) for key, each in found.groups.items()} == {
        key: (each.within, each.shift) for key, each in back.groups.items()
    }


@given(value=st.fractions(), places=st.integers(1, 4))
def test_a_decimal_is_within_half_a_unit_and_odd_under_the_sign(value: Fraction, places: int) -> None:
    assert abs(Fraction(decimal(value, places)) - value) <= Fraction(1, 2 * 10**places)
    assert Fraction(decimal(-value, places)) == -Fraction(decimal(value, places))
