"""Branches that live: the oracle, the fold from scratch and the projection agree at every position, on every day.

Histories with terms, meetings and secretaries, late, corrected and retracted, over days on which periods, terms and
vacancies end.
"""

import os
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.types import EVENT_TYPES
from domain.ledger.rates import group, unjudged
from domain.ledger.rows import ledger
from projections.ledger.columns import counts, grouping
from projections.ledger.columns.columns import Snapshot
from projections.ledger.rows import Changes
from services.evidence.bundles.relevant import relevant
from tests.fact_data import BUSY, DAYS_TO_COME
from tests.histories import Delivery, as_events, deliveries, fits
from tests.oracle import facts as oracle_facts
from tests.oracle import rows as oracle_rows
from tests.projecting import from_scratch, project

pytestmark = pytest.mark.long

HISTORIES = int(os.environ.get("TAIZHANG_TEST_HISTORIES", "150"))
# Beside the days of the histories those on which what they said runs out.
DAYS = sorted({*map(date.fromisoformat, DAYS_TO_COME), date(2024, 9, 30), date(2025, 3, 31), date(2026, 12, 31)})
days = st.sampled_from(DAYS)


def known(history: list[Delivery]) -> list[Delivery]:
    """The deliveries of types that the product takes."""
    return [each for each in history if each["type"] in EVENT_TYPES]


def effective_rows(snapshot: Snapshot, day: date, known_at: int) -> dict[str, bool | None]:
    """By organization what the columns say."""
    policy = snapshot.policy(day.toordinal(), known_at)
    rows = counts.standing(snapshot, day.toordinal(), known_at, policy)
    judged = snapshot.is_judged(day.toordinal(), known_at)
    flags = rows.effectively_covered.tolist()
    return {snapshot.orgs[n]: flag if judged else None for n, flag in zip(rows.org_no.tolist(), flags, strict=True)}


def in_effect(changes: Changes, day: date, known_at: int) -> set[str]:
    """The branches in effect by the projection's own table."""
    found: dict[str, bool] = {}
    for row in changes.in_effect:
        if row.position <= known_at and row.day_from <= day.toordinal() < row.day_to:
            found[row.branch] = row.in_effect
    return {branch for branch, lives in found.items() if lives}


@settings(max_examples=HISTORIES)
@given(deliveries(to_come=True), st.data())
def test_the_oracle_the_fold_and_the_projection_agree_on_what_lives(drawn: list[Delivery], data: st.DataObject) -> None:
    history = known(drawn)
    events = as_events(history)
    snapshot, changes = project(events)
    for known_at in range(len(events) + 1):
        day = data.draw(days)
        facts, _ = oracle_facts.known_facts(history[:known_at])
        state, rows, _ = oracle_rows.ledger(facts, day)
        told = oracle_rows.branch_rows(state, day)
        folded = from_scratch(events, day, known_at)
        expected = {org: row["effectively_covered"] for org, row in rows.items()}
        assert folded.in_effect() == {name: row["in_effect"] for name, row in told.items() if state.activity_policy}
        assert {row.org: row.effectively_covered for row in folded.rows()} == expected
        assert effective_rows(snapshot, day, known_at) == expected
        assert in_effect(changes, day, known_at) == {name for name, row in told.items() if row["in_effect"]}
        scratch = group(folded.rows(), ("kind",))
        columns = counts.standing(snapshot, day.toordinal(), known_at, folded.policy)
        found = grouping.group(snapshot, columns, ("kind",))
        if state.activity_policy is None:
            found = {key: unjudged(each) for key, each in found.items()}
        assert found == scratch


@settings(max_examples=HISTORIES)
@given(deliveries(to_come=True), st.data())
def test_any_order_of_arrival_gives_the_same_life(drawn: list[Delivery], data: st.DataObject) -> None:
    history = known(drawn)
    other = data.draw(st.permutations(history))
    one, two = project(as_events(history)), project(as_events(other))
    for day in DAYS:
        assert effective_rows(one[0], day, len(history)) == effective_rows(two[0], day, len(history))
        assert in_effect(one[1], day, len(history)) == in_effect(two[1], day, len(history))


@settings(max_examples=HISTORIES)
@given(deliveries(to_come=True), days, st.sampled_from(BUSY))
def test_the_events_of_a_bundle_alone_say_whether_its_organization_is_effectively_covered(
    drawn: list[Delivery], day: date, org: str
) -> None:
    events = as_events(known(drawn))
    of_all = {row.org: row for row in from_scratch(events, day, len(events)).rows()}
    of_some = {row.org: row for row in ledger(relevant(events, [org]), day, fits).rows()}
    assert of_some.get(org) == of_all.get(org)
