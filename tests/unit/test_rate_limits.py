"""One client's requests: a burst, then a steady rate, and nobody else's."""

from hypothesis import given
from hypothesis import strategies as st

from services.access.rate_limits import BURST_S, CLIENTS_MAX, RateLimits

RATE = 10.0


@given(st.lists(st.floats(0, 2), min_size=1, max_size=80))
def test_in_any_stretch_a_client_gets_a_burst_and_the_rate_at_most(pauses: list[float]) -> None:
    limits, now, let_in = RateLimits(RATE), 0.0, 0
    for pause in pauses:
        now += pause
        let_in += limits.take("a", now) == 0
        assert let_in <= RATE * BURST_S + RATE * now + 1e-6


def test_whoever_waits_as_told_gets_in() -> None:
    limits, now = RateLimits(RATE), 0.0
    while (wait := limits.take("a", now)) == 0:
        pass
    assert limits.take("b", now) == 0
    assert limits.take("a", now + wait + 1e-9) == 0


def test_without_a_rate_there_is_no_limit() -> None:
    limits = RateLimits(0)
    assert all(limits.take("a", 0.0) == 0 for _ in range(1000))


def test_memory_is_bounded() -> None:
    """Of more clients than are kept, the one that was seen longest ago begins anew, with a full bucket."""
    limits = RateLimits(RATE)
    while limits.take("first", 0.0) == 0:
        pass
    for number in range(CLIENTS_MAX - 1):
        limits.take(str(number), 0.0)
    assert limits.take("first", 0.0) > 0
    for number in range(CLIENTS_MAX):
        limits.take(str(number), 0.0)
    assert limits.take("first", 0.0) == 0
