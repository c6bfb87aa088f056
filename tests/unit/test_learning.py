"""When positions are learned, position by position, against the oracle's whole look at a history."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.values.clocks import IMPORT, Learning, basis_of
from domain.values.instants import INSTANT_MAX_NS, INSTANT_MIN_NS
from tests.oracle.learning import EPOCH, Arrived, learned_at, position_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_NS = (NOW - EPOCH) // timedelta(microseconds=1) * 1000
# Around the instants of recording too, where what is said is cut off, and below the microsecond.
SAID = st.one_of(
    st.integers(NOW_NS - 5_000, NOW_NS + 12_000),
    st.integers(INSTANT_MIN_NS, INSTANT_MAX_NS),
    st.sampled_from([0, 1, 999, 1000, -1]),
)
HISTORIES = st.sampled_from([None, None, "a", "a", "b"])


@st.composite
def histories(draw: st.DrawFn) -> list[Arrived]:
    """Imports and live events in any order; the log's own clock stands still or goes on."""
    steps = draw(st.lists(st.tuples(st.integers(0, 3), HISTORIES, SAID), max_size=12))
    at, arrived = NOW, []
    for step, history, time_ns in steps:
        at += timedelta(microseconds=step)
        arrived.append(Arrived(at, history, time_ns))
    return arrived


@given(histories(), st.sets(st.integers(0, 12)))
def test_every_position_is_learned_as_the_specification_says_wherever_batches_end(
    arrived: list[Arrived], ends: set[int]
) -> None:
    learning, made = Learning(None, {}), []
    for number, each in enumerate(arrived):
        if number in ends:  # the next batch goes on from what is kept
            learning = Learning(learning.learned_at, learning.ahead())
        coordinates = {} if each.history is None else {IMPORT: each.history}
        learned = learning.next(each.recorded_at, coordinates, each.time_ns)
        assert (learned is None) == (basis_of(coordinates) == "recorded")
        made.append(learned or each.recorded_at)
    assert made == learned_at(arrived)
    assert all(before <= after for before, after in pairwise(made))
    assert all(at <= each.recorded_at for at, each in zip(made, arrived, strict=True))


@given(histories(), st.integers(-5, 20), st.integers(-5, 20))
def test_a_later_instant_never_means_an_earlier_position(arrived: list[Arrived], one: int, other: int) -> None:
    learned = learned_at(arrived)
    first, last = sorted((one, other))
    at = [position_at(learned, NOW + timedelta(microseconds=each)) for each in (first, last)]
    assert at[0] <= at[1]
    assert [each <= NOW + timedelta(microseconds=first) for each in learned] == [
        number <= at[0] for number in range(1, len(learned) + 1)
    ]
