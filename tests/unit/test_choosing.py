"""A page of organizations, read by organization, is what a look at all of them gives."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.rates import Counts
from projections.ledger.columns import choosing, counts
from projections.ledger.columns.choosing import ByOrganization, Group
from projections.ledger.columns.grouping import count_columns
from tests.histories import as_events, deliveries
from tests.projecting import project, question


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a history of a few entries has a tail, and a ledger of six organizations several looks."""
    monkeypatch.setattr(choosing, "_WIDTH", 1)
    monkeypatch.setattr(choosing, "_TAIL_MAX", 4)


@settings(max_examples=100, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_pages_by_organization_equal_a_look_at_all(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    by_organization = ByOrganization()
    # The log grows under the same order, and then another version of the projection is in use.
    for version, end in ((1, len(events) // 2), (1, len(events)), (2, len(events))):
        snapshot, _ = project(events[:end])
        date, _, filters = question(random)
        day, known_at = date.toordinal(), random.randrange(end + 1)
        regions = random.choice([{}, {6: "510104"}, {9: "510104"}, {2: "51", 12: "510104001003"}])
        group = Group(filters, regions, random.choice([None, *Counts._fields]))
        policy = snapshot.policy(day, known_at)
        rows = counts.standing(snapshot, day, known_at, policy)
        rows = rows.where(counts.matching(snapshot, rows, filters))
        columns = dict(zip(Counts._fields, count_columns(rows), strict=True))
        expected = [
            number
            for i, number in enumerate(rows.org_no.tolist())
            if all(snapshot.regions[rows.region[i]][:n] == key for n, key in regions.items())
            and (group.counted_in is None or columns[group.counted_in][i])
        ]
        found: list[int] = []
        after = -1
        while True:
            page = by_organization.page(version, snapshot, day, known_at, policy, group, after, 2)
            if len(page) == 0:
                break
            found += page.org_no.tolist()
            after = found[-1]
        assert found == expected
