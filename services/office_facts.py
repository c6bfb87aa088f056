"""The acts of offices of some families, as known at a position: the facts that stand, in canonical order."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from domain.facts import Fact, family_of, standing_facts
from services.deciding import events_about
from services.ledger_view import View
from services.projector import fits


def office_facts(
    connection: Connection[Any], view: View, families: Sequence[str], as_of: date, known_at: int
) -> list[Fact]:
    """The facts of these families, effective by the date."""
    events = events_about(connection, view.reading, families, known_at)
    facts = standing_facts(events, fits)[0]
    return [fact for fact in facts if fact.effective_on <= as_of and family_of(fact.type) in families]
