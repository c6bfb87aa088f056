"""The log's gate: who holds it appends, and nobody holds it for long while its client is silent."""

import time
from typing import Any, Final

from psycopg import Cursor
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import TupleRow, tuple_row

from services.postgres import holders
from services.postgres.database import LOCK_TIMEOUT_S, Datastore
from services.system.logs import logger

TABLE: Final = "taizhang.log_gate"
# So long a writer waits for its turn before it looks whether the one that has it still moves.
WAIT_S: Final = 4
# A turn that is as old as the wait, and in which nothing has come from its client for this long, is ended.
SILENT_S: Final = 1.5
# In one round trip; what follows in the transaction waits for other locks as usual.
_LOCK: Final = (
    "SET LOCAL lock_timeout = '{wait}s'; LOCK TABLE " + TABLE + " IN {mode} MODE; SET LOCAL lock_timeout = '{usual}s'"
)


def lock(cursor: Cursor[TupleRow], mode: str) -> None:
    """Wait for the gate; EXCLUSIVE to append, ROW SHARE to have seen the end of whoever appends.

    Raises:
        psycopg.errors.LockNotAvailable: it was held all the time; `take_over` and try again.
    """
    cursor.execute(_LOCK.format(wait=WAIT_S, mode=mode, usual=LOCK_TIMEOUT_S).encode())


def take_over(datastore: Datastore) -> bool:
    """End the session that holds the gate, if its client has fallen silent; whether it was ended."""
    with datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        before = _held_long(cursor)
        if before is None:
            return False
        time.sleep(SILENT_S)
        holder = _held_long(cursor)
        if holder is None or not holder.stands(before):
            return False
        told = {"holder": holder.application, "pid": holder.pid, "held_s": round(holder.transaction_s or 0, 1)}
        try:
            ended = holders.end(cursor, holder)
        except InsufficientPrivilege:
            logger().error("a writer of another role holds the log's gate and does not move; end it", **told)
            return False
    if ended:
        logger().warning("a writer that did not move was ended, its transaction undone", **told)
    return ended


def _held_long(cursor: Cursor[Any]) -> holders.Holder | None:
    found = holders.of_table(cursor, TABLE)
    return found if found is not None and (found.transaction_s or 0) >= WAIT_S else None
