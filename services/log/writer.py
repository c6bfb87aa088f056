"""One writer of the store: each piece of work in one transaction behind the log's gate, done exactly once."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast
from uuid import uuid4

from eventsourcing.persistence import InterfaceError, InternalError, OperationalError, PersistenceError
from psycopg import Cursor
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from services.log import gate
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.postgres.faults import in_words, refusal
from services.system.errors import StoreUnavailableError

# Attempts go on until this much time has passed since the first; one may itself wait for a connection or a lock.
TRY_FOR_S: Final = 10.0
WAIT_S: Final = 0.2

_RECORD_ADMISSION: Final = """
INSERT INTO taizhang.writer (writer, admission, at) VALUES (%s, %s, %s)
ON CONFLICT (writer) DO UPDATE SET admission = excluded.admission, at = excluded.at
"""
_SELECT_ADMISSION: Final = "SELECT admission FROM taizhang.writer WHERE writer = %s"

# InternalError: the server ended a transaction that stood idle too long.
_CONNECTION_FAULTS: Final = (OperationalError, InterfaceError, InternalError)

Result = TypeVar("Result")
Work = Callable[[Cursor[TupleRow], Turn], Result]


class Writer:
    """Writes one thing at a time, however many threads ask."""

    def __init__(self, recorder: LogRecorder) -> None:
        self.recorder = recorder
        self._writer = uuid4()
        self._admission = 0
        self._one_at_a_time = threading.Lock()
        #: What the database has refused in the write under way, and not got over since.
        self.fault: Exception | None = None

    def write(self, work: Work[Result]) -> Result:
        """Run `work` in a transaction that holds the log's gate; return what it returned, once that is durable.

        A fault of the connection runs it again, in a new transaction. The answer to COMMIT can get lost: the next
        attempt, once it holds the gate and so the one before has ended, reads whether that one came through. A writer
        that holds the gate and does not move is ended (services/log/gate.py); it notices, and does its work anew.

        Raises:
            StoreUnavailableError: the database did not answer in time. The work may have been done all the same.
        """
        with self._one_at_a_time:
            results: dict[int, Any] = {}
            deadline = time.monotonic() + TRY_FOR_S
            while True:
                try:
                    result = self._attempt(work, results)
                except _CONNECTION_FAULTS as error:
                    self.fault = error
                    if isinstance(error.__cause__, PoolTimeout):
                        self.fault = refusal(self.recorder.datastore.conninfo) or error
                    if time.monotonic() > deadline:
                        raise self.unavailable_now() from error
                    if not self._took_over(error):
                        time.sleep(WAIT_S)
                else:
                    self.fault = None
                    return result

    def unavailable_now(self) -> StoreUnavailableError:
        """The database has taken nothing for as long as one tries: by what it refused, where it answered at all."""
        why = "it does not answer" if self.fault is None else in_words(self.fault) or str(self.fault)
        return StoreUnavailableError(
            f"the database has taken nothing for {TRY_FOR_S:.0f} s ({why}); send the same again later, events that "
            "were stored will then be duplicates"
        )

    def _took_over(self, error: Exception) -> bool:
        """Whether the gate was held by a writer that does not move, and that one was ended."""
        if not isinstance(error.__cause__, LockNotAvailable):
            return False
        try:
            return gate.take_over(self.recorder.datastore)
        except PersistenceError:
            return False

    def _attempt(self, work: Work[Result], results: dict[int, Any]) -> Result:
        with self.recorder.transaction() as cursor:
            turn = self.recorder.take_turn(cursor)
            if results:
                row = cursor.execute(_SELECT_ADMISSION, (self._writer,)).fetchone()
                if row is not None and row[0] in results:
                    return cast("Result", results[row[0]])
            result = work(cursor, turn)
            self._admission += 1
            cursor.execute(_RECORD_ADMISSION, (self._writer, self._admission, turn.now), prepare=True)
            results[self._admission] = result
        return result
