"""Measures at both clocks: work lists by office, due and overdue."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from domain.fieldwork.measures import BY_ELIGIBILITY, Deadlines, Episode, Offices, offices
from domain.ledger.rates import Filters
from domain.values.terms import MEASURES, Measure
from projections.ledger.columns.columns import Int32, up_to
from projections.ledger.columns.counts import Mask
from projections.ledger.columns.measures import Measures, measures, open_measures
from services.ledger.queries import Queries, chosen_rows
from services.ledger.view import View

State = Literal["open", "due", "overdue"]
STATES: Final[tuple[State, ...]] = get_args(State)
_OPEN, _DUE, _OVERDUE = range(3)
# A measure is due from so many days before its due date on.
DUE_DAYS: Final = 30
# Due dates are ordinals; this stands for none and comes after all of them.
NO_DAY: Final = date.max.toordinal()
WorkKey = tuple[str, str]


class Item(NamedTuple):
    """One open measure: where, since when, due when, who answers; `overdue_days` is 0 while in time."""

    org: str
    org_no: int
    attributes_no: int
    region: str
    measure: Measure
    opened_on: date
    eligible_since: date | None
    due_on: date | None
    overdue_days: int
    state: State
    office: str | None


class Tally(NamedTuple):
    """How many measures are open, of them due and overdue, at one office and for one measure."""

    office: str | None
    measure: Measure
    open: int
    due: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Work:
    """Open measures, and what offices have said of them; arrays have one element for each measure.

    Attributes:
        region: numbers in the snapshot's regions.
        due: ordinals of due dates, NO_DAY for none.
        state: indexes in STATES.
        office: numbers in `answering`, whose last element is None: nobody answers.
    """

    view: View
    as_of: date
    said: Offices
    answering: Sequence[str | None]
    open: Measures
    attributes_no: Int32
    region: Int32
    due: NDArray[np.int64]
    state: NDArray[np.int8]
    office: Int32

    def __len__(self) -> int:
        return len(self.due)

    def _where(self, mask: Mask) -> "Work":
        names = ("attributes_no", "region", "due", "state", "office")
        arrays: dict[str, Any] = {name: getattr(self, name)[mask] for name in names}
        return replace(self, open=self.open.where(mask), **arrays)

    def of_office(self, office: str | None) -> "Work":
        """What this office answers for; None for all."""
        if office is None:
            return self
        number = self.answering.index(office) if office in self.answering else -1
        return self._where(self.office == number)

    def in_state(self, state: State | None) -> "Work":
        """What is in this state; None for all."""
        return self if state is None else self._where(self.state == STATES.index(state))

    def pressing(self) -> "Work":
        """What is due within 30 days, or overdue."""
        return self._where(self.state != STATES.index("open"))

    def due_until(self, day: date | None) -> "Work":
        """What is due by the end of a day, overdue or not; None for all."""
        return self if day is None else self._where(self.due <= day.toordinal())

    def dated(self) -> "Work":
        """What has a due date."""
        return self._where(self.due < NO_DAY)

    def tallies(self) -> list[Tally]:
        """By office and measure how many are open, due and overdue; nobody's come last."""
        counts = np.zeros((len(self.answering), len(MEASURES), len(STATES)), np.int64)
        np.add.at(counts, (self.office, self.open.measure, self.state), 1)
        found = [
            Tally(office, measure, int(of.sum()), int(of[_DUE]), int(of[_OVERDUE]))
            for office, by_measure in zip(self.answering, counts, strict=True)
            for measure, of in zip(MEASURES, by_measure, strict=True)
            if of.any()
        ]
        return sorted(found, key=lambda each: (each.office is None, each.office, each.measure))

    def page(self, after: WorkKey | None, limit: int) -> list[Item]:
        """The first `limit` by due date (none last) and organization, those after a key."""
        at = np.arange(len(self))
        if after is not None:
            at = np.flatnonzero(self.due >= date.fromisoformat(after[0]).toordinal())
        keyed = ((self._key(i), i) for i in at.tolist())
        if after is None and len(at) > limit:
            last = np.partition(self.due, limit - 1)[limit - 1]
            keyed = ((self._key(i), i) for i in np.flatnonzero(self.due <= last).tolist())
        behind = (each for each in keyed if after is None or each[0] > after)
        return [self._item(i) for _, i in heapq.nsmallest(limit, behind)]

    def _key(self, i: int) -> WorkKey:
        return date.fromordinal(int(self.due[i])).isoformat(), self.view.snapshot.orgs[self.open.org_no[i]]

    def _item(self, i: int) -> Item:
        snapshot, number, due = self.view.snapshot, int(self.open.org_no[i]), int(self.due[i])
        since = int(self.open.eligible_since[i])
        return Item(
            snapshot.orgs[number], number, int(self.attributes_no[i]), snapshot.regions[self.region[i]],
            MEASURES[self.open.measure[i]], date.fromordinal(int(self.open.opened[i])),
            date.fromordinal(since) if since else None, None if due == NO_DAY else date.fromordinal(due),
            max(self.as_of.toordinal() - due, 0), STATES[self.state[i]], self.answering[self.office[i]],
        )  # fmt: skip


