"""The parents of branches at both clocks, folded from the log when asked: few branches name one."""

from datetime import date

from domain.events.facts import standing_facts
from domain.ledger.hierarchy import Hierarchy, hierarchy
from projections.ledger.columns.rows import AnomalyRow
from projections.ledger.fold.effects import HIERARCHY
from services.ledger.projector import fits
from services.ledger.queries import Queries
from services.ledger.traces import events_about


def hierarchy_at(queries: Queries, as_of: date, known_at: int) -> Hierarchy:
    """The parents at the end of a date, as known at a position; of all branches, in sight or not."""
    reading = queries.view.current.reading
    with queries.everywhere().connection() as connection:
        naming = standing_facts(events_about(connection, reading, [HIERARCHY], known_at), fits)[0]
        names = sorted({fact.entity for fact in naming})
        facts = standing_facts(events_about(connection, reading, names, known_at), fits)[0] if names else []
    chosen = set(names)
    return hierarchy(fact for fact in facts if fact.effective_on <= as_of and fact.entity in chosen)


def in_circle(queries: Queries, as_of: date, known_at: int) -> list[AnomalyRow]:
    """The parents without effect, since they would have made a circle."""
    return [
        AnomalyRow(each.anomaly, each.subject, each.position, each.effective_on, each.detail)
        for each in hierarchy_at(queries, as_of, known_at).anomalies
    ]
