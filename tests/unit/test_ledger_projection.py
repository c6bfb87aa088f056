"""The incremental projection equals the fold from scratch, at every position and date."""

from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.facts import Event, EventKey
from domain.ledger.rates import DIMENSIONS, Filters, group, matches
from domain.ledger.rows import Ledger, ledger
from projections.ledger.columns import counts, grouping
from projections.ledger.columns.columns import _WIRE, AttributesRow, Columns, Snapshot
from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.records import EntityRecord, OrganizationRecord, initial
from projections.ledger.rows import Changes
from tests.histories import REGIONS, as_events, deliveries, fits

FIRST = date(2024, 1, 31)


class DictMemory:
    """The fold's memory in dictionaries, over a list of events."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.now = 0
        self.entities: dict[str, EntityRecord] = {}
        self.organizations: dict[str, OrganizationRecord] = {}

    def event(self, position: int) -> Event:
        return self.events[position - 1]

    def find(self, key: EventKey) -> Event | None:
        return next((e for e in self.events[: self.now - 1] if e.key == key), None)

    def words(self, target: EventKey) -> list[Event]:
        return [e for e in self.events[: self.now - 1] if not e.is_fact and e.target == target]

    def entity(self, name: str, family: str) -> EntityRecord:
        return self.entities.setdefault(name, EntityRecord(family, initial(family)))

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        if org not in self.organizations:
            number = len(self.organizations)
            self.organizations[org] = OrganizationRecord(number)
            changes.organizations.append((number, org))
        return self.organizations[org]


def project(events: list[Event]) -> tuple[Snapshot, Changes]:
    """Apply the events one by one; give the columns and all rows."""
    memory = DictMemory(events)
    fold = LedgerFold(memory, fits, 0, 0)
    for event in events:
        memory.now = event.position
        fold.apply(event)
    changes = fold.take()
    columns = Columns()
    wire = np.zeros(len(changes.entries), _WIRE)
    for row, entry in zip(wire, changes.entries, strict=True):
        for name, value in zip(_fields(), (*entry[:6], *entry.state), strict=True):
            row[name] = value
    columns.add_entries(wire.tobytes())
    columns.add_attributes(
        [AttributesRow(n, a.kind, a.category, a.region, a.industry, a.employees) for _, n, a in changes.attributes]
    )
    columns.add_organizations([org for _, org in changes.organizations])
    columns.add_policies(changes.policies)
    return columns.snapshot(len(events)), changes


def _fields() -> list[str]:
    return [n for n in _WIRE.names or () if n != "fields" and not n.endswith("_length")]


def from_scratch(events: list[Event], day: date, known_at: int) -> Ledger:
    return ledger(events[:known_at], day, fits)


def some_day(random: Random) -> date:
    return FIRST + timedelta(days=random.randrange(33))


def question(random: Random) -> tuple[date, tuple[str, ...], Filters]:
    """A day, dimensions and filters."""
    group_by = tuple(random.sample(DIMENSIONS, random.randrange(4)))
    filters = Filters(
        region=random.choice([None, None, "51", "510104", "5101040"]),
        kind=random.choice([None, None, "new_economic"]),
        category=random.choice([None, None, "foundation"]),
        industry=random.choice([None, None, "I", "I64", "null"]),
        formation=random.choice([None, None, "joint", "null"]),
        measure=random.choice([None, None, "combine", "instruct"]),
        work_covered=random.choice([None, None, True, False]),
        eligible=random.choice([None, None, True, False]),
    )
    return some_day(random), group_by, filters


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
        assert grouping.group(snapshot, chosen, group_by) == group(expected, group_by, filters)
        assert len(chosen) == sum(matches(r, filters) for r in expected)


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_at_every_position_the_anomalies_equal_those_of_the_fold(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    _, changes = project(events)
    for known_at in range(len(events) + 1):
        day = some_day(random)
        present: dict[Any, bool] = {}
        for row in changes.anomalies:
            if row.position <= known_at:
                present[row.anomaly, row.subject, row.fact_position, row.day, row.detail] = row.present
        found = sorted((k[0], k[1] or "", k[2]) for k, p in present.items() if p and (k[3] or 0) <= day.toordinal())
        folded = from_scratch(events, day, known_at)
        expected = [(a.anomaly, a.subject or "", a.position) for a in folded.anomalies if a.position]
        assert found == sorted(expected)


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
            (m, s.org): s.standing for m, s in folded.members.items() if s.standing and s.org
        }
        expected |= {(b, org): s.formation for b, s in folded.branches.items() if s.formation for org in s.covers}
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


def test_the_world_of_the_histories_has_regions_of_all_lengths() -> None:
    assert {len(r) for r in REGIONS} == {2, 6, 9, 12}