def item_key(item: Item) -> WorkKey:
    """Where an item stands in a work list: by due date, those without one last, then by organization."""
    return ((item.due_on or date.max).isoformat(), item.org)


def open_work(queries: Queries, as_of: date, known_at: int, filters: Filters) -> Work:
    """The measures open at the end of a date, as known at a position."""
    view = queries.view.current
    snapshot = view.snapshot
    policy, meant, _ = queries.meaning(filters, as_of, known_at)
    rows = chosen_rows(snapshot, as_of, known_at, policy, meant)
    rows = rows.where(open_measures(rows))
    said = offices(queries.office_facts(["measure"], as_of, known_at), as_of)
    found = measures(snapshot, as_of, known_at, rows.org_no)
    found = found.where(found.closed == 0)
    # Both stand in order of organization: an open row has one open measure.
    due = due_days(found, said, lambda org: queries.homes.number(view.version.number, snapshot, org))
    late = due < as_of.toordinal()
    soon = due < as_of.toordinal() + DUE_DAYS
    state = np.where(late, _OVERDUE, np.where(soon, _DUE, _OPEN)).astype(np.int8)
    answering, office = _offices(queries, view, said, found.org_no, rows.region)
    return Work(view, as_of, said, answering, found, rows.attributes_no, rows.region, due, state, office)


def due_days(found: Measures, said: Offices, number_of: Callable[[str], int | None]) -> NDArray[np.int64]:
    """When open measures are due (the domain's Offices.due_on, vectorized), as ordinals; NO_DAY for none."""
    days = np.array([-1 if (d := said.deadlines.days.get(m)) is None else d for m in MEASURES], np.int64)
    by_eligibility = np.isin(found.measure, [MEASURES.index(m) for m in MEASURES if m in BY_ELIGIBILITY])
    begin = np.where(by_eligibility, found.eligible_since, found.opened).astype(np.int64)
    earliest = said.deadlines.not_before.toordinal() if said.deadlines.not_before else 0
    asked = days[found.measure]
    due = np.where((asked < 0) | (begin == 0), NO_DAY, np.clip(begin + asked, earliest, NO_DAY))
    for (org, measure), extensions in said.extended.items():
        for i in _places(found.org_no, number_of(org)):
            if MEASURES[found.measure[i]] == measure:
                since = [until for on, until in extensions if on.toordinal() >= found.opened[i]]
                due[i] = since[-1].toordinal() if since else due[i]
    return due


def _places(sorted_numbers: Int32, number: int | None) -> range:
    """Where a number stands among sorted ones."""
    if number is None:
        return range(0)
    return range(up_to(sorted_numbers, number - 1), up_to(sorted_numbers, number))


def _offices(
    queries: Queries, view: View, said: Offices, org_no: Int32, region: Int32
) -> tuple[list[str | None], Int32]:
    """The offices that answer, None at the end, and for each measure the number of its office among them."""
    codes = view.snapshot.regions
    answering = sorted({*said.of_org.values(), *said.of_region.values()})
    numbers = {office: number for number, office in enumerate([*answering, None])}
    of_region = np.full(len(codes), len(answering), np.int32)
    for code in np.unique(region).tolist():
        of_region[code] = numbers[said.office("", codes[code])]
    office = of_region[region]
    for org, its_office in said.of_org.items():
        for i in _places(org_no, queries.homes.number(view.version.number, view.snapshot, org)):
            office[i] = numbers[its_office]
    return [*answering, None], office


def of_organization(queries: Queries, org: str, as_of: date, known_at: int) -> tuple[list[Episode], Offices]:
    """One organization's measures by the date, open and closed, and what offices have said.

    Raises:
        NotFoundError: no event known speaks of it.
    """
    number = queries.require_organization(org, as_of, known_at)
    view = queries.view.current
    said = offices(queries.office_facts(["measure"], as_of, known_at), as_of)
    found = dict(measures(view.snapshot, as_of, known_at, np.array([number], np.int32)).episodes())
    return found.get(number, []), said


def deadlines_json(deadlines: Deadlines) -> dict[str, object]:
    """Deadlines as answers show them."""
    return {"not_before": deadlines.not_before, "days": dict(deadlines.days)}


def names(queries: Queries, items: Sequence[Item]) -> list[str]:
    """The organizations' names."""
    with queries.cursor() as cursor:
        found = queries.view.current.reading.attributes(cursor, [item.attributes_no for item in items])
    return [found[item.attributes_no].name for item in items]
