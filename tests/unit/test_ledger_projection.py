"""The incremental projection equals the fold from scratch, at every position and date."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.branches import formations
from domain.ledger.entities import counted_as
from domain.ledger.rates import group, matches, unjudged
from domain.ledger.rows import ledger
from projections.ledger.columns import counts, grouping
from tests.histories import as_events, deliveries, fits
from tests.projecting import anomalies_at, from_scratch, project, question, some_day


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_at_every_position_the_projection_equals_the_fold_from_scratch(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    snapshot, _ = project(events)
    for known_at in range(len(events) + 1):
        day, group_by, filters = question(random)
        folded = from_scratch(events, day, known_at)
        policy = snapshot.policy(day.toordinal(), known_at)
        assert policy == folded.policy
        rows = counts.standing(snapshot, day.toordinal(), known_at, policy)
        expected = folded.rows()
        assert sorted(snapshot.orgs[n] for n in rows.org_no) == [r.org for r in expected]
        chosen = rows.where(counts.matching(snapshot, rows, filters))
        found = {key: unjudged(each) for key, each in grouping.group(snapshot, chosen, group_by).items()}
        assert found == group(expected, group_by, filters)
        assert len(chosen) == sum(matches(r, filters) for r in expected)


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_at_every_position_the_anomalies_equal_those_of_the_fold(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    _, changes = project(events)
    for known_at in range(len(events) + 1):
        day = some_day(random)
        found = anomalies_at(changes, day, known_at)
        folded = from_scratch(events, day, known_at)
        expected = [
            (a.anomaly, a.subject or "", a.position)
            for a in folded.anomalies
            if a.position and a not in folded.crossing
        ]
        assert sorted(found) == sorted(expected)


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_presences_equal_those_of_the_fold(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    _, changes = project(events)
    names = dict(changes.organizations)
    for known_at in range(0, len(events) + 1, 3):
        day = some_day(random)
        present: dict[tuple[str, str], str | None] = {}
        for row in changes.presences:
            if row.position <= known_at and row.day_from <= day.toordinal() < row.day_to:
                present[row.entity, names[row.org_no]] = row.value
        folded = from_scratch(events, day, known_at)
        expected: dict[tuple[str, str], str | None] = {
            (m, s.org): counted_as(s) for m, s in folded.members.items() if s.standing and s.org
        }
        expected |= {(b, org): how for b, s in folded.branches.items() for org, how in formations(s, s.covers).items()}
        expected |= {(i, org): "assigned" for (org, i), s in folded.instructors.items() if s.assigned}
        assert {k: v for k, v in present.items() if v is not None} == expected


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_any_order_of_arrival_gives_the_same_ledger(history: list[Any], seed: int) -> None:
    random = Random(seed)
    other = random.sample(history, len(history))
    day = some_day(random)
    first = ledger(as_events(history), day, fits)
    second = ledger(as_events(other), day, fits)
    assert first.rows() == second.rows()
    assert first.policy == second.policy
    assert {(a.anomaly, a.subject, a.detail) for a in first.anomalies} == {
        (a.anomaly, a.subject, a.detail) for a in second.anomalies
    }
