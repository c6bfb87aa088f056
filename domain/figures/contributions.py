"""What each group contributed to the change of the whole's rate; the parts add up to it exactly.

With s the group's share of the denominator and r its rate, on the sides 0 (before) and 1 (after), and R the whole's
rate, the change of the whole is R1 - R0 = sum of (s1·r1 - s0·r0), and for each group

    within = (s1 + s0) / 2 · (r1 - r0)                        its own rate moved
    shift  = (s1 - s0) · ((r1 + r0) / 2 - (R1 + R0) / 2)      it gained or lost weight against the others

This is the shift-share decomposition with midpoint weights (Marshall 1890, Edgeworth 1925): no residual, and it changes
its sign alone when the sides change places. The last term sums to nothing over all groups, since shares sum to 1. A
group over nothing on one side has no rate there; the other side's stands in, so that all it adds is shift.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from domain.figures.comparison import percentage_points
from domain.figures.ranking import exact
from domain.ledger.rates import Key, Rate
from domain.values.decimals import decimal

PLACES = 2


class Contribution(NamedTuple):
    """One group's part of the change, as ratios; `points` are percentage points that add up as shown."""

    within: Fraction
    shift: Fraction
    points: str

    @property
    def total(self) -> Fraction:
        """Both effects together."""
        return self.within + self.shift


class Contributions(NamedTuple):
    """The change of the whole's rate as a ratio, the same in points as `percentage_points` shows it, and each part."""

    change: Fraction
    points: str
    groups: dict[Key, Contribution]


def contributions(before: Mapping[Key, Rate], after: Mapping[Key, Rate]) -> Contributions | None:
    """Each group's part of the change of their sum's rate; None where a side is over nothing or has no answer."""
    if any(rate.numerator is None for side in (before, after) for rate in side.values()):
        return None
    whole = [_whole(side) for side in (before, after)]
    if not whole[0][1] or not whole[1][1]:
        return None
    middle = (Fraction(*whole[0]) + Fraction(*whole[1])) / 2
    parts = {}
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        old_share, new_share = (
            Fraction(r.denominator if r else 0, w[1]) for r, w in zip((old, new), whole, strict=True)
        )
        old_rate, new_rate = (exact(r) if r else None for r in (old, new))
        old_rate = new_rate if old_rate is None else old_rate
        new_rate = old_rate if new_rate is None else new_rate
        if old_rate is None or new_rate is None:
            parts[key] = (Fraction(), Fraction())
            continue
        within = (new_share + old_share) / 2 * (new_rate - old_rate)
        parts[key] = (within, (new_share - old_share) * ((new_rate + old_rate) / 2 - middle))
    change = Fraction(*whole[1]) - Fraction(*whole[0])
    old_whole, new_whole = (Rate(*side, None) for side in whole)
    points = percentage_points(new_whole, old_whole) or ""
    shown = shown_to_add_up([sum(each, Fraction()) * 100 for each in parts.values()], points)
    found = {key: Contribution(*each, own) for (key, each), own in zip(parts.items(), shown, strict=True)}
    return Contributions(change, points, found)


def _whole(side: Mapping[Key, Rate]) -> tuple[int, int]:
    return sum(rate.numerator or 0 for rate in side.values()), sum(rate.denominator for rate in side.values())


def shown_to_add_up(parts: Sequence[Fraction], total: str) -> list[str]:
    """The parts with PLACES places, so that what is shown adds up to the total as shown (largest remainders).

    Each is its exact value rounded down or up; those with the largest remainders are rounded up, ties in order. The
    total is their sum rounded down or up.
    """
    unit = 10**PLACES
    floors = [part.numerator * unit // part.denominator for part in parts]
    short = int(Fraction(total) * unit) - sum(floors)
    order = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i] * unit, i))
    for i in order[:short]:
        floors[i] += 1
    return [decimal(Fraction(floor, unit), PLACES) for floor in floors]
