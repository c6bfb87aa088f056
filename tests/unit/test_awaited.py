"""The event loop is woken once for all that other threads have ended since it last looked."""

import asyncio
from concurrent.futures import Future
from threading import Thread
from unittest.mock import patch

import pytest

from api.web.awaited import Awaited


def test_each_ends_as_its_own_does_and_the_loop_is_woken_once() -> None:
    async def run() -> None:
        awaited, futures = Awaited(), [Future[int]() for _ in range(5)]
        waiting = [awaited.wait_for(each) for each in futures]
        given_up = waiting[3]
        given_up.cancel()
        loop = asyncio.get_running_loop()
        with patch.object(loop, "call_soon_threadsafe", wraps=loop.call_soon_threadsafe) as woken:
            ending = Thread(target=end_all, args=(futures,))
            ending.start()
            ending.join()  # the loop looks at nothing meanwhile
            assert woken.call_count == 1
        assert await waiting[0] == 7
        with pytest.raises(ValueError, match="refused"):
            await waiting[1]
        with pytest.raises(asyncio.CancelledError):
            await waiting[2]
        assert given_up.cancelled()
        assert await waiting[4] == 8
        late = Future[int]()
        after = awaited.wait_for(late)
        late.set_result(9)
        assert await asyncio.wait_for(after, 10) == 9

    asyncio.run(run())


def end_all(futures: list[Future[int]]) -> None:
    futures[0].set_result(7)
    futures[1].set_exception(ValueError("refused"))
    futures[2].cancel()
    futures[3].set_result(0)
    futures[4].set_result(8)


def test_what_has_ended_before_it_is_waited_for_is_told_too() -> None:
    async def run() -> None:
        done = Future[int]()
        done.set_result(1)
        assert await asyncio.wait_for(Awaited().wait_for(done), 10) == 1

    asyncio.run(run())
