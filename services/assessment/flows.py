"""Flows within a period, at one state of knowledge: what came into each group's stocks and what left them, and why."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.ledger.bases import BASIS
from domain.ledger.flows import Direction, Flow, Presence, Step, Stock, UnitMovement, UnitStock, places_of, steps
from domain.ledger.meaning import lifting
from domain.ledger.rates import Filters, Key
from domain.values.terms import EXCLUSION_REASONS, ExclusionReason
from projections.ledger.columns.flow_days import days_of_change
from projections.ledger.columns.flows import Grouped, Moved, Rules
from services.ledger.ledger_at import LedgerAt
from services.ledger.meaning import BODY, Meaning


class Asked(NamedTuple):
    """Which flows: after the end of `since` up to the end of the ledger's date, by group, of what the filters mean."""

    since: date
    group_by: tuple[str, ...]
    filters: Filters


class Flows(NamedTuple):
    """By group, sorted by key with null last, and in total, how each stock came from the one number to the other."""

    groups: dict[Key, dict[Stock, Flow]]
    total: dict[Stock, Flow]


class _Period:
    """The days on which something changes, and the rules by which what changes is counted."""

    def __init__(self, ledger: LedgerAt, asked: Asked) -> None:
        self._ledger, self._asked = ledger, asked
        self.since, self.until = asked.since.toordinal(), ledger.clocks.day
        self.rules = self._rules()
        self.steps = list(self._steps())
        changing = [each.since for each in self.rules[1:]]
        self.days = days_of_change(
            ledger.view.snapshot,
            self.since,
            self.until,
            ledger.clocks.known_at,
            changing,
            sorted(places_of(self.steps)),
        )

    def _rules(self) -> list[Rules]:
        """The rules from the first day on, and from each day on which they change."""
        found: list[tuple[int, Meaning, bool]] = []
        for day in (self.since, *self._days_of_rules()):
            as_of = date.fromordinal(day)
            meant = self._ledger.queries.meaning(
                self._asked.filters, as_of, self._ledger.clocks.known_at, self._asked.group_by
            )
            judged = self._ledger.view.snapshot.is_judged(day, self._ledger.clocks.known_at)
            if not found or (meant, judged) != found[-1][1:]:
                found.append((day, meant, judged))
        return [
            Rules(day, meant.policy, meant.filters, judged, lifting(self._asked.group_by, meant.bodies))
            for day, meant, judged in found
        ]

    def _days_of_rules(self) -> list[int]:
        """The days of the period on which a policy, a basis or a body may change."""
        snapshot, (as_of, known_at) = self._ledger.view.snapshot, self._ledger.clocks
        days = {
            day
            for of in (snapshot.policies, snapshot.activity_policies)
            for each in of
            if each.position <= known_at
            for day in (each.day_from, each.day_to)
        }
        facts = self._ledger.queries.everywhere().office_facts((BODY, BASIS), as_of, known_at)
        days |= {fact.effective_on.toordinal() for fact in facts}
        return sorted(day for day in days if self.since < day <= self.until)

    def _steps(self) -> Iterator[Step]:
        """What members did: of all of them, since one who comes from out of sight comes all the same."""
        with self._ledger.queries.everywhere().cursor() as cursor:
            moving = self._ledger.view.reading.members_moving(
                cursor, self.since, self.until, self._ledger.clocks.known_at
            )
            for presences in moving:
                yield from steps([Presence(*each) for each in presences], self.since, self.until)

    def grouped(self, group_by: tuple[str, ...]) -> Grouped:
        """What moved, by the grouping that is asked for or all in one."""
        rules = self.rules if group_by else [each._replace(lift=lambda _: ()) for each in self.rules]
        return Grouped(self._ledger.view.snapshot, self.days, self.steps, rules, group_by)


def flows(ledger: LedgerAt, asked: Asked) -> Flows:
    """The flows of the period that ends with the ledger's date.

    Raises:
        NotInForceError: the basis was not in force at its beginning.
    """
    before, after = (
        LedgerAt(ledger.queries, day, ledger.clocks.known_at).rates(asked.group_by, asked.filters)
        for day in (asked.since, ledger.clocks.as_of)
    )
    period = _Period(ledger, asked)
    groups = period.grouped(asked.group_by).flows(before.groups, after.groups)
    return Flows(groups, period.grouped(()).flows({(): before.total}, {(): after.total})[()])


class Wanted(NamedTuple):
    """Which of the organizations that moved: of one group, one stock, and a direction or a movement or any."""

    key: Key
    stock: UnitStock
    direction: Direction | None
    movement: UnitMovement | None


class MovedRow(NamedTuple):
    """An organization that came into a stock or left it: its name and region where it stood, and what tells it."""

    day: date
    org: str
    name: str
    region: str
    direction: Direction
    movement: UnitMovement
    excluded: ExclusionReason | None
    position: int
    by_rules: bool


def behind(ledger: LedgerAt, asked: Asked, wanted: Wanted, after: int, limit: int) -> tuple[int, list[MovedRow]]:
    """How many organizations are behind numbers of `flows`, and up to `limit` of them, by day, those after so many.

    Each stands there as often as it moved.
    """
    found = sorted(
        (
            each
            for each in _Period(ledger, asked).grouped(asked.group_by).moved()
            if (each.key, each.stock) == (wanted.key, wanted.stock)
            and wanted.direction in (None, each.direction)
            and wanted.movement in (None, each.movement)
        ),
        key=lambda each: (each.day, each.org_no, each.direction),
    )
    return len(found), _rows(ledger, found[after : after + limit])


def _rows(ledger: LedgerAt, moved: Sequence[Moved]) -> list[MovedRow]:
    snapshot = ledger.view.snapshot
    numbers = [int(snapshot.entries["attributes_no"][each.counted]) for each in moved]
    with ledger.queries.cursor() as cursor:
        attributes = ledger.view.reading.attributes(cursor, sorted(set(numbers)))
    rows = []
    for each, number in zip(moved, numbers, strict=True):
        excluded = int(snapshot.entries["excluded"][each.after]) if each.movement == "excluded" else 0
        rows.append(
            MovedRow(
                date.fromordinal(each.day), snapshot.orgs[each.org_no], attributes[number].name,
                attributes[number].region, each.direction, each.movement,
                EXCLUSION_REASONS[excluded - 1] if excluded else None,
                int(snapshot.entries["position"][each.after]), each.by_rules,
            )
        )  # fmt: skip
    return rows
