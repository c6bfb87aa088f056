"""Two states of the same groups side by side (spec/domain.md, Rates: differences in percentage points)."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.ledger.rates import RATES, Counts, Key, Rate, key_order, rates, ten_thousandths
from domain.values.decimals import quotient


class Pair(NamedTuple):
    """One group on both sides; None on a side that does not have it."""

    this: Counts | None
    other: Counts | None


def percentage_points(this: Rate, other: Rate) -> str | None:
    """`this` less `other` in percentage points, two places; None over a 0, and where a side has no answer.

    Of the rates as they are shown, so that whoever subtracts the one from the other gets the same: 33.34 % less 33.33 %
    is 0.01, though the counts may lie further apart or nearer by less than a hundredth.
    """
    left, right = (_shown(rate) for rate in (this, other))
    return None if left is None or right is None else quotient(left - right, 100, 2)


def _shown(rate: Rate) -> int | None:
    if rate.numerator is None or rate.denominator == 0:
        return None
    return ten_thousandths(rate.numerator, rate.denominator)


def pairs(this: Mapping[Key, Counts], other: Mapping[Key, Counts]) -> dict[Key, Pair]:
    """The groups of both sides, sorted by key, null last."""
    return {key: Pair(this.get(key), other.get(key)) for key in sorted(this.keys() | other.keys(), key=key_order)}


def rate_differences(pair: Pair) -> dict[str, str | None]:
    """Each rate's difference in percentage points; None where a side lacks the group or divides by 0."""
    if pair.this is None or pair.other is None:
        return dict.fromkeys(RATES)
    left, right = rates(pair.this), rates(pair.other)
    return {name: percentage_points(left[name], right[name]) for name in RATES}


def count_differences(pair: Pair) -> dict[str, int | None]:
    """Each count of this side less the other's; a side that lacks the group counts 0, None where one has no answer."""
    none = Counts()
    this, other = pair.this or none, pair.other or none
    return {
        name: None if a is None or b is None else a - b for name, a, b in zip(Counts._fields, this, other, strict=True)
    }
