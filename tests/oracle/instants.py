"""Instants to the nanosecond and calendar dates, read by their text alone (RFC 3339, section 5.6)."""

import re
from datetime import date, timedelta

NANOSECONDS_A_SECOND = 10**9
TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))",
    re.ASCII,
)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def read_date(text: str) -> date:
    """A day between 1900-01-01 and 2199-12-31; ValueError for anything else."""
    if not DATE.fullmatch(text):
        message = f"{text!r} is no date"
        raise ValueError(message)
    day = date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        message = f"{text} lies outside {FIRST_DAY} to {LAST_DAY}"
        raise ValueError(message)
    return day


def read_instant(text: str) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z; ValueError for what is no instant or outside the bounds.

    A leap second (`:60`, section 5.7) is the second that follows.
    """
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        message = f"{text!r} is no instant"
        raise ValueError(message)
    day, hours, minutes, seconds, fraction, zulu, sign, offset_hours, offset_minutes = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 60:
        message = f"{text!r} is no time of day"
        raise ValueError(message)
    offset = 0
    if not zulu:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            message = f"{text!r} has no such offset"
            raise ValueError(message)
        offset = (int(offset_hours) * 3600 + int(offset_minutes) * 60) * (-1 if sign == "-" else 1)
    days = date.fromisoformat(day).toordinal() - EPOCH_ORDINAL
    of_the_day = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    instant = (days * 86_400 + of_the_day - offset) * NANOSECONDS_A_SECOND + int((fraction or "").ljust(9, "0"))
    first = (FIRST_DAY.toordinal() - EPOCH_ORDINAL) * 86_400 * NANOSECONDS_A_SECOND
    after_last = (LAST_DAY.toordinal() + 1 - EPOCH_ORDINAL) * 86_400 * NANOSECONDS_A_SECOND
    if not first <= instant < after_last:
        message = f"{text} lies outside {FIRST_DAY} to {LAST_DAY}"
        raise ValueError(message)
    return instant


def years_on(day: date, years: int) -> date:
    """The same day of a later year; where that year has no 29 February, the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def last_day_of_years(first: date, years: int) -> date:
    """The last of so many years: three years from 2022-01-10 end with 2025-01-09."""
    try:
        return first.replace(year=first.year + years) - timedelta(days=1)
    except ValueError:
        # From a 29 February on, the years end with the February of the last.
        return first.replace(year=first.year + years, day=28)


MONTHS_IN = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def complete_periods(per: str, count: int, on: date) -> list[tuple[date, date]]:
    """The last `count` periods of the calendar whose last day is not after `on`, the latest first."""
    length = MONTHS_IN[per]
    found: list[tuple[date, date]] = []
    month_number = on.year * 12 + on.month - 1
    start = month_number - month_number % length
    while len(found) < count:
        first = date(start // 12, start % 12 + 1, 1)
        after = start + length
        last = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
        if last <= on:
            found.append((first, last))
        start -= length
    return found
