"""A fact that raises a rate is late by the day on which it was learned."""

from datetime import date

import pytest

from domain.events.facts import Fact
from domain.events.types import SignalsAdopted
from domain.inspection.signals import DEFAULT_SIGNAL_POLICY, Learned, SignalPolicy, backdated, read_signal_policy

DEADLINE = date(2024, 12, 31)
FORMED = Fact(
    date(2024, 12, 25), 0, 0, "/office", "e1", "taizhang.branch.formed.v1", {"branch": "branch:b"}, 7, (7,)
)  # fmt: skip
IN_TIME, LATE = date(2024, 12, 28), date(2025, 2, 10)


@pytest.mark.parametrize(
    ("learned", "found"),
    [
        (Learned(IN_TIME, IN_TIME, IN_TIME, "recorded"), False),
        (Learned(LATE, LATE, LATE, "recorded"), True),
        # A registry that states a time before the deadline for what it sends after it.
        (Learned(IN_TIME, LATE, LATE, "recorded"), True),
        # The past that an import brings along.
        (Learned(IN_TIME, LATE, IN_TIME, "said"), False),
        (Learned(LATE, LATE, LATE, "said"), True),
        # Said in time, but only after something that was said late.
        (Learned(IN_TIME, LATE, LATE, "said"), True),
        # Learned within the days of grace.
        (Learned(IN_TIME, date(2025, 1, 5), date(2025, 1, 5), "recorded"), False),
        (Learned(IN_TIME, date(2025, 1, 6), date(2025, 1, 6), "recorded"), True),
    ],
)
def test_the_day_of_learning_counts_whatever_the_registry_states(learned: Learned, *, found: bool) -> None:
    hit = backdated(FORMED, learned, DEADLINE, DEFAULT_SIGNAL_POLICY)
    assert (hit is not None) == found
    if hit is not None:
        assert {name: hit.detail[name] for name in Learned._fields} == learned._asdict()


def test_thresholds_that_an_older_event_leaves_out_are_the_usual_ones() -> None:
    usual = DEFAULT_SIGNAL_POLICY._asdict()
    later = ("never_met_days", "uncontacted_days")
    told = {name: value + 1 for name, value in usual.items() if name not in later}
    assert read_signal_policy(told) == SignalPolicy(**told)
    assert [SignalsAdopted.model_fields[name].default for name in later] == [usual[name] for name in later]
