"""Seats at work: the limits hold, nobody is forgotten, and who has had least goes first, in any order of events."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.seats import Seat, Seats

AT_ONCE, EACH, FIRSTS = 3, 2, 5
# What happens next: somebody asks, the first or the last at work ends, the first or the last who waits goes away.
STEPS = st.lists(
    st.tuples(st.just("ask"), st.integers(0, 7))
    | st.tuples(st.sampled_from(["end", "leave"]), st.sampled_from([0, -1])),
    max_size=60,
)


async def settled() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def _lived(steps: list[tuple[str, int]]) -> None:
    seats = Seats(AT_ONCE, EACH, FIRSTS)
    at_work: list[str] = []
    waiting: list[tuple[str, asyncio.Task[None]]] = []

    async def ask(holder: str) -> None:
        await seats.take(holder)
        at_work.append(holder)

    def look() -> None:
        of = Counter(at_work)
        assert seats.at_work == len(at_work) <= FIRSTS
        assert max(of.values(), default=0) <= EACH
        assert len(at_work) - len(of) <= AT_ONCE - 1, "second ones beyond what is for all"
        still = [holder for holder, task in waiting if not task.done()]
        assert seats.waiting == len(still)
        for holder in still:
            free = FIRSTS if not of[holder] else AT_ONCE
            assert of[holder] == EACH or len(at_work) >= free, f"{holder} waits for nothing"

    for step, which in steps:
        if step == "ask":
            waiting.append((f"caller {which}", asyncio.ensure_future(ask(f"caller {which}"))))
        elif step == "end" and at_work:
            seats.give_back(at_work.pop(which), 0.1)
        elif step == "leave" and (still := [task for _, task in waiting if not task.done()]):
            still[which].cancel()
            await asyncio.gather(still[which], return_exceptions=True)
        await settled()
        look()
    while at_work:
        seats.give_back(at_work.pop(), 0.1)
        await settled()
    assert seats.waiting == seats.at_work == 0
    assert all(task.done() for _, task in waiting)


@given(STEPS)
def test_no_order_of_asking_ending_and_leaving_breaks_a_limit_or_forgets_anybody(steps: list[tuple[str, int]]) -> None:
    asyncio.run(_lived(steps))


async def _passed_by(crowd: int) -> int:
    """How many of a crowd's requests begin, each of a caller's own, between a quiet caller's asking and its seat."""
    seats = Seats(AT_ONCE, EACH, FIRSTS)
    begun: list[str] = []
    busy: list[str] = []

    async def ask(holder: str) -> None:
        await seats.take(holder)
        begun.append(holder)
        busy.append(holder)

    tasks = [asyncio.ensure_future(ask(f"caller {number}")) for number in range(crowd) for _ in range(4)]
    await settled()
    for _ in range(crowd):  # each has had a second
        seats.give_back(busy.pop(0), 1.0)
        await settled()
    began = len(begun)
    tasks.append(asyncio.ensure_future(ask("quiet")))
    await settled()
    while "quiet" not in begun:
        seats.give_back(busy.pop(0), 1.0)
        await settled()
    found = begun.index("quiet") - began
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return found


@pytest.mark.parametrize("crowd", [10, 40])
def test_who_has_had_least_goes_before_a_crowd_that_waits(crowd: int) -> None:
    assert asyncio.run(_passed_by(crowd)) <= 1


async def _cancelled_as_it_was_given() -> tuple[int, int]:
    seats = Seats(1, 1, 1)
    await seats.take("a")
    waits = asyncio.ensure_future(seats.take("b"))
    await settled()
    seats.give_back("a", 0.0)  # b has it, and does not know yet
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    return seats.at_work, seats.waiting


def test_a_seat_that_nobody_is_there_to_take_goes_on() -> None:
    assert asyncio.run(_cancelled_as_it_was_given()) == (0, 0)


async def _paused() -> list[int]:
    seats = Seats(1, 1, 1)
    seat, found = Seat(seats), list[int]()
    await seat.take("a")
    await seat.take("a")
    found.append(seats.at_work)
    async with seat.paused():
        found.append(seats.at_work)
    found.append(seats.at_work)
    assert seat.give_back() == "a"
    async with seat.paused():
        pass
    return [*found, seats.at_work]


def test_a_request_that_waits_for_something_else_keeps_no_seat() -> None:
    assert asyncio.run(_paused()) == [1, 0, 1, 0]
