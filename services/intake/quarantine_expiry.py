"""When the bytes of quarantined messages that hold numbers or names of persons go by themselves.

What is open when its time comes is discarded first, so that nothing without bytes is ever offered for a redrive.
"""

import threading
from datetime import timedelta
from typing import Final

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import Cursor
from psycopg.rows import TupleRow

from services.intake.quarantine import Step, record
from services.intake.quarantine_bytes import due, empty
from services.log.turns import Turn
from services.log.writer import Writer
from services.system.errors import TaizhangError
from services.system.logs import logger

AT_ONCE: Final = 500
BY: Final = "retention"
EVERY: Final = timedelta(hours=1)
# A table's file keeps the bytes of changed rows until it is written anew.
_WENT: Final = "SELECT max(emptied_at) > clock_timestamp() - %s::interval FROM taizhang.quarantine"
_ANEW: Final = "VACUUM (FULL) taizhang.quarantine"


def expire(writer: Writer, kept: timedelta) -> int:
    """Take the bytes from what was discarded, or received longer ago than it is kept; how many lost them."""
    reason = f"held numbers or names of persons and was kept {kept.days} days; its bytes are gone"

    def work(cursor: Cursor[TupleRow], turn: Turn) -> tuple[int, int]:
        found = due(cursor, turn.now - kept, AT_ONCE)
        ended = [Step(id_, BY, "discarded", reason=reason) for id_, is_open in found if is_open]
        writer.recorder.arrivals.append(cursor, turn.now, [record(cursor, turn.now, each) for each in ended])
        return len(found), empty(cursor, turn.now, [id_ for id_, _ in found])

    emptied = 0
    while True:
        found, went = writer.write(work)
        emptied += went
        if found < AT_ONCE:
            return emptied


def write_anew(writer: Writer, within: timedelta) -> bool:
    """Write the table anew where bytes went within this time, so that its file has them no more; whether it did."""
    with writer.recorder.datastore.get_connection() as connection, connection.cursor() as cursor:
        row = cursor.execute(_WENT, (within,)).fetchone()
        if row is None or not any(row.values()):
            return False
        cursor.execute(_ANEW)
    return True


class Expiry:
    """Looks every hour, in each process of the service; what one has done is nothing to the next."""

    def __init__(self, writer: Writer, kept: timedelta) -> None:
        self._writer, self._kept = writer, kept
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quarantine-expiry", daemon=True)

    def start(self) -> None:
        """Begin with the first look."""
        self._thread.start()

    def close(self) -> None:
        """Let the look under way end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                emptied = expire(self._writer, self._kept)
                anew = write_anew(self._writer, 2 * EVERY)
                if emptied or anew:
                    logger().info("quarantine emptied", messages=emptied, written_anew=anew)
            except (psycopg.Error, PersistenceError, TaizhangError) as fault:
                logger().warning("quarantine not emptied, tried again in an hour", reason=type(fault).__name__)
            if self._stopping.wait(EVERY.total_seconds()):
                return
