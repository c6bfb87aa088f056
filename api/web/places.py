"""Places: how much of one kind is under way at once, and how much of it is one caller's or one address's."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Self

from api.web.problems import Problem
from services.system.settings import Settings

# Whoever was refused lately is a thing that operators are told.
LATELY_S: Final = 60.0
# One in so many is for those who hold none yet: many callers with many places each leave room for one more.
FIRSTS_IN: Final = 8


class Places:
    """Places of one kind: so many at once, of them a reserve for operators, and so many for each holder.

    The last ones are given to those alone who hold none.

    One event loop takes and gives them back, so nothing comes between the look and the taking.
    """

    def __init__(self, what: str, at_once: int, each: int, reserve: int = 0, retry_s: int = 1) -> None:
        self.what = what
        self.at_once = at_once
        self.taken = 0
        self.refused = 0
        self._each = each
        self._reserve = reserve
        # Where one's share is the whole there is one caller, and nobody to keep places for.
        self._for_firsts = at_once // FIRSTS_IN if each < at_once else 0
        self._retry = {"retry-after": str(retry_s), "connection": "close"}
        self._of: Counter[str] = Counter()
        self._refused_at = -LATELY_S

    @property
    def refused_lately(self) -> bool:
        """Whether somebody was refused in the last minute."""
        return time.monotonic() - self._refused_at < LATELY_S

    def take(self, holder: str, *, from_reserve: bool = False) -> None:
        """Take a place for a holder, one of the reserve if need be and if it may.

        Raises:
            Problem: 503, there is none left; 429, the holder has its share already.
        """
        free = self.at_once - (0 if from_reserve else self._reserve) - (self._for_firsts if self._of[holder] else 0)
        if self.taken >= free:
            raise self._refuse("not-ready", f"{free} {self.what} at once are the limit, and are there; try again later")
        if self._of[holder] >= self._each:
            told = f"{self._each} {self.what} at once are one caller's share; end one, or wait, and try again"
            raise self._refuse("too-many-requests", told)
        self.taken += 1
        self._of[holder] += 1

    def _refuse(self, kind: str, told: str) -> Problem:
        self.refused += 1
        self._refused_at = time.monotonic()
        return Problem(kind, told, headers=self._retry)

    def give_back(self, holder: str) -> None:
        """Give a holder's place back."""
        self.taken -= 1
        self._of[holder] -= 1
        if not self._of[holder]:
            del self._of[holder]

    @contextmanager
    def held(self, holder: str) -> Iterator[None]:
        """Within: a place of this holder.

        Raises:
            Problem: as `take`.
        """
        self.take(holder)
        try:
            yield
        finally:
            self.give_back(holder)


class Place:
    """One request's place: its address's until the caller is known, then the caller's.

    Until then it may be one of the reserve: who comes could be an operator, and it is known in a moment.
    """

    def __init__(self, places: Places, address: str) -> None:
        self._places = places
        self._holder: str | None = None
        self.take(address, from_reserve=True)

    def take(self, holder: str, *, from_reserve: bool = False) -> None:
        """Take the place for somebody else.

        Raises:
            Problem: as `Places.take`; then it holds none.
        """
        self.give_back()
        self._places.take(holder, from_reserve=from_reserve)
        self._holder = holder

    def give_back(self) -> None:
        """Give it back, if it is still held."""
        if self._holder is not None:
            self._places.give_back(self._holder)
            self._holder = None


class AllPlaces(NamedTuple):
    """The places of this process."""

    requests: Places
    streams: Places
    waits: Places

    @classmethod
    def of(cls, given: Settings) -> Self:
        """As the settings say; with --dev there is one caller, whose share is the whole."""

        def each(share: int, whole: int) -> int:
            return whole if given.dev else share

        requests, streams, waits = given.requests_at_once_max, given.streams_at_once_max, given.waits_at_once_max
        return cls(
            Places("requests", requests, each(given.requests_of_one_max, requests), given.requests_for_operators),
            Places("streams", streams, each(given.streams_of_one_max, streams), retry_s=30),
            Places("waiting reads", waits, each(given.waits_of_one_max, waits)),
        )
