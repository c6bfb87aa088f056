"""Dates and instants: calendar dates as `YYYY-MM-DD`, instants as RFC 3339."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

NANOSECONDS: Final = 1_000_000_000
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_FRACTION_DIGITS_MAX: Final = 9
_EPOCH: Final = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=1 << 14)
def parse_date(value: str) -> date:
    """Read a calendar date.

    Raises:
        ValueError: not `YYYY-MM-DD`, or not a day of the calendar.
    """
    if not _DATE.fullmatch(value):
        msg = "a date is written YYYY-MM-DD"
        raise ValueError(msg)
    try:
        return date.fromisoformat(value)
    except ValueError:
        msg = "no such day in the calendar; a date is written YYYY-MM-DD"
        raise ValueError(msg) from None


@lru_cache(maxsize=1 << 14)
def parse_instant(value: str) -> int:
    """Read an RFC 3339 timestamp with an offset; return nanoseconds since 1970-01-01T00:00Z.

    A leap second (`:60`, RFC 3339 section 5.7) counts as the second that follows.

    Raises:
        ValueError: not RFC 3339, no offset, or more than 9 digits of a second.
    """
    match = _INSTANT.fullmatch(value)
    if match is None:
        msg = "a time is RFC 3339 with an offset, as 2024-12-31T09:00:00+08:00"
        raise ValueError(msg)
    day, hour, minute, second, fraction, sign, offset_h, offset_m = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        msg = "hours go to 23, minutes to 59, seconds to 59 (60 for a leap second)"
        raise ValueError(msg)
    if fraction and len(fraction) > _FRACTION_DIGITS_MAX:
        msg = f"at most {_FRACTION_DIGITS_MAX} digits of a second"
        raise ValueError(msg)
    seconds = (parse_date(day).toordinal() - _EPOCH) * 86_400
    seconds += int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        if int(offset_h) > 23 or int(offset_m) > 59:
            msg = "an offset goes to 23:59"
            raise ValueError(msg)
        offset = int(offset_h) * 3600 + int(offset_m) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * NANOSECONDS + int((fraction or "0").ljust(9, "0"))
