"""Survival curves: a case computed by hand."""

import numpy as np
import pytest

from services.fieldwork.durations import survival_curve


def test_what_is_still_open_counts_as_seen_for_so_long() -> None:
    # Five measures: met after 10 and 30 days, seen for 20, 30 and 40. At 10 days five are open, one is met: 4/5; at
    # 30 days three are, one is met: 4/5 * 2/3 = 8/15. Nothing is met on the 20th and the 40th.
    curve = survival_curve(np.array([30, 10, 20, 40, 30]), np.array([True, True, False, False, False]))
    assert curve.days.tolist() == [10, 20, 30, 40]
    assert curve.shares.tolist() == pytest.approx([4 / 5, 4 / 5, 8 / 15, 8 / 15])
