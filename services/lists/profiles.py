"""The column profile kept for a source: the last `list.profiled` that stands."""

from datetime import date
from typing import Any

from psycopg import Connection

from domain.facts import standing_facts
from domain.list_events import ListProfiled
from services.deciding import events_about
from services.ledger_view import View
from services.projector import fits


def profile_of(connection: Connection[Any], view: View, source: str, as_of: date, known_at: int) -> ListProfiled | None:
    """The profile in force on a date, as known at a position; None where the source has none."""
    events = events_about(connection, view.reading, [source], known_at)
    found = [
        fact
        for fact in standing_facts(events, fits)[0]
        if fact.type == "taizhang.list.profiled.v1" and fact.entity == source and fact.effective_on <= as_of
    ]
    return ListProfiled.model_validate(found[-1].data) if found else None
