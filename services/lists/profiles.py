"""The column profile kept for a source: the last `list.profiled` that stands."""

from datetime import date
from typing import Any

from psycopg import Connection

from domain.events.facts import standing_facts
from domain.events.lists import ListProfiled
from services.ledger.projector import fits
from services.ledger.view import View
from services.lists.facts import acts


def profile_of(connection: Connection[Any], view: View, source: str, as_of: date, known_at: int) -> ListProfiled | None:
    """The profile in force on a date, as known at a position; None where the source has none."""
    events = acts(connection, view, source, known_at)
    found = [
        fact
        for fact in standing_facts(events, fits)[0]
        if fact.type == "taizhang.list.profiled.v1" and fact.entity == source and fact.effective_on <= as_of
    ]
    return ListProfiled.model_validate(found[-1].data) if found else None
