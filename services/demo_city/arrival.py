"""Lines in order of arrival, in bounded memory: an external merge sort."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Final

RUN_LINES: Final = 150_000
"""Lines held in memory at once, some 70 MB; more go to a temporary file, run by run."""
_KEY_LENGTH: Final = 24


def in_order_of_arrival(lines: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """The lines by their second of arrival, without it; those of one second as they came.

    Each line gets its key in front, so that bytes compare as arrivals do.
    """
    with ExitStack() as files:
        runs: list[IO[bytes]] = []
        run: list[bytes] = []
        for number, (second, line) in enumerate(lines):
            run.append(b"%013d%010d:%b\n" % (second, number, line))
            if len(run) == RUN_LINES:
                runs.append(files.enter_context(tempfile.TemporaryFile(buffering=1 << 18)))
                _write(runs[-1], run)
                run = []
        run.sort()
        for keyed in heapq.merge(*runs, run) if runs else run:
            yield keyed[_KEY_LENGTH:]


def _write(file: IO[bytes], run: list[bytes]) -> None:
    run.sort()
    file.writelines(run)
    file.seek(0)
