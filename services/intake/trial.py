"""What would become of messages now: decided as in the writer's turn, on a snapshot, and nothing is recorded."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from services.intake.decisions import begin
from services.intake.permission import InForce
from services.log.messages import Arrival, Receipt
from services.log.recorder import LogRecorder
from services.log.turns import Turn


class Tried(NamedTuple):
    """What messages would become, in order, after what the log's last turn left."""

    turn: Turn
    receipts: list[Receipt]


def tried(recorder: LogRecorder, arrivals: Callable[[Cursor[TupleRow]], Sequence[Arrival]]) -> Tried:
    """Decide the messages that are read in the snapshot; without the gate, so that nobody waits for it."""
    with recorder.transaction() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        turn = recorder.look(cursor)
        read = arrivals(cursor)
        # What the writer knows is of its own turns.
        decisions = begin(recorder, InForce(), cursor, turn, read)
        for _ in decisions.take(read):
            pass  # entries are made one by one, and only asked for here
    return Tried(turn, decisions.receipts)
