"""Open and closed measures agree with the fold from scratch at every pair of clocks."""

from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fieldwork.measures import Deadlines, Episode, Offices, Span, asked, due_on, episodes
from domain.ledger.rows import Row
from domain.values.terms import MEASURES, Measure
from projections.ledger.columns.columns import Snapshot
from projections.ledger.columns.counts import standing
from projections.ledger.columns.measures import latest, measures, open_measures
from services.fieldwork.measures import NO_DAY, due_days
from tests.histories import as_events, deliveries
from tests.projecting import FIRST, from_scratch, project, some_day


@settings(max_examples=80, deadline=None)
@given(deliveries(), st.integers(0, 2**32))
def test_measures_agree_with_the_fold_of_every_day(history: list[Any], seed: int) -> None:
    random, events = Random(seed), as_events(history)
    snapshot, _ = project(events)
    as_of, known_at = some_day(random), random.randrange(len(events) + 1)
    days = [FIRST + timedelta(n) for n in range(-1, (as_of - FIRST).days + 1)]
    rows = {day: {row.org: row for row in from_scratch(events, day, known_at).rows()} for day in days}
    found = {snapshot.orgs[number]: each for number, each in measures(snapshot, as_of, known_at).episodes()}
    for org in snapshot.orgs:
        expected = episodes(_spans(org, rows))
        assert found.get(org, []) == expected
        is_open = asked(rows[as_of].get(org)) in ("establish_large", "establish", "combine", "instruct")
        assert sum(each.closed_on is None for each in expected) == is_open
    now = standing(snapshot, as_of.toordinal(), known_at, snapshot.policy(as_of.toordinal(), known_at))
    _due_as_the_domain_says(snapshot, as_of, known_at, random)
    listed = {snapshot.orgs[n] for n in now.org_no[open_measures(now)].tolist()}
    assert listed == {org for org, each in found.items() if each and each[-1].closed_on is None}


def _due_as_the_domain_says(snapshot: Snapshot, as_of: date, known_at: int, random: Random) -> None:
    every = measures(snapshot, as_of, known_at)
    found = every.where(every.closed == 0)
    days: dict[Measure, int | None] = {m: random.choice([None, 0, 5, 90]) for m in MEASURES}
    extended: dict[tuple[str, str], list[tuple[date, date]]] = {
        (org, random.choice(MEASURES)): [(some_day(random), date(2025, 1, 1 + n)) for n in range(2)]
        for org in snapshot.orgs
        if random.random() < 0.3
    }
    said = Offices(Deadlines(random.choice([None, FIRST + timedelta(40)]), days), {}, {}, extended, ())
    due = due_days(found, said, list(snapshot.orgs).index)
    for (number, (episode,)), day in zip(found.episodes(), due.tolist(), strict=True):
        expected = said.due_on(snapshot.orgs[number], episode)
        assert day == (NO_DAY if expected is None else expected.toordinal())


def _spans(org: str, rows: dict[date, dict[str, Row]]) -> list[Span]:
    spans = []
    for day, by_org in rows.items():
        row = by_org.get(org)
        spans.append(Span(day, asked(row), row is not None and row.eligible))
    return spans


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), max_size=12))
def test_a_later_range_holds_its_places_and_no_others(ranges: list[tuple[int, int]]) -> None:
    begins, ends = (np.array(each, np.int64) for each in ([b for b, _ in ranges], [b + n for b, n in ranges]))
    found = latest(begins, ends, 24)
    for place in range(24):
        holding = [n for n, (b, size) in enumerate(ranges) if b <= place < b + size]
        assert found[place] == max(holding, default=-1)


def test_a_branch_is_due_so_many_days_after_eligibility_and_not_before_the_date() -> None:
    deadlines = Deadlines(date(2024, 12, 31), {"establish": 90, "establish_large": 90, "combine": 30})
    early = Episode("establish", date(2024, 7, 1), None, None, date(2024, 7, 1))
    late = Episode("establish", date(2024, 12, 1), None, None, date(2024, 12, 1))
    assert due_on(early, deadlines) == date(2024, 12, 31)
    assert due_on(late, deadlines) == date(2025, 3, 1)
    assert due_on(early._replace(measure="establish_large", eligible_since=None), deadlines) is None
    assert due_on(late._replace(measure="combine"), deadlines) == date(2024, 12, 31)
    assert due_on(late._replace(measure="instruct"), deadlines) is None


def test_growing_large_does_not_move_the_day_of_eligibility() -> None:
    days = [date(2024, 1, n) for n in range(1, 7)]
    told = episodes(
        [
            Span(days[0], "not_registered", eligible=False), Span(days[1], "establish", eligible=True),
            Span(days[2], "establish_large", eligible=True), Span(days[3], "covered", eligible=True),
            Span(days[4], "establish", eligible=True),
        ]
    )  # fmt: skip
    assert [(e.measure, e.opened_on, e.closed_on, e.closed_by, e.eligible_since) for e in told] == [
        ("establish", days[1], days[2], "superseded", days[1]),
        ("establish_large", days[2], days[3], "covered", days[1]),
        ("establish", days[4], None, None, days[4]),
    ]
