"""Most improved with the mix held constant: an example by hand, and what always holds."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.figures.standardised import (
    Improvement,
    by_stratum,
    improvement,
    most_improved,
    standard_of,
    together,
    whole_by_stratum,
)
from domain.ledger.rates import Rate

# Two counties; firms, and shops, of which fewer are covered.
BEFORE = {("A", "firm"): (2, 4), ("A", "shop"): (0, 2), ("B", "firm"): (1, 2), ("B", "shop"): (1, 4)}
AFTER = {("A", "firm"): (3, 4), ("A", "shop"): (0, 12), ("B", "firm"): (3, 6)}


def rate(sides: tuple[int, int]) -> Rate:
    return Rate(*sides, None)


def told(
    before: dict[tuple[str, str], tuple[int, int]], after: dict[tuple[str, str], tuple[int, int]]
) -> dict[tuple[str | None, ...], Improvement]:
    sides = [by_stratum({key: rate(each) for key, each in side.items()}) for side in (before, after)]
    standard = standard_of(whole_by_stratum(sides[0].values()))
    keys = dict.fromkeys([*sides[0], *sides[1]])
    return {key: improvement(standard, *(side.get(key, {}) for side in sides)) for key in keys}


def test_a_county_with_more_shops_rose_all_the_same() -> None:
    """Of the whole six are firms and six shops: a half each. A's own rate fell from 2/6 to 3/16."""
    found = told(BEFORE, AFTER)
    a, b = found["A",], found["B",]
    assert (a.before, a.after, a.change, a.share) == tuple(map(Fraction, ("1/4", "3/8", "1/8", "1")))
    # B has no shops any more: of it firms are compared alone, and half of the standard is said to be.
    assert (b.before, b.after, b.change, b.share) == tuple(map(Fraction, ("1/2", "1/2", "0", "1/2")))
    assert [(key, order.rank) for key, _, order in most_improved(found) if order] == [(("A",), 1), (("B",), 2)]
    assert [(each.stratum, each.share, each.after) for each in b.strata] == [
        ("firm", Fraction(1, 2), rate((3, 6))), ("shop", Fraction(1, 2), None),
    ]  # fmt: skip


def test_a_county_that_is_new_has_no_rise_and_stands_last() -> None:
    found = told({("A", "firm"): (1, 2)}, {("A", "firm"): (1, 2), ("N", "firm"): (1, 2)})
    assert [(key, each.change, order) for key, each, order in most_improved(found)][-1] == (("N",), None, None)


def test_what_has_no_answer_has_none() -> None:
    unjudged = Rate(None, 3, None)
    assert improvement({"firm": Fraction(1)}, {"firm": unjudged}, {"firm": unjudged}).change is None
    assert together((unjudged, rate((1, 2)))) == Rate(None, 5, None)


sizes = st.integers(1, 50)
strata = st.dictionaries(st.sampled_from("abcd"), sizes, min_size=1)
shares = st.dictionaries(st.sampled_from("abcd"), st.fractions(0, 1, max_denominator=20), min_size=4, max_size=4)


def sized(rates: dict[str, Fraction], of: dict[str, int]) -> dict[str | None, Rate]:
    """Strata of these sizes (times their rate's denominator, so that it is exact)."""
    return {name: Rate(rates[name].numerator * n, rates[name].denominator * n, None) for name, n in of.items()}


@given(strata, strata, strata, shares)
def test_who_changed_the_mix_alone_did_not_improve(
    whole: dict[str, int], before: dict[str, int], after: dict[str, int], rates: dict[str, Fraction]
) -> None:
    standard = standard_of(sized(rates, whole))
    found = improvement(standard, sized(rates, before), sized(rates, after))
    assert found.change in (0, None)
    assert (found.change is None) == (not set(whole) & set(before) & set(after))


def _of_sizes(rates: dict[str, Fraction], units: dict[str, int]) -> dict[str | None, Rate]:
    return {name: Rate(int(rates[name] * n), n, None) for name, n in units.items()}


@given(strata, shares, shares)
def test_the_standard_itself_rises_as_its_own_rate_does(
    whole: dict[str, int], old: dict[str, Fraction], new: dict[str, Fraction]
) -> None:
    """Where the mix is that of the standard at both dates nothing is to be held constant."""
    units = {name: n * old[name].denominator * new[name].denominator for name, n in whole.items()}
    before, after = (_of_sizes(rates, units) for rates in (old, new))
    found = improvement(standard_of(before), before, after)
    crude = [Fraction(t.numerator or 0, t.denominator) for t in (together(before.values()), together(after.values()))]
    assert (found.before, found.after, found.share) == (*crude, 1)


@given(strata, strata, strata, shares, shares)
def test_a_standardised_rate_lies_among_the_rates_that_it_is_of_and_the_sides_may_be_exchanged(
    whole: dict[str, int], before: dict[str, int], after: dict[str, int], old: dict[str, Fraction],
    new: dict[str, Fraction],
) -> None:  # fmt: skip
    standard = standard_of(sized(old, whole))
    found = improvement(standard, sized(old, before), sized(new, after))
    both = set(whole) & set(before) & set(after)
    assume(both)
    assert found.before is not None
    assert min(old[name] for name in both) <= found.before <= max(old[name] for name in both)
    exchanged = improvement(standard, sized(new, after), sized(old, before))
    assert found.change is not None
    assert exchanged.change == -found.change
