"""What the service says of the values that hide the log's leaves: that they begin, and which were erased.

A person's values go with the person: whoever sees the open tree, and whatever else they know, cannot tell any more
whether a leaf is of an event that names the person.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import uuid4

import orjson
from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.access.rights import Right
from domain.events.evidence import BLINDED, ERASED, ERASED_MAX
from services.intake.in_turn import act
from services.intake.intake import Intake
from services.intake.permission import require_steward
from services.log import blinding
from services.log.blinding import SOURCE
from services.log.messages import Message, Publisher
from services.log.reader import read_events
from services.log.turns import Turn
from services.system.settings import SHANGHAI

PUBLISHER: Final = Publisher(SOURCE, (Right(types=frozenset({BLINDED, ERASED}), of_service=True),))
# A pseudonym is of ASCII alone, so that JSON which writes it otherwise writes one of its characters as \u00….
_NAMING: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
 WHERE notification_id > %(after)s AND notification_id <= %(until)s
   AND (position(%(plain)s::bytea in state) > 0 OR position(%(escape)s::bytea in state) > 0)
 ORDER BY notification_id
"""


def begin_blinding(intake: Intake) -> int:
    """Have the log state that its leaves are blinded from now on; the position from which they are.

    Raises:
        ActRefusedError: they are already.
    """
    (receipt,) = act(intake, lambda _, turn: [_said(turn, BLINDED, {})])
    assert receipt.position is not None  # noqa: S101 - what an act publishes is in the log
    return receipt.position


def erase_blinding(intake: Intake, pseudonym: str, by: Publisher) -> int:
    """Erase the values of all events that name a person, and have the log state it; of how many events.

    An event that the log took in before its leaves were blinded has none.

    Raises:
        AccessEndedError: the steward is none any more.
    """
    with intake.recorder.transaction() as cursor:
        head = intake.recorder.look(cursor).position
        ahead = list(_naming(cursor, pseudonym, 0, head))
    erased = list[int]()

    def decide(cursor: Cursor[TupleRow], turn: Turn) -> list[Message]:
        require_steward(intake.in_force, cursor, turn, by)
        erased[:] = blinding.erase(cursor, [*ahead, *_naming(cursor, pseudonym, head, turn.position)])
        return [_said(turn, ERASED, {"positions": list(part)}) for part in _parts(erased)]

    act(intake, decide)
    if erased:
        with intake.recorder.datastore.get_connection() as connection:
            connection.execute(blinding.OVERWRITE.encode())
    return len(erased)


def _parts(positions: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(positions), ERASED_MAX):
        yield positions[at : at + ERASED_MAX]


def _naming(cursor: Cursor[TupleRow], pseudonym: str, after: int, until: int) -> Iterator[int]:
    """The positions after one and up to another whose events name a pseudonym anywhere in their data."""
    asked = {"after": after, "until": until, "plain": pseudonym.encode(), "escape": b"\\u00"}
    for event in read_events(cursor.execute(_NAMING, asked, binary=True)):
        if pseudonym in _strings(event.data):
            yield event.position


def _strings(value: Any) -> Iterable[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _said(turn: Turn, type_: str, data: dict[str, Any]) -> Message:
    now = turn.now.astimezone(SHANGHAI)
    event = {
        "specversion": "1.0", "id": str(uuid4()), "source": SOURCE, "type": type_,
        "time": now.isoformat(timespec="milliseconds"), "data": {"effective_on": now.date().isoformat(), **data},
    }  # fmt: skip
    return Message(orjson.dumps(event), {"channel": "http", "request": str(uuid4()), "index": 0}, PUBLISHER)
