"""An act from a form: the event as it is previewed, what becomes of it, and its publication in the writer's turn.

Its id and its instant are made at the preview and come back with the form, so that the same form sent twice is the same
event twice: a duplicate, and never a second act.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from fastapi import Request
from psycopg import Cursor
from psycopg.rows import TupleRow

from api.web.parts import Parts, parts_of
from api.web.publishing import messages_of
from domain.events.envelope import read_event
from domain.events.facts import Event, family_of, subject_of
from domain.events.types import EVENT_TYPES
from domain.values.reasons import Reason
from services.access.callers import Holder
from services.intake.in_turn import Grounds, Matters, act_on
from services.intake.trial import tried
from services.log.messages import Receipt, arrive
from services.log.reader import LogReader
from services.log.turns import Turn
from services.system.settings import SHANGHAI

ID_BYTES: Final = 12


class Named(NamedTuple):
    """What makes a form's event this one: made at the preview, sent back with the form.

    `position` is the log's, up to which the preview told.
    """

    id: str
    time: str
    position: int


def named(position: int) -> Named:
    """A new name for an event, of now."""
    time = datetime.now(SHANGHAI).isoformat(timespec="milliseconds")
    return Named(f"form-{secrets.token_hex(ID_BYTES)}", time, position)


def raw_event(type_: str, source: str, name: Named, data: Mapping[str, Any]) -> bytes:
    """The event as it is shown and published, byte by byte."""
    identifier = EVENT_TYPES[type_].identifier
    subject = data.get(identifier) if identifier else None
    event = {
        "specversion": "1.0", "id": name.id, "source": source, "type": type_, "time": name.time,
        **({"subject": subject} if isinstance(subject, str) and subject else {}), "data": data,
    }  # fmt: skip
    # What is no text stays visible as what it is, and is refused by intake.
    text = json.dumps(event, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "surrogatepass")


def trial(request: Request, holder: Holder, raw: bytes) -> Receipt:
    """What the event would become now."""
    arrivals = [arrive(message) for message in messages_of(request, holder.publisher(), [raw])]
    return tried(parts_of(request).recorder, lambda _: arrivals).receipts[0]


def publish(request: Request, holder: Holder, raw: bytes, position: int) -> Receipt:
    """Publish it as it was previewed at a position; the same once more is a duplicate, whatever came meanwhile.

    Raises:
        CameSinceError: something about the same came since, which the preview did not tell; nothing is stored.
        ActRefusedError: intake refuses it; nothing is stored.
    """
    parts = parts_of(request)
    messages = messages_of(request, holder.publisher(), [raw])
    event = read_event(raw).event
    grounds = Grounds(position, Matters() if event is None else _matters(parts, event))

    def check(cursor: Cursor[TupleRow], turn: Turn) -> None:
        if event is None or event.key not in parts.recorder.known(cursor, [event.key]):
            grounds.check(cursor, turn)

    (receipt,) = act_on(parts.intake, grounds, messages, check)
    return receipt


def _matters(parts: Parts, event: Event) -> Matters:
    """What speaks of the same: of its subject, or where it has none, of its family; of a word, what its target does."""
    told = event if event.is_fact else target_of(parts, event)
    if told is None or not told.is_fact:
        return Matters()
    subject = subject_of(told.type, told.data)
    return (
        Matters(families=frozenset({family_of(told.type)}))
        if subject is None
        else Matters(subjects=frozenset({subject}))
    )


def target_of(parts: Parts, word: Event) -> Event | None:
    """The event that a correction or retraction speaks of, as it was first said; None where the log has none."""
    with parts.recorder.datastore.get_connection() as connection:
        found = LogReader(connection).find([word.target])
    return next(iter(found), None)


def refusal(receipt: Receipt) -> tuple[Reason, ...]:
    """Why an event would be refused; nothing where it would not."""
    return receipt.reasons if receipt.disposition == "quarantined" else ()
