"""The log read ahead, in a process of its own: decoding JSON takes as long as half of the fold.

The child (`python -m services.log.batches`) is told what to read by a line of JSON on its standard input, and answers
with frames on its standard output: the length in 8 bytes, big-endian, and a batch of events as JSON.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from sys import intern
from threading import Event as Flag
from threading import Thread
from typing import IO, Final

import orjson

from domain.events.facts import Event
from services.log.reader import LogReader
from services.postgres.database import connect
from services.system.errors import TaizhangError
from services.system.supervision import die_with

_LENGTH_BYTES: Final = 8
# Batches that wait to be folded.
_AHEAD_MAX: Final = 3


class ReaderEndedError(TaizhangError):
    """The process that reads the log has ended before its work was done."""


@contextmanager
def batches(conninfo: str, until: int, size: int) -> Iterator[Iterator[list[Event]]]:
    """The log's events from the first to that at position `until`, in batches of `size`, the next being read ahead.

    Raises:
        ReaderEndedError: while they are iterated, where the other process has failed; its own log says why.
    """
    command = [sys.executable, "-m", "services.log.batches"]
    asked = orjson.dumps({"conninfo": conninfo, "until": until, "size": size, "parent": os.getpid()})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101 - as above
        process.stdin.write(asked)
        process.stdin.close()
        waiting: Queue[list[Event] | None] = Queue(_AHEAD_MAX)
        stopping = Flag()
        thread = Thread(target=_receive, args=(process.stdout, waiting, stopping), name="log-batches", daemon=True)
        thread.start()
        try:
            yield _received(waiting, until)
        finally:
            stopping.set()
            process.kill()
            while thread.is_alive():  # it may wait for room
                if not waiting.empty():
                    waiting.get_nowait()
                thread.join(0.01)


def _receive(pipe: IO[bytes], waiting: "Queue[list[Event] | None]", stopping: Flag) -> None:
    while not stopping.is_set():
        length = int.from_bytes(pipe.read(_LENGTH_BYTES))
        frame = pipe.read(length)
        if not frame or len(frame) < length:
            break
        # Every record keeps its last event's source, of which there are few.
        waiting.put([Event(values[0], intern(values[1]), *values[2:]) for values in orjson.loads(frame)])
    waiting.put(None)


def _received(waiting: "Queue[list[Event] | None]", until: int) -> Iterator[list[Event]]:
    position = 0
    while position < until:
        batch = waiting.get()
        if batch is None:
            raise ReaderEndedError(f"the log could not be read beyond position {position}; see the log above")
        position = batch[-1].position
        yield batch


def main() -> None:
    """Send what is asked for."""
    asked = orjson.loads(sys.stdin.buffer.read())
    die_with(asked["parent"])
    position, until = 0, asked["until"]
    with connect(asked["conninfo"], "log-batches") as connection:
        log = LogReader(connection)
        while position < until:
            batch = log.values_after(position, min(asked["size"], until - position))
            position = batch[-1][0]
            frame = orjson.dumps(batch)
            sys.stdout.buffer.write(len(frame).to_bytes(_LENGTH_BYTES))
            sys.stdout.buffer.write(frame)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
