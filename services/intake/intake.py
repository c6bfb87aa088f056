"""Intake: every message that arrives gets exactly one disposition, durable before it is answered."""

from collections.abc import Callable, Sequence
from typing import Final, Self

from psycopg import Cursor
from psycopg.rows import TupleRow

from services.intake import account
from services.intake.decisions import begin
from services.intake.permission import InForce
from services.log.messages import Arrival, Disposition, Message, Publisher, Receipt, arrive
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.log.writer import Writer
from services.postgres.database import Datastore

__all__ = ["Disposition", "Intake", "Message", "Publisher", "Receipt"]

CONNECTIONS_MAX: Final = 4

Within = Callable[[Cursor[TupleRow]], None]


class Intake:
    """Takes messages in; one batch at a time for each instance, however many threads call it."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.recorder = writer.recorder
        self.in_force = InForce()

    @classmethod
    def open(cls, conninfo: str, application: str) -> Self:
        """An intake with connections of its own; `close` ends them."""
        return cls(Writer(LogRecorder(Datastore(conninfo, application, size_max=CONNECTIONS_MAX))))

    def close(self) -> None:
        """Close the connections."""
        self.recorder.datastore.close()

    def admit(self, messages: Sequence[Message], within: Within | None = None) -> list[Receipt]:
        """Take messages in, in one transaction; return what became of each, in order.

        Args:
            messages: in order of arrival; those before count as known to those after.
            within: called with the transaction's cursor before anything is written, again if the transaction is
                tried again. What it raises ends the transaction, with nothing stored.

        Raises:
            StoreUnavailableError: the database did not answer after several attempts. The messages may be sent
                again: those that did get through are then duplicates.
        """
        arrivals = [arrive(message) for message in messages]

        def work(cursor: Cursor[TupleRow], turn: Turn) -> list[Receipt]:
            if within is not None:
                within(cursor)
            return self.take_in(cursor, turn, arrivals)

        return self.writer.write(work)

    def take_in(self, cursor: Cursor[TupleRow], turn: Turn, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Decide messages in order, and record what became of each, in a turn that somebody else has taken."""
        decisions = begin(self.recorder, self.in_force, cursor, turn, arrivals)
        self.recorder.append(cursor, turn, decisions.take(arrivals))
        recorded = account.record_duplicates(cursor, turn.now, decisions.duplicates)
        recorded += account.record_quarantined(cursor, turn.now, decisions.quarantined)
        recorded += account.count(cursor, turn.now, arrivals, decisions.receipts)
        self.recorder.arrivals.append(cursor, turn.now, recorded)
        return decisions.receipts
