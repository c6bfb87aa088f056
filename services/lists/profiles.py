"""The column profile kept for a source: the last `list.profiled` that stands."""

from datetime import date
from typing import Any

from psycopg import Connection
from pydantic import ValidationError

from domain.events.facts import standing_facts
from domain.events.lists import ListProfiled
from services.ledger.projector import fits
from services.ledger.view import View
from services.lists.errors import ListRefusedError
from services.lists.facts import acts


def profile_of(connection: Connection[Any], view: View, source: str, as_of: date, known_at: int) -> ListProfiled | None:
    """The profile in force on a date, as known at a position; None where the source has none.

    Raises:
        ListRefusedError: there is one, and it begins after the date or maps to what is no value.
    """
    events = acts(connection, view, source, known_at)
    found = [
        fact
        for fact in standing_facts(events, fits)[0]
        if fact.type == "taizhang.list.profiled.v1" and fact.entity == source
    ]
    by_then = [fact for fact in found if fact.effective_on <= as_of]
    if found and not by_then:
        raise ListRefusedError(
            "profile_date",
            f"the profile of {source} begins on {found[0].effective_on}, after the list's date {as_of}; send one that "
            "is effective by then",
            value=found[0].effective_on.isoformat(),
        )
    try:
        return ListProfiled.model_validate(by_then[-1].data) if by_then else None
    except ValidationError as error:
        raise ListRefusedError(
            "profile", f"the profile of {source} cannot be used: {error.errors()[0]['msg']}; send a new one (--profile)"
        ) from None
