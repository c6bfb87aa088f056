"""The projection in memory, event by event, beside the fold from scratch; and random questions of both."""

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np

from domain.events.facts import Event, EventKey
from domain.ledger.placements import NOTHING_SAID, Answers, Body, Existence
from domain.ledger.rates import DIMENSIONS, Filters
from domain.ledger.rows import Ledger, ledger
from projections.ledger.columns.columns import _WIRE, AttributesRow, Columns, Snapshot
from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.records import EntityRecord, OrganizationRecord, initial
from projections.ledger.rows import Changes
from tests.histories import fits

FIRST = date(2024, 1, 31)


class DictMemory:
    """The fold's memory in dictionaries, over a list of events."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.now = 0
        self.entities: dict[str, EntityRecord] = {}
        self.organizations: dict[str, OrganizationRecord] = {}
        self.placed: dict[str, set[str]] = {}
        self.numbers = {NOTHING_SAID: 0}

    def event(self, position: int) -> Event:
        return self.events[position - 1]

    def find(self, key: EventKey) -> Event | None:
        return next((e for e in self.events[: self.now - 1] if e.key == key), None)

    def words(self, target: EventKey) -> list[Event]:
        return [e for e in self.events[: self.now - 1] if not e.is_fact and e.target == target]

    def entity(self, name: str, family: str) -> EntityRecord:
        return self.entities.setdefault(name, EntityRecord(family, initial(family)))

    def existence(self, body: str) -> Existence:
        record = self.entities.get(body)
        return record.state.existence if record is not None and isinstance(record.state, Body) else ()

    def put_under(self, bodies: Iterable[str], org: str) -> None:
        for body in bodies:
            self.placed.setdefault(body, set()).add(org)

    def under(self, body: str, changes: Changes) -> list[str]:
        del changes
        return sorted(self.placed.get(body, ()))

    def answers(self, answers: Answers, changes: Changes) -> int:
        if answers not in self.numbers:
            self.numbers[answers] = len(self.numbers)
            changes.answers.append((self.numbers[answers], answers))
        return self.numbers[answers]

    def organization(self, org: str, changes: Changes) -> OrganizationRecord:
        if org not in self.organizations:
            number = len(self.organizations)
            self.organizations[org] = OrganizationRecord(number)
            changes.organizations.append((number, org))
        return self.organizations[org]

    def branches(self) -> list[str]:
        return sorted(name for name, record in self.entities.items() if record.family == "branch")

    def expect(self, entities: Iterable[str], organizations: Iterable[str]) -> None:
        """All are at hand."""


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
        [
            AttributesRow(n, a.kind, a.category, a.region, a.industry, a.employees, a.legal_person)
            for _, n, a in changes.attributes
        ]
    )
    columns.add_organizations([org for _, org in changes.organizations])
    columns.add_policies(changes.policies)
    columns.add_activity_policies(changes.activity_policies)
    columns.add_answers([answers for _, answers in changes.answers])
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


def anomalies_at(changes: Changes, day: date, known_at: int) -> list[tuple[str, str, int]]:
    """The anomalies of facts and words as the projection has them: name, subject, position."""
    present: dict[tuple[Any, ...], bool] = {}
    for row in changes.anomalies:
        if row.position <= known_at:
            present[row.anomaly, row.subject, row.fact_position, row.day, row.detail] = row.present
    return [(k[0], k[1] or "", k[2]) for k, there in present.items() if there and (k[3] or 0) <= day.toordinal()]
