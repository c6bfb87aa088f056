"""Calendar periods: the ends of every day, week, month, quarter or year in a range of dates."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Final, Literal, NamedTuple, get_args

from domain.values.instants import DATE_MIN

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
