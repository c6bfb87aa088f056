"""What waits for somebody today: how long the lists of other rooms are, and how much of them came since a look."""

from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple, get_args

from domain.assessment.campaigns import deadlines
from domain.inspection.signals import SIGNALS
from domain.ledger.rates import Filters
from services.assessment.campaigns import campaigns
from services.fieldwork.measures import open_work
from services.fieldwork.orders import all_orders
from services.inspection.changes import moved_since
from services.inspection.signals import find
from services.intake.quarantine import Quarantine
from services.ledger.ledger_at import LedgerAt
from services.ledger.queries import Queries

Item = Literal["measures_overdue", "measures_due", "orders", "changes", "signals", "quarantine"]
ITEMS: Final[tuple[Item, ...]] = get_args(Item)
# What is due by the end of the seventh day, the date itself being the first.
WEEK_DAYS: Final = 6
_ALL: Final = Filters()


class Waiting(NamedTuple):
    """One item: how many wait, and how many of them came since the earlier look; None where that says nothing."""

    item: Item
    total: int
    new: int | None


def due_until(as_of: date) -> date:
    """The last day of the week that begins with a date."""
    return as_of + timedelta(days=WEEK_DAYS)


def measures_waiting(queries: Queries, as_of: date, known_at: int) -> list[Waiting]:
    """Measures past their due date, and those due within the week."""
    work = open_work(queries, as_of, known_at, _ALL)
    due = work.in_state("due").due_until(due_until(as_of))
    return [
        Waiting("measures_overdue", len(work.in_state("overdue")), None),
        Waiting("measures_due", len(due), None),
    ]


def orders_waiting(queries: Queries, as_of: date, known_at: int, since: int) -> Waiting:
    """Supervision orders that are owed an answer, and those with an act after a position."""
    owed = [each for each in all_orders(queries, as_of, known_at)[0] if each.is_unanswered]
    return Waiting("orders", len(owed), sum(max(each.decided_by) > since for each in owed))


def changes_waiting(ledger: LedgerAt, since: int) -> Waiting:
    """Organizations whose rows of the date moved since a position."""
    filters = ledger.queries.meaning(_ALL, *ledger.clocks).filters
    count = len(moved_since(ledger, since, filters).org_no)
    return Waiting("changes", count, count)


def signals_waiting(queries: Queries, as_of: date, known_at: int, since: int) -> Waiting:
    """Signals at the deadlines of all campaigns, and those with an event after a position."""
    dates = deadlines(campaigns(queries, as_of, known_at).campaigns)
    found = find(queries, as_of, known_at, signals=SIGNALS, deadlines=dates)
    return Waiting("signals", len(found.hits), len(found.newer(since)))


def quarantine_waiting(quarantine: Quarantine, since: datetime | None) -> Waiting:
    """Messages set aside that have come to no end yet, and those received since an instant."""
    count, new = quarantine.waiting(since)
    return Waiting("quarantine", count, new)
