"""Whose word counts for when a fact was learned: the registry's, or that of the log."""

from datetime import date

import pytest

from domain.events.facts import Fact
from domain.inspection.signals import DEFAULT_SIGNAL_POLICY, Learned, backdated

DEADLINE = date(2024, 12, 31)
FORMED = Fact(
    date(2024, 12, 25), 0, 0, "/office", "e1", "taizhang.branch.formed.v1", {"branch": "branch:b"}, 7, (7,)
)  # fmt: skip
LONG_CONNECTED, CONNECTED_LATE = date(2024, 3, 1), date(2025, 2, 1)
IN_TIME, LATE = date(2024, 12, 28), date(2025, 2, 10)


@pytest.mark.parametrize(
    ("learned", "found"),
    [
        (Learned(IN_TIME, IN_TIME, LONG_CONNECTED), False),
        (Learned(LATE, LATE, LONG_CONNECTED), True),
        # A registry that states a time before the deadline for what it sends after it.
        (Learned(IN_TIME, LATE, LONG_CONNECTED), True),
        # The past that a registry brings along when it is connected.
        (Learned(IN_TIME, LATE, CONNECTED_LATE), False),
        (Learned(LATE, LATE, CONNECTED_LATE), True),
        # Recorded within the days of grace.
        (Learned(IN_TIME, date(2025, 1, 5), LONG_CONNECTED), False),
        (Learned(IN_TIME, date(2025, 1, 6), LONG_CONNECTED), True),
    ],
)
def test_the_log_s_word_counts_unless_the_source_came_after_the_deadline(learned: Learned, *, found: bool) -> None:
    hit = backdated(FORMED, learned, DEADLINE, DEFAULT_SIGNAL_POLICY)
    assert (hit is not None) == found
    if hit is not None:
        said = {name: hit.detail[name] for name in ("said_on", "recorded_on", "connected_on")}
        assert said == learned._asdict()
