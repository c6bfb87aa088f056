"""`taizhang ingest` that dies at a named point or never stays: python -m tests.kafka.faulty POINT NUMBER."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from services.intake import account
from services.intake.intake import Intake
from services.kafka import ingest, partitions, process
from services.kafka.ingest import Ingest
from services.kafka.reader import Reader
from services.system import logs
from services.system.settings import Settings, load


def dying(call: Callable[..., Any], at: int) -> Callable[..., Any]:
    """`call`, and SIGKILL after it has returned for the `at`th time."""
    left = at

    def then_die(*args: object, **kwargs: object) -> object:
        nonlocal left
        result = call(*args, **kwargs)
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return then_die


def storm(settings: Settings, seconds: float) -> None:
    """Join the group, stay for a second, leave it, join again."""
    until = time.monotonic() + seconds
    owner = f"storm-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        intake = process.open_intake(stack, settings, threading.Event())
        assert intake is not None
        while time.monotonic() < until:
            stopping = threading.Event()
            threading.Timer(1, stopping.set).start()
            Ingest(intake, lambda: Reader(settings, owner), owner, stopping).run()


def main(point: str, number: int) -> None:
    settings = load()
    logs.configure(level="warning")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    if point == "storm":
        storm(settings, number)
        return
    if point == "after_commit":
        Intake.admit = dying(Intake.admit, number)  # type: ignore[method-assign]  # a fault from inside
    elif point == "in_mid_batch":
        account.count = dying(account.count, number)
    elif point == "after_fence":
        advance = dying(partitions.advance, number)
        ingest.__dict__["advance"] = advance
    process.run(settings)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
