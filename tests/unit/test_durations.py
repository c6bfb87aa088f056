"""Survival curves are those of a library, and of a case computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.durations import survival_curve


def test_what_is_still_open_counts_as_seen_for_so_long() -> None:
    # Five measures: met after 10 and 30 days, seen for 20, 30 and 40. At 10 days five are open, one is met: 4/5; at
    # 30 days three are, one is met: 4/5 * 2/3 = 8/15. Nothing is met on the 20th and the 40th.
    curve = survival_curve(np.array([30, 10, 20, 40, 30]), np.array([True, True, False, False, False]))
    assert curve.days.tolist() == [10, 20, 30, 40]
    assert curve.shares.tolist() == pytest.approx([4 / 5, 4 / 5, 8 / 15, 8 / 15])


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60))
@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
def test_a_curve_is_the_librarys(seen: list[tuple[int, bool]]) -> None:
    days, is_end = np.array([day for day, _ in seen]), np.array([end for _, end in seen])
    curve = survival_curve(days, is_end)
    expected = stats.ecdf(stats.CensoredData(uncensored=days[is_end], right=days[~is_end])).sf
    assert curve.days.tolist() == expected.quantiles.tolist()
    assert curve.shares == pytest.approx(expected.probabilities, abs=1e-12)
    if not is_end.any():
        assert np.isnan(curve.low).all()
        assert np.isnan(curve.high).all()
        return
    with np.errstate(all="ignore"):
        interval = expected.confidence_interval(0.95, method="log-log")
    assert curve.low == pytest.approx(interval.low.probabilities, abs=1e-9, nan_ok=True)
    assert curve.high == pytest.approx(interval.high.probabilities, abs=1e-9, nan_ok=True)
