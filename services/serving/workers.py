"""`taizhang serve --workers N`: processes that answer on one socket, looked after by the one that holds it.

Each is a service of its own on the one database, as several hosts would be: what must be decided once is decided in
the writer's turn there. It joins only once it has read the ledger, so that whoever it answers is answered.
"""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Final

from services.system.supervision import Supervisor

#: Of prometheus_client, which reads it where it is imported.
COUNTS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_COMMAND: Final = (sys.executable, "-m", "services.commands.cli", "worker")


@contextmanager
def workers(listener: socket.socket, number: int, when_ready: Callable[[], None]) -> Iterator[None]:
    """Within: so many workers answer on the socket; one that ends is started again.

    Args:
        listener: bound and listening; this process accepts nothing on it.
        number: of workers.
        when_ready: called in a thread of its own, once all of them answer for the first time.
    """
    # What each worker counts is added up there, whichever of them is asked for it.
    with TemporaryDirectory(prefix="taizhang-metrics-") as folder:
        os.environ[COUNTS_FOLDER] = folder
        with _kept(listener, number, when_ready):
            yield


@contextmanager
def _kept(listener: socket.socket, number: int, when_ready: Callable[[], None]) -> Iterator[None]:
    read, write = os.pipe()
    given = ("--parent", str(os.getpid()), "--listener", str(listener.fileno()), "--ready", str(write))
    inherits = (listener.fileno(), write)
    all_of_them = [Supervisor(f"worker-{n + 1}", [*_COMMAND, *given], inherits=inherits) for n in range(number)]

    def tell() -> None:
        # A byte from each; none more once this process ends.
        with open(read, "rb", buffering=0) as told:  # noqa: PTH123 - a pipe
            for _ in range(number):
                if not told.read(1):
                    return
        when_ready()

    threading.Thread(target=tell, name="workers-ready", daemon=True).start()
    for each in all_of_them:
        each.start()
    try:
        yield
    finally:
        ending = [threading.Thread(target=each.stop) for each in all_of_them]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        os.close(write)


def say_ready(pipe: int) -> None:
    """In a worker: tell the process that looks after it that it answers; nobody may listen any more."""
    with suppress(OSError):
        os.write(pipe, b".")
