"""What changed between two states of knowledge is the difference of the two folds from scratch."""

from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.rates import ANY, Counts, Filters, count_row, group, matches
from domain.ledger.rows import Row
from projections.ledger.columns.moves import moved, steps
from tests.histories import as_events, deliveries
from tests.projecting import from_scratch, project, question
from tests.sending import envelope

pytestmark = pytest.mark.long


def numbers(counts: Counts) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A count that nobody can answer moves nothing."""
    return np.array([n or 0 for n in counts], np.int64)


def total(rows: list[Row], filters: Filters) -> np.ndarray[Any, np.dtype[np.int64]]:
    return numbers(group(rows, (), filters).get((), Counts()))


def apart(row: Row) -> tuple[Any, ...]:
    """What sets a row apart from another: its counts and its dimensions."""
    a = row.attributes
    return (
        *count_row(row),
        a.kind,
        a.category,
        a.region,
        a.industry,
        row.measure,
        row.formation,
        row.excluded,
        *row.bodies,
    )


@settings(max_examples=150, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_what_moved_is_the_difference_of_the_folds(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    snapshot, _ = project(events)
    day, _, filters = question(random)
    since, known_at = sorted(random.choices(range(len(events) + 1), k=2))
    found = moved(snapshot, day.toordinal(), since, known_at, filters)
    left = {r.org: r for r in from_scratch(events, day, since).rows() if matches(r, filters)}
    right = {r.org: r for r in from_scratch(events, day, known_at).rows() if matches(r, filters)}
    expected = {}
    for org in left.keys() | right.keys():
        before, after = left.get(org), right.get(org)
        if before is None or after is None or apart(before) != apart(after):
            sides = (numbers(count_row(r) if r else Counts()) for r in (after, before))
            expected[org] = tuple(np.subtract(*sides).tolist())
    pairs = zip(found.org_no, found.difference.tolist(), strict=True)
    assert {snapshot.orgs[n]: tuple(difference) for n, difference in pairs} == expected


@settings(max_examples=150, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_each_step_is_the_difference_that_one_event_made(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    snapshot, _ = project(events)
    day, _, some = question(random)
    filters = random.choice([ANY, some])
    since, known_at = sorted(random.choices(range(len(events) + 1), k=2))
    found = steps(snapshot, day.toordinal(), since, known_at, filters)
    differences = dict(zip(found.positions.tolist(), found.differences, strict=True))
    assert len(differences) == len(found.positions)
    for position in range(since + 1, known_at + 1):
        before, after = (total(from_scratch(events, day, p).rows(), filters) for p in (position - 1, position))
        assert differences.get(position, np.zeros(len(after), np.int64)).tolist() == (after - before).tolist()


def test_a_placement_under_a_body_that_nobody_has_created_moves_nothing_until_somebody_does() -> None:
    def said(number: int, type_: str, **data: object) -> dict[str, Any]:
        return envelope(f"e{number}", type_, {"effective_on": "2024-02-01", **data}, "/office")

    registered = {"kind": "new_employment_group", "category": "courier", "name": "甲", "region": "510104"}
    history = [
        said(1, "organization.registered", org="group:G-1", **registered),
        said(2, "organization.placed", org="group:G-1", body="body:park-1"),
        said(3, "body.created", body="body:park-1", kind="park", name="园区"),
    ]
    snapshot, _ = project(as_events(history))
    day = date(2024, 2, 29).toordinal()
    assert [len(moved(snapshot, day, since, known_at).org_no) for since, known_at in ((1, 2), (2, 3), (1, 3))] == [
        0,
        1,
        1,
    ]
