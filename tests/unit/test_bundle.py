"""Which events an evidence bundle must hold: folded alone, they give the same rows as the whole log."""

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.facts import Event
from domain.ledger.rows import ledger
from services.evidence.bundles.bundle import answer_of
from services.evidence.bundles.relevant import relevant
from tests.fact_data import ORGANIZATIONS
from tests.histories import as_events, deliveries, fits

chosen = st.sets(st.sampled_from(ORGANIZATIONS), min_size=1, max_size=2)


def rows(events: list[Event], organizations: set[str], as_of: date) -> dict[str, Any]:
    return answer_of(ledger(events, as_of, fits), organizations)


@settings(max_examples=60)
@given(deliveries(), chosen, st.integers(1, 28))
def test_the_relevant_events_alone_give_the_same_rows(
    delivered: list[dict[str, Any]], organizations: set[str], day: int
) -> None:
    as_of, history = date(2024, 2, day), as_events(delivered)
    some = relevant(history, organizations)
    assert rows(some, organizations, as_of) == rows(history, organizations, as_of)
