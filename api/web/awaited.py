"""What other threads do for requests that wait in the event loop: its end is told to all of a commit at once."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Pair(NamedTuple):
    done: "Future[Any]"
    waiting: "asyncio.Future[Any]"


class Awaited:
    """Futures of other threads, as the one event loop of this process waits for them.

    The loop is woken once for all that have ended since it last looked. Woken for each, it would take the interpreter
    from the thread that has the next ones to tell.
    """

    def __init__(self) -> None:
        self._ended: deque[_Pair] = deque()
        self._is_told = False

    def wait_for(self, future: "Future[T]") -> "asyncio.Future[T]":
        """A future of the running loop that ends as this one does; it may be cancelled, which the other is not."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def ended(done: "Future[T]") -> None:
            self._ended.append(_Pair(done, waiting))
            if not self._is_told:
                self._is_told = True
                loop.call_soon_threadsafe(self._tell)

        future.add_done_callback(ended)
        return waiting

    def _tell(self) -> None:
        # First: what ends from here on wakes the loop anew, or is among those below.
        self._is_told = False
        while self._ended:
            done, waiting = self._ended.popleft()
            if waiting.done():
                continue
            if done.cancelled():
                waiting.cancel()
            elif (error := done.exception()) is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(done.result())
