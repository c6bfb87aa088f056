"""What an event is said to change, held against what it does change: the fold from scratch, before and after."""

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access.rights import Judged, Right, judge
from domain.events.access import Role
from domain.events.facts import Event
from domain.events.types import EVENT_TYPES
from domain.ledger.rows import Ledger, ledger
from domain.values.reach import Reach
from domain.values.scope import in_scope, scope_of
from projections.ledger.touched import changed
from tests.fact_data import BODIES, REGIONS
from tests.histories import as_events, deliveries, fits
from tests.story_of_list import ListStory

pytestmark = pytest.mark.long

# The days on which facts of tests.histories are effective, and one after them.
DAYS = [date(2024, 1, 31) + timedelta(days=n) for n in range(30)]


def some_rights(random: Random) -> list[Right]:
    """Rights limited to regions and bodies of the world, some to a source or to types too."""
    scopes = [scope_of(random.sample(REGIONS, n)) for n in (1, 1, 2)] + [("510105",), ("510104001",)]
    scopes += [scope_of(None, [body]) for body in BODIES]
    scopes.append(scope_of(random.sample(REGIONS, 1), random.sample(BODIES, 2)))
    office = frozenset({"/office"})
    types = frozenset(random.sample(sorted(EVENT_TYPES), 30))
    stewards = frozenset[Role]({"steward"})
    return [
        *(Right(scope=scope) for scope in scopes),
        *(Right(stewards, None, None, scope) for scope in scopes),
        Right(sources=office, scope=scopes[0]), Right(types=types, scope=scopes[1]),
    ]  # fmt: skip


def _nobody(_: str) -> frozenset[str]:
    return frozenset()


def differing(before: Ledger, after: Ledger) -> set[tuple[str, frozenset[str]]]:
    """Of each row that differs the region, and the bodies that it answers to with all above them, on either side."""
    old, new = ({row.org: row for row in each.rows()} for each in (before, after))
    orgs = [org for org in old.keys() | new.keys() if old.get(org) != new.get(org)]
    found = set()
    for side, rows in ((before, old), (after, new)):
        for row in (rows[org] for org in orgs if org in rows):
            above = frozenset(each for body in row.bodies if body is not None for each in side.bodies.chain(body))
            found.add((row.attributes.region, above))
    return found


@settings(max_examples=60)
@given(deliveries(), st.integers(0, 2**32))
def test_what_a_right_allows_changes_no_row_and_no_rule_outside_it(history: list[Any], seed: int) -> None:
    rights = some_rights(Random(seed))
    known: list[Event] = []
    before = [ledger(known, day, fits) for day in DAYS]
    for event in as_events(history):
        story = ListStory(known)
        target = None if event.is_fact else story.find(event.target)
        found = changed(event, story, fits, by_body=True)
        judged = Judged(event, None if target is None else target.type, lambda found=found: found, _nobody)  # type: ignore[misc]
        allowing = [right for right in rights if judge("any", (right,), judged) is None]
        known.append(event)
        after = [ledger(known, day, fits) for day in DAYS]
        assert not allowing or [each.policy for each in before] == [each.policy for each in after]
        places = set[tuple[str, frozenset[str]]]()
        if allowing:
            changes = zip(before, after, strict=True)
            places = {place for pair in changes for place in differing(*pair)}
        for right in allowing:
            outside = [place for place in places if not in_scope(place[0], right.scope, place[1])]
            assert not outside, (event, right, outside)
        before = after


def test_every_type_states_what_it_changes() -> None:
    unstated = [name for name, model in EVENT_TYPES.items() if not isinstance(vars(model).get("reach"), Reach)]
    assert unstated == []
