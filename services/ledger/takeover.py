"""Ends a projector that stands still while the log goes on, so that another one gets its turn.

It may be stopped, paused with its machine, or cut off from the database: its session stays, and with it the lock by
which there is one projector. Every `taizhang serve` on the database looks after it, and after its own child process.
"""

import socket
import threading
import time
from typing import Any, Final

import psycopg
from psycopg import Connection

from services.ledger import versions
from services.postgres import holders
from services.postgres.database import connect
from services.postgres.holders import Holder
from services.system.logs import logger
from services.system.supervision import Supervisor

# One projector at a time: any number, as long as no other advisory lock of the database has it.
LOCK: Final = 0x7461697A50524F4A
LOOK_S: Final = 2.0
# Longer than a transaction may stand idle. Ended, started again and reading its tables takes some seconds more.
STANDS_S_MAX: Final = 16.0
TAKEN_OVER_S_MAX: Final = 30.0

_HEAD: Final = """
SELECT coalesce((SELECT notification_id FROM taizhang.log ORDER BY notification_id DESC LIMIT 1), 0)
"""


def application(pid: int | None) -> str:
    """The name under which a projector connects, by which its process is found again."""
    return f"projector-{socket.gethostname()[:32]}-{pid}"


class Takeover:
    """Looks after whichever projector has its turn, and ends it where it stands."""

    def __init__(self, conninfo: str, own: Supervisor) -> None:
        self._conninfo = conninfo
        self._own = own
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector-takeover", daemon=True)
        self._seen: tuple[int, Holder | None] | None = None
        self._since = time.monotonic()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                with connect(self._conninfo, "takeover") as connection:
                    while not self._stopping.wait(LOOK_S):
                        self._look(connection)
            except psycopg.Error as error:
                self._seen = None
                logger().debug("projector not looked after", fault=type(error).__name__)

    def _look(self, connection: Connection[Any]) -> None:
        with connection.cursor() as cursor:
            version = versions.in_use(cursor)
            if version is not None and not version.is_own:
                # Nobody applies events to it here; ours may be at work on a rebuild.
                self._seen = None
                return
            row = cursor.execute(_HEAD).fetchone()
            holder = holders.of_key(cursor, LOCK)
            assert row is not None  # noqa: S101  # the query gives one row
            position, head = version.position if version else 0, row[0]
            before, self._seen = self._seen, (position, holder)
            if position >= head or before is None or before[0] != position or _moves(holder, before[1]):
                self._since = time.monotonic()
            elif time.monotonic() - self._since >= STANDS_S_MAX:
                self._end(cursor, holder, head - position)

    def _end(self, cursor: psycopg.Cursor[Any], holder: Holder | None, behind: int) -> None:
        session = None if holder is None else holder.application
        logger().warning("the projector stands still and is ended", session=session, behind=behind)
        if holder is not None:
            holders.end(cursor, holder)
        self._seen = None
        # Where no session has its turn, ours has not come as far as to ask for it.
        if session in {None, f"taizhang-{application(self._own.pid)}"}:
            self._own.renew()


def _moves(holder: Holder | None, before: Holder | None) -> bool:
    # That a session has gone is no progress: the server ends one that stands in a transaction.
    return holder is not None and not holder.stands(before)
