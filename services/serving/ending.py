"""The service's end in time: whatever its threads wait for, and for how long.

A database server that stands still answers nothing and breaks nothing off: its kernel keeps the connections alive, so
no limit of TCP's ends the wait, and a thread in it heeds no signal. What is joined would hold up the end for ever.
"""

import os
import threading
from typing import Final

from services.system.logs import logger
from services.system.supervision import kill_children

#: From the first SIGTERM on; requests under way have 10 s of it. systemd, compose and Kubernetes wait for 30.
END_S_MAX: Final = 25.0
#: Of an end that left threads waiting.
EXIT_CODE: Final = 1

_begun = threading.Lock()
_over = threading.Event()


def begin(seconds: float = END_S_MAX) -> None:
    """From now on the process has so long to end in order; later calls change nothing."""
    if _begun.acquire(blocking=False):
        threading.Thread(target=_end, args=(seconds,), name="end-in-time", daemon=True).start()


def over() -> None:
    """Every part has ended in order; what comes has limits of its own."""
    _over.set()


def _end(seconds: float) -> None:
    if _over.wait(seconds):
        return
    own = (threading.current_thread(), threading.main_thread())
    waiting = sorted(each.name for each in threading.enumerate() if each not in own)
    logger().error(
        "ended without its threads: the database has answered nothing for so long; nothing that was answered is lost",
        after_s=seconds, waiting=waiting,
    )  # fmt: skip
    kill_children()
    os._exit(EXIT_CODE)
