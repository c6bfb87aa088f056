"""The demo city as an intake would have accepted it, folded from scratch."""

from collections.abc import Iterable
from datetime import date
from functools import cache

from domain.events.envelope import check_data, read_event
from domain.events.facts import Event, Fact, standing_facts
from domain.ledger.rates import ANY, Counts, Filters, add, count_row, matches
from domain.ledger.rows import Ledger, Row, ledger

SPEECH, DEADLINE, END = date(2024, 9, 30), date(2024, 12, 31), date(2025, 6, 30)


def fits(type_: str, data: object) -> bool:
    return not check_data(type_, data)


class City:
    """Everything that an intake would have accepted, and the ledger at any date from it."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        known: dict[tuple[str, str], Event] = {}
        for line in lines:
            event = read_event(line).event
            if event is not None:
                known.setdefault(event.key, event)
        self.events = list(known.values())
        self.at = cache(self._at)
        self.rows = cache(lambda day: self.at(day).rows())

    def _at(self, day: date) -> Ledger:
        return ledger(self.events, day, fits)

    def counts(self, day: date, filters: Filters = ANY) -> Counts:
        return total(row for row in self.rows(day) if matches(row, filters))

    def eligible_uncovered(self, day: date) -> dict[str, Row]:
        return {
            row.org: row
            for row in self.rows(day)
            if row.eligible and not row.organization_covered and row.excluded is None
        }

    def facts(self) -> list[Fact]:
        return standing_facts(self.events, fits)[0]


def total(rows: Iterable[Row]) -> Counts:
    counts = Counts()
    for row in rows:
        counts = add(counts, count_row(row))
    return counts
