"""What came into a stock and what left it add up to the difference of the stocks, and are what each day shows."""

from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events.facts import Event
from domain.ledger.bodies import NO_BODIES
from domain.ledger.entities import counted_as
from domain.ledger.flows import STOCKS, At, Presence, Step, member_movement, movements_of, places_of, steps
from domain.ledger.meaning import lifting
from domain.ledger.rates import Counts, Filters, Key, dimension, group, matches
from domain.ledger.rows import Ledger, Row
from projections.ledger.columns.columns import Snapshot
from projections.ledger.columns.flow_days import days_of_change
from projections.ledger.columns.flows import Grouped, Rules
from projections.ledger.rows import Changes
from tests.histories import as_events, deliveries
from tests.projecting import FIRST, from_scratch, project, question

Told = Counter[tuple[Key, str, str, str]]
_STOCK_OF = {"full": "full_members", "probationary": "probationary_members", "activist": "activists"}
_UP = {("activist", "probationary"): "admitted", ("probationary", "full"): "promoted"}


def told_day_by_day(  # noqa: PLR0917 - one question
    events: list[Event], since: date, until: date, known_at: int, group_by: tuple[str, ...], filters: Filters
) -> Told:
    """The same by comparing each day's fold with that of the day before, organization by organization."""
    told: Told = Counter()
    before = from_scratch(events, since, known_at)
    for number in range(since.toordinal() + 1, until.toordinal() + 1):
        after = from_scratch(events, date.fromordinal(number), known_at)
        sides = [_groups(ledger, group_by, filters) for ledger in (before, after)]
        rows = [{row.org: row for row in ledger.rows()} for ledger in (before, after)]
        for org in rows[0].keys() | rows[1].keys():
            told.update(_organization(org, sides, rows))
        for member in before.members.keys() | after.members.keys():
            told.update(_member(member, (before, after), sides))
        before = after
    return told


def _groups(ledger: Ledger, group_by: tuple[str, ...], filters: Filters) -> dict[str, Key]:
    return {
        row.org: tuple(dimension(row, name) for name in group_by)
        for row in ledger.rows()
        if matches(row, filters) and row.excluded is None
    }


def _organization(org: str, sides: list[dict[str, Key]], rows: list[dict[str, Row]]) -> Told:
    told: Told = Counter()
    keys, (was, became) = [side.get(org) for side in sides], [each.get(org) for each in rows]
    for stock in ("organizations", "organization_covered", "work_covered"):
        there = [
            key is not None and (stock == "organizations" or getattr(row, stock))
            for key, row in zip(keys, (was, became), strict=True)
        ]
        if keys[0] == keys[1] and there[0] == there[1]:
            continue
        if there[0]:
            why = "closed" if became is None else "excluded" if became.excluded else "moved_out"
            told[keys[0] or (), stock, "out", "no_longer_covered" if keys[0] == keys[1] else why] += 1
        if there[1]:
            why = "opened" if was is None else "readmitted" if was.excluded else "moved_in"
            told[keys[1] or (), stock, "in", "newly_covered" if keys[0] == keys[1] else why] += 1
    return told


def _member(member: str, ledgers: tuple[Ledger, Ledger], sides: list[dict[str, Key]]) -> Told:
    places, stands = [], []
    for ledger, side in zip(ledgers, sides, strict=True):
        state = ledger.members.get(member)
        org = state.org if state is not None and state.standing is not None else None
        value = counted_as(state) if org is not None and state is not None else None
        places.append((org, value))
        stands.append((side[org], _STOCK_OF[value]) if org in side and value in _STOCK_OF else None)
    if stands[0] == stands[1]:
        return Counter()
    (org, value), (to, other) = places
    standing, now = (v and v.removesuffix("_elsewhere") for v in (value, other))
    if places[0] == places[1]:
        why = "with_organization"
    elif value is None or other is None:
        why = "registered" if value is None else "removed"
    elif standing != now:
        why = _UP.get((str(standing), str(now)), "standing_changed")
    else:
        why = "relation_changed" if org == to else "transferred"
    return Counter({(*each, way, why): 1 for each, way in zip(stands, ("out", "in"), strict=True) if each})


def grouped(  # noqa: PLR0917 - one question
    snapshot: Snapshot, changes: Changes, days: tuple[int, int], known_at: int, by: tuple[str, ...], filters: Filters
) -> Grouped:
    """The product's own answer, over the projection in memory."""
    since, until = days
    rules: list[Rules] = []
    for day in range(since, until + 1):
        own = (snapshot.policy(day, known_at), snapshot.is_judged(day, known_at))
        if not rules or own != (rules[-1].policy, rules[-1].judged):
            rules.append(Rules(day, own[0], filters, own[1], lifting(by, NO_BODIES)))
    of_member: dict[str, list[Presence]] = {}
    for each in changes.presences:
        if each.position <= known_at and each.entity.startswith("member:"):
            own_presence: Any = Presence(each.org_no, each.day_from, each.day_to, each.value)  # type: ignore[arg-type]
            of_member.setdefault(each.entity, []).append(own_presence)
    told = [step for presences in of_member.values() for step in steps(presences, since, until)]
    found = days_of_change(
        snapshot, since, until, known_at, [each.since for each in rules[1:]], sorted(places_of(told))
    )
    return Grouped(snapshot, found, told, rules, by)


@settings(max_examples=25, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_flows_are_what_each_day_shows_and_add_up_to_the_stocks(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    snapshot, changes = project(events)
    _, by, some = question(random)
    # Most of what a history tells lies in these days.
    since = FIRST + timedelta(days=random.randrange(-2, 8))
    until = since + timedelta(days=random.randrange(1, 30))
    filters = random.choice([Filters(), Filters(), some])
    by, known_at = by[:2], random.choice([len(events), random.randrange(len(events) + 1)])
    of = grouped(snapshot, changes, (since.toordinal(), until.toordinal()), known_at, by, filters)
    before, after = (group(from_scratch(events, day, known_at).rows(), by, filters) for day in (since, until))
    found = of.flows(before, after)
    told: Told = Counter()
    for key, stocks in found.items():
        assert list(stocks) == list(STOCKS)
        for stock, flow in stocks.items():
            assert (flow.before, flow.after) == tuple(
                getattr(side.get(key, Counts()), stock) for side in (before, after)
            )
            assert flow.adds_up, (key, stock, flow)
            for way, numbers in (("in", flow.coming), ("out", flow.leaving)):
                assert set(numbers) <= set(movements_of(stock, way))  # type: ignore[arg-type]  # the two there are
                told.update({(key, stock, way, movement): number for movement, number in numbers.items() if number})
    assert told == told_day_by_day(events, since, until, known_at, by, filters)


def test_a_member_who_comes_back_has_left_and_come() -> None:
    presences = [Presence(1, 10, 99, "full"), Presence(1, 20, 99, None), Presence(2, 20, 99, "full"),
                 Presence(2, 30, 99, None), Presence(1, 30, 99, "full")]  # fmt: skip
    here, there = At(1, "full"), At(2, "full")
    assert list(steps(presences, 5, 40)) == [Step(10, None, here), Step(20, here, there), Step(30, there, here)]
    assert [member_movement(each) for each in steps(presences, 5, 40)] == ["registered", "transferred", "transferred"]
    assert list(steps(presences, 10, 19)) == []
