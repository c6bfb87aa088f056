"""A child process that is started again, with back-off, whenever it ends, and that never outlives its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Final

from services.system.logs import logger

BACK_OFF_S_MIN: Final = 0.5
BACK_OFF_S_MAX: Final = 30.0
# A child that ran this long was well; its next fault starts the back-off anew.
HEALTHY_S: Final = 60.0
STOP_S_MAX: Final = 20.0
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
# Every child of this process, for an end in haste.
_CHILDREN: Final["weakref.WeakSet[subprocess.Popen[bytes]]"] = weakref.WeakSet()


def die_with(parent: int) -> None:
    """End this process as soon as the process `parent` ends, also by SIGKILL; for a child, first thing."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the call
        sys.exit(0)


def kill_children() -> None:
    """End every child at once, whatever it waits for."""
    for each in list(_CHILDREN):
        each.kill()


class Supervisor:
    """Keeps one child process running until `stop`; with `until_done`, until it ends with exit code 0.

    Each child has the open files that it `inherits`, by number.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, until_done: bool = False, inherits: Sequence[int] = ()
    ) -> None:
        self.name = name
        self._command = list(command)
        self._inherits = tuple(inherits)
        self._until_done = until_done
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        # PR_SET_PDEATHSIG follows the thread that started the child, so this thread stays as long as the child.
        self._thread = threading.Thread(target=self._run, name=f"supervise-{name}", daemon=True)

    def start(self) -> None:
        """Start the child, from a thread that waits for it; a second call changes nothing."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the child runs now."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def done(self) -> bool:
        """Whether it was started and nothing will start the child again."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def pid(self) -> int | None:
        """The child's number; None before the first."""
        process = self._process
        return None if process is None else process.pid

    def renew(self) -> None:
        """Kill a child that does not heed anything; another one is started in its place."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End the child: SIGTERM, and SIGKILL if it does not heed it in time."""
        self._stopping.set()
        deadline = time.monotonic() + STOP_S_MAX
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._signal(signal.SIGTERM)
            self._thread.join(0.5)
        if self._thread.is_alive():
            logger().warning("child killed", child=self.name, after_s=STOP_S_MAX)
            self._signal(signal.SIGKILL)
            self._thread.join()

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    def _run(self) -> None:
        back_off = BACK_OFF_S_MIN
        while not self._stopping.is_set():
            began = time.monotonic()
            # A process group of its own: a Ctrl-C in the terminal reaches us alone, and we stop in order.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, process_group=0, pass_fds=self._inherits
            )
            _CHILDREN.add(self._process)
            code = self._process.wait()
            if self._stopping.is_set() or (self._until_done and code == 0):
                return
            if time.monotonic() - began > HEALTHY_S:
                back_off = BACK_OFF_S_MIN
            logger().warning("child ended", child=self.name, exit_code=code, restart_in_s=back_off)
            self._stopping.wait(back_off)
            back_off = min(back_off * 2, BACK_OFF_S_MAX)
