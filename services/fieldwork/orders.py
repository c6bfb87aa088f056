"""Supervision orders (督办单) at both clocks, as far as whoever asks may see the offices' divisions."""

from datetime import date

from domain.fieldwork.orders import Contradicted, Order, State, orders
from domain.values.scope import in_scope
from services.ledger.queries import Queries


def all_orders(queries: Queries, as_of: date, known_at: int) -> tuple[list[Order], list[Contradicted]]:
    """Every order to an office in sight, and the acts without effect; first what is owed, the first due first."""
    scope = queries.scope_at(as_of, known_at)
    found, wrong = orders(queries.office_facts(["order"], as_of, known_at), as_of)
    seen = [each for each in found if in_scope(each.region, scope)]
    return sorted(seen, key=lambda each: (not each.is_unanswered, each.due_on, each.order)), [
        each for each in wrong if in_scope(each.region, scope)
    ]


def chosen(found: list[Order], office: str | None, by: str | None, state: State | None) -> list[Order]:
    """Those that are with an office, that another issued, that are in a state; None for any."""
    return [
        each
        for each in found
        if office in (None, each.held_by) and by in (None, each.by) and state in (None, each.state)
    ]
