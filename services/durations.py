"""How long measures take, by region: survival curves in which what is still open counts as such."""

from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.measures import SUCCESSES
from domain.terms import MEASURES, Measure
from projections.ledger.obligations import ENDS, measures
from services.queries import Queries

CURVE_POINTS_MAX: Final = 200
_MET: Final = [ENDS.index(end) for end in ENDS if end in SUCCESSES]


class Durations(NamedTuple):
    """How long one measure takes in one region (Kaplan and Meier 1958, with those still open as censored).

    Attributes:
        region: None for all.
        ended: met by coverage or an instructor.
        censored: still open, or ended in another way.
        median_days: None where half have not been met within the days seen.
        curve: (days, share still open, its lower and upper bound at 95 %).
    """

    region: str | None
    ended: int
    censored: int
    median_days: float | None
    curve: list[tuple[int, float, float | None, float | None]]


def durations(queries: Queries, as_of: date, known_at: int, measure: Measure, digits: int | None) -> list[Durations]:
    """How long a measure takes, by regions of so many digits (that of the organization now or last), or in all."""
    view = queries.view.current
    version, snapshot, day = view.version.number, view.snapshot, as_of.toordinal()
    found = measures(snapshot, as_of, known_at)
    seen = queries.homes.within(version, snapshot, day, known_at, queries.scope)
    found = found.where((found.measure == MEASURES.index(measure)) & seen[found.org_no])
    days = (np.where(found.closed > 0, found.closed, day) - found.opened).astype(np.int64)
    is_met = np.isin(found.closed_by, _MET)
    if digits is None:
        return [_survival(None, days[is_met], days[~is_met])] if len(days) else []
    codes = list(snapshot.regions)
    keys = sorted({code[:digits] for code in codes})
    number = {key: n for n, key in enumerate(keys)}
    key_of = np.array([number[code[:digits]] for code in codes], np.int64)
    home = key_of[queries.homes.at(version, snapshot, day, known_at)[found.org_no]]
    of_keys = [(keys[key], home == key) for key in np.unique(home).tolist()]
    return [_survival(region, days[of & is_met], days[of & ~is_met]) for region, of in of_keys]


def _survival(region: str | None, met: NDArray[np.int64], seen: NDArray[np.int64]) -> Durations:
    from scipy import stats  # noqa: PLC0415 - takes most of a second to import, and few ask for a curve

    function = stats.ecdf(stats.CensoredData(uncensored=met, right=seen)).sf
    days, shares = function.quantiles, function.probabilities
    low = high = np.full(len(days), np.nan)
    if len(met):
        # Without a censored or an ended one beside, the variance has no value on some days; they stay null.
        with np.errstate(all="ignore"):
            interval = function.confidence_interval(0.95, method="log-log")
        low, high = interval.low.probabilities, interval.high.probabilities
    halved = np.flatnonzero(shares <= 0.5)
    step = max(1, -(-len(days) // CURVE_POINTS_MAX))
    curve = [
        (int(days[i]), round(float(shares[i]), 4), _bound(low[i]), _bound(high[i])) for i in range(0, len(days), step)
    ]
    return Durations(region, len(met), len(seen), float(days[halved[0]]) if len(halved) else None, curve)


def _bound(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
