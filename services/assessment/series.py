"""Rates at many dates: as known at one moment, or each as it was known then."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from typing import NamedTuple

from domain.ledger.rates import Counts, Filters
from domain.values.periods import MONTH, YEAR, months_before
from services.ledger.ledger_at import LedgerAt
from services.ledger.meaning import NotInForceError
from services.ledger.queries import Queries, Rates
from services.log.recorder import LogRecorder, positions_at
from services.system.errors import InstantToComeError
from services.system.settings import SHANGHAI


class Moment(NamedTuple):
    """One pair of clocks: a date, and a position of the log."""

    as_of: date
    known_at: int


def known_then(queries: Queries, recorder: LogRecorder, days: Sequence[date], now: datetime) -> list[Moment]:
    """Each day as it was known when it ended in Asia/Shanghai; days not over yet as known at the log's end.

    Args:
        queries: the ledger.
        recorder: the log.
        days: the dates, in order.
        now: the present instant.
    """
    past = [end for end in map(_end, days) if end <= now]
    if past:
        # Waits for a transaction that may still stamp its events with an instant before this one; where the database's
        # clock is behind ours it has waited too.
        with suppress(InstantToComeError):
            recorder.position_at(past[-1])
    head, _ = recorder.head()
    with queries.everywhere().cursor() as cursor:
        found = positions_at(cursor, past)
    found += [head] * (len(days) - len(found))
    return [Moment(day, position) for day, position in zip(days, found, strict=True)]


def _end(day: date) -> datetime:
    """A day's last instant in Asia/Shanghai; instants of learning are whole microseconds."""
    return datetime.combine(day, time.max, SHANGHAI)


def rates_before(queries: Queries, as_of: date, known_at: int, group_by: tuple[str, ...], filters: Filters) -> Rates:
    """The rates of a date that is only compared with: before its basis was adopted nothing is counted by it."""
    try:
        return queries.rates(as_of, known_at, group_by, filters)
    except NotInForceError:
        return Rates({}, Counts(), LedgerAt(queries, as_of, known_at).policy)


class Earlier(NamedTuple):
    """The same groups at an earlier date, as known at the same position."""

    as_of: date
    rates: Rates


class SeriesPoint(NamedTuple):
    """Counts by group and in total at one moment, and the same a month and a year before."""

    now: Rates
    month_before: Earlier
    year_before: Earlier


def series(
    queries: Queries, moments: Sequence[Moment], group_by: tuple[str, ...], filters: Filters
) -> Iterator[SeriesPoint]:
    """Counts by group and in total at each of the moments, which the projection has reached, and before them.

    A date before is as known at its point's own position: the difference is what moved in the world, never what became
    known in between.
    """
    asked: dict[Moment, Rates] = {}

    def at(as_of: date, known_at: int, *, compared: bool = False) -> Rates:
        moment = Moment(as_of, known_at)
        if moment not in asked:
            ask = rates_before if compared else Queries.rates
            asked[moment] = ask(queries, as_of, known_at, group_by, filters)
        return asked[moment]

    def before(moment: Moment, months: int) -> Earlier:
        day = months_before(moment.as_of, months)
        return Earlier(day, at(day, moment.known_at, compared=True))

    for moment in moments:
        yield SeriesPoint(at(*moment), before(moment, MONTH), before(moment, YEAR))
