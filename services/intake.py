"""Intake: every message that arrives gets exactly one disposition, durable before it is answered."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Self
from uuid import uuid4

from eventsourcing.persistence import InterfaceError, InternalError, OperationalError, Tracking
from psycopg import Cursor
from psycopg.rows import TupleRow

from services import bookkeeping
from services.database import Datastore
from services.decisions import Decisions, names_to_know
from services.errors import StoreUnavailableError
from services.log import LogRecorder
from services.messages import Arrival, Disposition, Message, Publisher, Receipt, arrive

__all__ = ["Disposition", "Intake", "Message", "Publisher", "Receipt"]

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

Within = Callable[[Cursor[TupleRow]], None]


class Intake:
    """Takes messages in; one at a time for each instance, however many threads call it."""

    def __init__(self, recorder: LogRecorder) -> None:
        self.recorder = recorder
        self._writer = uuid4()
        self._admission = 0
        self._one_at_a_time = threading.Lock()

    @classmethod
    def open(cls, conninfo: str, application: str) -> Self:
        """An intake with a recorder and connections of its own; `close` ends them."""
        return cls(LogRecorder(Datastore(conninfo, application, size_max=4)))

    def close(self) -> None:
        """Close the connections."""
        self.recorder.datastore.close()

    def admit(
        self, messages: Sequence[Message], within: Within | None = None, tracking: Sequence[Tracking] = ()
    ) -> list[Receipt]:
        """Take messages in, in one transaction; return what became of each, in order.

        Args:
            messages: in order of arrival; those before count as known to those after.
            within: called with the transaction's cursor before anything is written, again if the transaction is
                tried again. What it raises ends the transaction, with nothing stored.
            tracking: eventsourcing's tracking records, stored in the transaction.

        Raises:
            StoreUnavailableError: the database did not answer after several attempts. The messages may be sent
                again: those that did get through are then duplicates.
            eventsourcing.persistence.IntegrityError: a tracking record is not newer than the one stored.
        """
        arrivals = [arrive(message) for message in messages]
        with self._one_at_a_time:
            return self._admit(arrivals, within, tracking)

    def _admit(self, arrivals: Sequence[Arrival], within: Within | None, tracking: Sequence[Tracking]) -> list[Receipt]:
        # What each attempt would have answered. The answer to COMMIT can get lost: then the next attempt, once
        # it holds the gate and so the one before has ended, reads whether that one came through.
        answers: dict[int, list[Receipt]] = {}
        deadline = time.monotonic() + TRY_FOR_S
        while True:
            try:
                return self._attempt(arrivals, within, tracking, answers)
            except _CONNECTION_FAULTS as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailableError(
                        f"the database did not answer within {TRY_FOR_S} s ({error}); send the same events again "
                        "later, those that were stored will then be duplicates"
                    ) from error
                time.sleep(WAIT_S)

    def _attempt(
        self,
        arrivals: Sequence[Arrival],
        within: Within | None,
        tracking: Sequence[Tracking],
        answers: dict[int, list[Receipt]],
    ) -> list[Receipt]:
        recorder = self.recorder
        with recorder.transaction() as cursor:
            turn = recorder.take_turn(cursor)
            if answers:
                row = cursor.execute(_SELECT_ADMISSION, (self._writer,)).fetchone()
                if row is not None and row[0] in answers:
                    return answers[row[0]]
            if within is not None:
                within(cursor)
            recorder.track(cursor, tracking)
            decisions = Decisions(turn, recorder.known(cursor, names_to_know(arrivals)))
            for arrival in arrivals:
                decisions.take(arrival)
            recorder.append(cursor, turn, decisions.entries)
            bookkeeping.record_duplicates(cursor, turn.now, decisions.duplicates)
            bookkeeping.record_quarantined(cursor, turn.now, decisions.quarantined)
            bookkeeping.count(cursor, turn.now, arrivals, decisions.receipts)
            self._admission += 1
            cursor.execute(_RECORD_ADMISSION, (self._writer, self._admission, turn.now), prepare=True)
            answers[self._admission] = decisions.receipts
        return decisions.receipts
