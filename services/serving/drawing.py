"""Charts drawn by a process of their own, so that nobody else waits for one.

In this process a chart would hold up every other request for a tenth of a second, the first one for nearly a whole.
"""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from services.system.errors import QueueFullError, TaizhangError
from services.system.logs import logger

_COMMAND: Final = (sys.executable, "-m", "services.serving.draw")
CACHED_MAX: Final = 128
DRAW_S_MAX: Final = 20.0
WAIT_S_MAX: Final = 10.0
_STOP_S_MAX: Final = 2.0
_ATTEMPTS: Final = 2


class DrawingError(TaizhangError):
    """A chart cannot be drawn; its figures stand in a table beside it."""


class Drawer:
    """Draws one chart at a time; the last CACHED_MAX are kept."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._kept = lru_cache(maxsize=CACHED_MAX)(self._draw)

    def wake(self) -> None:
        """Start the process where it does not run, and go on at once; for whoever will soon ask for a chart."""
        if self._process is None and self._turn.acquire(blocking=False):
            try:
                self._running()
            finally:
                self._turn.release()

    def draw(self, specification: dict[str, Any]) -> str:
        """The SVG of a Vega-Lite specification that holds its own data.

        Raises:
            QueueFullError: others' charts took longer than WAIT_S_MAX.
            DrawingError: it cannot be drawn, or not within DRAW_S_MAX.
        """
        # A line break would end the specification; JSON writes those in texts out.
        return self._kept(json.dumps(specification, ensure_ascii=False, sort_keys=True))

    def close(self) -> None:
        """End the process."""
        with self._turn:
            process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _draw(self, line: str) -> str:
        if not self._turn.acquire(timeout=WAIT_S_MAX):
            raise QueueFullError(f"charts have been waiting for {WAIT_S_MAX:.0f} s; ask again", retry_after_s=2)
        try:
            for _ in range(_ATTEMPTS):
                answer = self._asked(line)
                if answer:
                    break
        finally:
            self._turn.release()
        found = json.loads(answer or "{}")
        if "svg" not in found:
            raise DrawingError(f"the chart was not drawn: {found.get('error', 'its process ended')}")
        return str(found["svg"])

    def _asked(self, line: str) -> str:
        """The process's answer; empty where it ended instead, and the next attempt starts another."""
        process = self._running()
        watch = threading.Timer(DRAW_S_MAX, process.kill)
        watch.start()
        answer = ""
        with suppress(BrokenPipeError):
            print(line, file=process.stdin, flush=True)
            answer = process.stdout.readline() if process.stdout else ""
        watch.cancel()
        if not answer:
            _end(process)
            logger().warning("the process that draws charts ended", exit_code=process.returncode)
            self._process = None
        return answer

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            # A process group of its own: a Ctrl-C in the terminal reaches us alone. It ends with its input, ours.
            self._process = subprocess.Popen(
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", process_group=0
            )
        return self._process


def _end(process: "subprocess.Popen[str]") -> None:
    """Close its input, and kill it where it does not heed that."""
    with suppress(BrokenPipeError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(_STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
