"""Calendar periods: the ends of every day, week, month, quarter or year in a range of dates."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final, Literal, NamedTuple, get_args

from domain.values.instants import DATE_MIN
from domain.values.terms import Per

Step = Literal["day", "week", "month", "quarter", "year"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
# In months: what month on month and year on year look back over.
MONTH: Final = 1
YEAR: Final = 12
_LAST: Final = date.max.toordinal()


class Point(NamedTuple):
    """The date at whose end a series asks, the period that it stands for, and whether that period has ended."""

    as_of: date
    period: str
    complete: bool


def period_end(day: date, step: Step) -> date:
    """The last day of the period that a day lies in. A week is one of ISO 8601 and ends on its Sunday.

    The calendar's own last week has no Sunday; it ends with the calendar.
    """
    match step:
        case "day":
            return day
        case "week":
            return date.fromordinal(min(day.toordinal() + 7 - day.isoweekday(), _LAST))
        case "month":
            return _month_end(day.year, day.month)
        case "quarter":
            return _month_end(day.year, (day.month + 2) // 3 * 3)
        case "year":
            return date(day.year, 12, 31)


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def period_name(day: date, step: Step) -> str:
    """The name of the period that a day lies in: 2024-12-31, 2025-W01 (ISO 8601), 2024-12, 2024-Q4, 2024."""
    match step:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case "month":
            return f"{day.year:04d}-{day.month:02d}"
        case "quarter":
            return f"{day.year:04d}-Q{(day.month + 2) // 3}"
        case "year":
            return f"{day.year:04d}"


def points(first: date, last: date, step: Step, points_max: int) -> list[Point] | None:
    """The ends of the periods in [first, last]; `last` itself where the last period goes on beyond it.

    A period that began before `first` counts, since its end lies in the range. None where there are more than
    `points_max`, and an empty list where `last` is before `first`.
    """
    found = list(islice(_points(first, last, step), points_max + 1))
    return found if len(found) <= points_max else None


def _points(first: date, last: date, step: Step) -> Iterator[Point]:
    day = first.toordinal()
    while day <= last.toordinal():
        end = period_end(date.fromordinal(day), step)
        as_of = min(end, last)
        yield Point(as_of, period_name(as_of, step), complete=end <= last)
        day = end.toordinal() + 1


def months_before(day: date, months: int) -> date:
    """The same day so many months before; the month's last day where that month is shorter, or where `day` is one.

    The calendar's first day where that would come before it.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < DATE_MIN.year:
        return DATE_MIN
    last = _month_end(year, month + 1)
    return last if day == period_end(day, "month") else last.replace(day=min(day.day, last.day))


MONTHS_IN: Final[dict[Per, int]] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def period_of(day: int, per: Per) -> int:
    """The number of the period that a day (an ordinal) lies in; those of one length are numbered without gaps."""
    at = date.fromordinal(day)
    return (at.year * 12 + at.month - 1) // MONTHS_IN[per]


@lru_cache(maxsize=1 << 12)
def period_begin(number: int, per: Per) -> int:
    """The first day of a period, as an ordinal; its last day is the one before the next one's first."""
    year, month = divmod(number * MONTHS_IN[per], 12)
    return date(year, month + 1, 1).toordinal()


def years_on(day: date, years: int) -> date:
    """The same day of a later year; where that has no 29 February, the 28th."""
    year = day.year + years
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))


def last_day_of_years(first: date, years: int) -> date:
    """The last of so many years: three years from 2022-01-10 end with 2025-01-09."""
    same = years_on(first, years)
    # From a 29 February on they end with the February of the last.
    return same - timedelta(days=1) if same.day == first.day else same
