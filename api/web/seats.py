"""Seats: whose request is worked on now. A place says that a request may be here, a seat that it goes on.

What computes in this process shares one interpreter: with thirty requests at work even the quickest answer waits for
each of them again and again. So few are at work at once, few of them one caller's, and who has had least goes first.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Self

from starlette.types import Scope

from services.system.settings import Settings

# More at once make none of them quicker: two cores, one interpreter, and the database's own processes beside it.
AT_ONCE: Final = 6
OF_ONE: Final = 3
# A caller's first goes before others' second ones: it waits only where so many callers are at work.
FIRSTS_AT_ONCE: Final = 16
KNOCKS_AT_ONCE: Final = 16
KNOCKS_OF_ONE: Final = 8


class Seats:
    """So many at work at once; of one holder so many, and its first one goes before the rest.

    Who waits is let in by the seconds that it was at work before, fewest first (start-time fair queueing: who comes
    anew begins where the others are now). One event loop takes and gives back.
    """

    def __init__(self, at_once: int, each: int, firsts: int) -> None:
        self.at_work = 0
        self._at_once = at_once
        self._each = each
        self._firsts = firsts
        self._of: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._now = 0.0
        # Where each holder stands; one that stands no further than all of them need not be remembered.
        self._had: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return sum(map(len, self._waiting.values()))

    def _may(self, holder: str) -> bool:
        return self.at_work < (self._firsts if not self._of[holder] else self._at_once) and (
            self._of[holder] < self._each
        )

    def take_at_once(self, holder: str) -> bool:
        """Take a seat of this holder's, if nothing has to be waited for."""
        if holder in self._waiting or not self._may(holder):
            return False
        self._begin(holder)
        return True

    async def take(self, holder: str) -> None:
        """Wait for a seat of this holder's."""
        if self.take_at_once(holder):
            return
        seat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(seat)
        try:
            await seat
        except asyncio.CancelledError:
            if seat.cancelled():
                self._leave(holder, seat)
            else:
                self.give_back(holder, 0.0)
            raise

    def _begin(self, holder: str) -> None:
        self.at_work += 1
        self._of[holder] += 1
        self._now = max(self._now, self._had.get(holder, 0.0))

    def _leave(self, holder: str, seat: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(holder, deque())
        if seat in waiting:
            waiting.remove(seat)
        if not waiting:
            self._waiting.pop(holder, None)

    def give_back(self, holder: str, seconds: float) -> None:
        """Give a seat back that took so many seconds; whoever comes next begins."""
        self.at_work -= 1
        self._of[holder] -= 1
        if not self._of[holder]:
            del self._of[holder]
        self._had[holder] = max(self._had.get(holder, 0.0), self._now) + seconds
        while fit := [each for each in self._waiting if self._may(each)]:
            following = min(fit, key=lambda each: self._had.get(each, 0.0))
            seat = self._waiting[following][0]
            self._leave(following, seat)
            if not seat.cancelled():
                self._begin(following)
                seat.set_result(None)
        if len(self._had) > 2 * (len(self._of) + len(self._waiting)) + 64:
            self._had = {each: had for each, had in self._had.items() if had > self._now}

    @asynccontextmanager
    async def held(self, holder: str) -> AsyncIterator[None]:
        """Within: a seat of this holder's."""
        await self.take(holder)
        began = time.monotonic()
        try:
            yield
        finally:
            self.give_back(holder, time.monotonic() - began)


class Seat:
    """One request's seat at work; it keeps none while the client sends or reads, or while it waits for the ledger."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._holder: str | None = None
        self._began = 0.0

    async def take(self, holder: str) -> None:
        """Wait for it, as this holder; at once where it is held already."""
        if self._holder is None:
            await self._seats.take(holder)
            self._holder, self._began = holder, time.monotonic()

    def take_at_once(self, holder: str) -> bool:
        """Take it, if nothing has to be waited for; whether it is held."""
        if self._holder is None and self._seats.take_at_once(holder):
            self._holder, self._began = holder, time.monotonic()
        return self._holder is not None

    def give_back(self) -> str | None:
        """Give it back, if it is held; whose it was."""
        holder, self._holder = self._holder, None
        if holder is not None:
            self._seats.give_back(holder, time.monotonic() - self._began)
        return holder

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Within: what takes time and none of this process's work."""
        holder = self.give_back()
        yield
        if holder is not None:
            await self.take(holder)


class AllSeats(NamedTuple):
    """The seats of this process: at finding out who calls, by address; at the work of those who may, by caller."""

    knocks: Seats
    work: Seats

    @classmethod
    def of(cls, given: Settings) -> Self:
        """With --dev there is one caller, whose share is the whole."""
        each = AT_ONCE if given.dev else OF_ONE
        return cls(Seats(KNOCKS_AT_ONCE, KNOCKS_OF_ONE, KNOCKS_AT_ONCE), Seats(AT_ONCE, each, FIRSTS_AT_ONCE))


def seat_of(scope: Scope) -> Seat:
    """The seat of this request; one of nobody's queue for what is always answered."""
    state = scope.setdefault("state", {})
    if "seat" not in state:
        state["seat"] = Seat(Seats(1, 1, 1))
    seat: Seat = state["seat"]
    return seat
