"""Who holds a lock of the database, whether that session still moves, and ending one that does not.

A process that is stopped, a virtual machine that is paused and a network that is gone look the same from the server: it
waits for its client. No time limit of PostgreSQL counts while it waits in the midst of a COPY; ending the session does.
The process notices by its lost connection, with its transaction undone.
"""

from typing import Any, Final, NamedTuple

from psycopg import Cursor

_COLUMNS: Final = """
SELECT a.pid, a.application_name, a.backend_start, coalesce(a.wait_event = 'ClientRead', false),
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
       concat_ws(' ', a.xact_start, a.state, a.state_change, c.bytes_processed)
  FROM pg_locks l JOIN pg_stat_activity a USING (pid) LEFT JOIN pg_stat_progress_copy c USING (pid)
 WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_OF_TABLE: Final = _COLUMNS + "AND l.locktype = 'relation' AND l.relation = %s::regclass AND l.mode = 'ExclusiveLock'"
# pg_locks shows a key of 64 bits as its upper and its lower half.
_OF_KEY: Final = _COLUMNS + (
    "AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint = %s AND l.objid::bigint = %s"
)
_END: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s
"""


class Holder(NamedTuple):
    """A session that holds a lock.

    `waits` says that the server waits for this session's client, `transaction_s` for how long its transaction has
    run (None: none runs). `trace` changes whenever the session does anything.
    """

    pid: int
    application: str
    backend_start: Any
    waits: bool
    transaction_s: float | None
    trace: str

    def stands(self, before: "Holder | None") -> bool:
        """Whether nothing has come from its client since it was looked at before."""
        return (
            before is not None
            and self.waits
            and before.waits
            and self._replace(transaction_s=before.transaction_s) == before
        )


def of_table(cursor: Cursor[Any], table: str) -> Holder | None:
    """Who holds a table's EXCLUSIVE lock."""
    row = cursor.execute(_OF_TABLE, (table,)).fetchone()
    return None if row is None else Holder(*row)


def of_key(cursor: Cursor[Any], key: int) -> Holder | None:
    """Who holds an advisory lock on a key of 64 bits."""
    row = cursor.execute(_OF_KEY, (key >> 32, key & 0xFFFFFFFF)).fetchone()
    return None if row is None else Holder(*row)


def end(cursor: Cursor[Any], holder: Holder) -> bool:
    """End that very session; False where it has gone by itself.

    Raises:
        psycopg.errors.InsufficientPrivilege: it belongs to another role.
    """
    row = cursor.execute(_END, (holder.pid, holder.backend_start)).fetchone()
    return row is not None and bool(row[0])
