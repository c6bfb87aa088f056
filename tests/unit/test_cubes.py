"""A cube gives what the scan gives, at any pair of clocks, whatever its blocks and runs."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.policy import DEFAULT_POLICY, Policy
from domain.ledger.rates import ANY, Filters
from projections.ledger.columns import counts, cubes, grouping
from projections.ledger.columns.cubes import Cube, Shape
from tests.histories import as_events, deliveries
from tests.projecting import FIRST, project, question

POLICIES = [DEFAULT_POLICY, Policy(1, 4, ("standalone",))]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # A few entries a block and two runs to the next level: random histories fill several levels.
    monkeypatch.setattr(cubes, "BLOCK", 4)
    monkeypatch.setattr(cubes, "FAN_OUT", 2)


@settings(max_examples=60, deadline=None)
@given(deliveries(facts_max=14), st.integers(0, 2**32))
def test_a_cube_equals_the_scan_at_any_pair(history: list[Any], seed: int) -> None:
    random = Random(seed)
    events = as_events(history)
    snapshot, _ = project(events)
    _, group_by, filters = question(random)
    policy = random.choice(POLICIES)
    cube = Cube(Shape(group_by, random.choice([filters, ANY, Filters(kind="new_economic")]), policy))
    # Some blocks may be missing still: the cube is asked while it is being built.
    for _ in range(random.randrange(40)):
        cube.extend(snapshot)
    for known_at in range(len(events) + 1):
        day = (FIRST + timedelta(days=random.randrange(33))).toordinal()
        rows = counts.standing(snapshot, day, known_at, policy)
        chosen = rows.where(counts.matching(snapshot, rows, cube.shape.filters))
        assert cube.counts(snapshot, day, known_at) == grouping.group(snapshot, chosen, group_by)


def test_runs_of_blocks_are_merged_level_by_level() -> None:
    events = as_events(_registrations(40))
    snapshot, _ = project(events)
    cube = Cube(Shape(("kind",), ANY, DEFAULT_POLICY))
    for _ in range(20):
        cube.extend(snapshot)
    # 10 blocks of 4: 8 and 2; 9: 8 and 1; 7: 4, 2 and 1. What is left of a block is read by itself.
    found = {known: cube.runs(known) for known in (40, 39, 36, 28, 3)}
    assert {known: (len(runs), entries) for known, (runs, entries) in found.items()} == {
        40: (2, 40), 39: (2, 36), 36: (2, 36), 28: (3, 28), 3: (0, 0),
    }  # fmt: skip


def test_sums_that_exceed_32_bits_are_exact() -> None:
    registrations = _registrations(300)
    for each in registrations:
        each["data"]["employees"] = 10_000_000
    snapshot, _ = project(as_events(registrations))
    cube = Cube(Shape((), ANY, DEFAULT_POLICY))
    for _ in range(75):
        cube.extend(snapshot)
    counts = cube.counts(snapshot, FIRST.toordinal() + 10, 300)
    assert counts[()].employees == 3_000_000_000


def _registrations(count: int) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0", "id": str(n), "source": "/s", "time": "2024-02-01T00:00:00Z",
            "type": "taizhang.organization.registered.v1",
            "data": {
                "effective_on": "2024-02-01", "org": f"group:{n}", "kind": "new_employment_group",
                "category": "courier", "name": "甲", "region": "510104",
            },
        }
        for n in range(count)
    ]  # fmt: skip
