"""How long measures take, by region: survival curves in which what is still open counts as such."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import isnan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.fieldwork.measures import SUCCESSES
from domain.ledger.rates import ten_thousandths
from domain.values.terms import MEASURES, Measure
from projections.ledger.columns.home_regions import region_of
from projections.ledger.columns.measures import ENDS, measures
from services.ledger.queries import Queries

CURVE_POINTS_MAX: Final = 200
_MET: Final = [ENDS.index(end) for end in ENDS if end in SUCCESSES]


class Durations(NamedTuple):
    """How long one measure takes in one region (Kaplan and Meier 1958, with those still open as censored).

    Attributes:
        region: None for all.
        ended: met by coverage or an instructor.
        censored: still open, or ended in another way.
        median_days: the first on which half or less is open; None where more is within the days seen.
        curve: (days, share still open, its lower and upper bound at 95 %).
    """

    region: str | None
    ended: int
    censored: int
    median_days: int | None
    curve: list[tuple[int, float, float | None, float | None]]


def durations(queries: Queries, as_of: date, known_at: int, measure: Measure, digits: int | None) -> list[Durations]:
    """How long a measure takes, by regions of so many digits (that of the organization now or last), or in all."""
    view = queries.view.current
    version, snapshot, day = view.version.number, view.snapshot, as_of.toordinal()
    found = measures(snapshot, as_of, known_at)
    seen = queries.homes.within(version, snapshot, day, known_at, queries.scope_at(as_of, known_at))
    found = found.where((found.measure == MEASURES.index(measure)) & seen[found.org_no])
    days = (np.where(found.closed > 0, found.closed, day) - found.opened).astype(np.int64)
    is_met = np.isin(found.closed_by, _MET)
    if not len(days):
        return []
    if digits is None:
        return [_survival(None, days, is_met)]
    codes = list(snapshot.regions)
    keys = sorted({code[:digits] for code in codes})
    number = {key: n for n, key in enumerate(keys)}
    key_of = np.array([number[code[:digits]] for code in codes], np.int64)
    home = key_of[region_of(snapshot, queries.homes.at(version, snapshot, day, known_at)[found.org_no])]
    order = np.argsort(home)
    home, days, is_met = home[order], days[order], is_met[order]
    begins = np.flatnonzero(np.diff(home, prepend=-1)).tolist()
    parts = zip(begins, [*begins[1:], len(home)], strict=True)
    return [_survival(keys[home[first]], days[first:end], is_met[first:end]) for first, end in parts]


class Curve(NamedTuple):
    """A survival curve: on each of these days the share that is left, exact, and its bounds; all of one length."""

    days: list[int]
    shares: list[Fraction]
    low: NDArray[np.floating]
    high: NDArray[np.floating]


def median(days: Sequence[int], shares: Sequence[Fraction]) -> int | None:
    """The first day on which half or less is left; None where more is left to the end."""
    return next((day for day, share in zip(days, shares, strict=True) if share * 2 <= 1), None)


def exact_shares(days: NDArray[np.int64], is_end: NDArray[np.bool_]) -> tuple[list[int], list[Fraction]]:
    """Each day on which one ended or was last seen, and the share left after it (Kaplan and Meier 1958).

    In integers: in binary fractions a curve that is exactly one half stays a hair above it.
    """
    found, at = np.unique(days, return_inverse=True)
    ended = np.bincount(at[is_end], minlength=len(found)).tolist()
    seen = np.bincount(at, minlength=len(found)).tolist()
    left, shares, share = len(days), [], Fraction(1)
    for ends, all_ in zip(ended, seen, strict=True):
        share *= Fraction(left - ends, left)
        shares.append(share)
        left -= all_
    return found.tolist(), shares


def survival_curve(days: NDArray[np.int64], is_end: NDArray[np.bool_]) -> Curve:
    """Kaplan and Meier's estimate (1958), its bounds at 95 % by Greenwood's variance on the log-log scale.

    Where the variance has no value the bounds are nan.

    Args:
        days: how long each was seen, at least one.
        is_end: whether it ended then, or was only seen for so long.
    """
    from scipy import stats  # noqa: PLC0415 - takes most of a second to import, and few ask for a curve

    function = stats.ecdf(stats.CensoredData(uncensored=days[is_end], right=days[~is_end])).sf
    found, shares = exact_shares(days, is_end)
    low = high = np.full(len(found), np.nan)
    if is_end.any():
        # Without a censored or an ended one beside, the variance has no value on some days.
        with np.errstate(all="ignore"):
            interval = function.confidence_interval(0.95, method="log-log")
        low, high = interval.low.probabilities, interval.high.probabilities
    return Curve(found, shares, low, high)


def _survival(region: str | None, days: NDArray[np.int64], is_met: NDArray[np.bool_]) -> Durations:
    curve, met = survival_curve(days, is_met), int(is_met.sum())
    step = max(1, -(-len(curve.days) // CURVE_POINTS_MAX))
    points = zip(*(values[::step] for values in curve), strict=True)
    return Durations(
        region, met, len(days) - met, median(curve.days, curve.shares),
        [(day, _shown(share), _bound(low), _bound(high)) for day, share, low, high in points],
    )  # fmt: skip


def _shown(share: Fraction) -> float:
    return ten_thousandths(share.numerator, share.denominator) / 10_000


def _bound(value: np.floating) -> float | None:
    return None if isnan(value) else round(float(value), 4)
