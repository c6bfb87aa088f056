"""Dates and instants: one function reads each, wherever it is read (spec/domain.md, Two clocks, Instants).

A date is `YYYY-MM-DD`, an instant RFC 3339 with an offset, to the nanosecond; both between the same two bounds.
"""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

NANOSECONDS: Final = 1_000_000_000
DATE_MIN: Final = date(1900, 1, 1)
DATE_MAX: Final = date(2199, 12, 31)
FRACTION_DIGITS_MAX: Final = 9
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
#: Every day between the bounds, as a regular expression without lookaround.
DATE_PATTERN: Final = (
    "(?:19|20|21)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)-02-29"
)
#: Every instant between the bounds; an offset at a bound and the place of a leap second are left to `parse_instant`.
INSTANT_PATTERN: Final = (
    f"(?:{DATE_PATTERN}|1899-12-31|2200-01-01)[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)"
    r"(?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_SECONDS: Final = 86_400
_LEAP: Final = 60
INSTANT_MIN_NS: Final = (DATE_MIN.toordinal() - _EPOCH) * _DAY_SECONDS * NANOSECONDS
INSTANT_MAX_NS: Final = (DATE_MAX.toordinal() + 1 - _EPOCH) * _DAY_SECONDS * NANOSECONDS - 1


@lru_cache(maxsize=1 << 14)
def parse_date(value: str) -> date:
    """Read a calendar date.

    Raises:
        ValueError: not `YYYY-MM-DD`, not a day of the calendar, or outside of the bounds.
    """
    day = _calendar_day(value)
    if not DATE_MIN <= day <= DATE_MAX:
        msg = f"a date lies between {DATE_MIN} and {DATE_MAX}"
        raise ValueError(msg)
    return day


def _calendar_day(value: str) -> date:
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

    A leap second (`:60`, RFC 3339 section 5.7) stands at the end of a month in UTC, and counts as the second after it.

    Raises:
        ValueError: not RFC 3339, no offset, more than 9 digits of a second, or outside of the bounds.
    """
    match = _INSTANT.fullmatch(value)
    if match is None:
        msg = "a time is RFC 3339 with an offset, as 2024-12-31T09:00:00+08:00"
        raise ValueError(msg)
    day, hour, minute, second, fraction, sign, offset_h, offset_m = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > _LEAP:
        msg = "hours go to 23, minutes to 59, seconds to 59 (60 for a leap second)"
        raise ValueError(msg)
    if fraction and len(fraction) > FRACTION_DIGITS_MAX:
        msg = f"at most {FRACTION_DIGITS_MAX} digits of a second"
        raise ValueError(msg)
    seconds = (_calendar_day(day).toordinal() - _EPOCH) * _DAY_SECONDS
    seconds += int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        if int(offset_h) > 23 or int(offset_m) > 59:
            msg = "an offset goes to 23:59"
            raise ValueError(msg)
        offset = int(offset_h) * 3600 + int(offset_m) * 60
        seconds -= offset if sign == "+" else -offset
    nanoseconds = seconds * NANOSECONDS + int((fraction or "0").ljust(FRACTION_DIGITS_MAX, "0"))
    if not INSTANT_MIN_NS <= nanoseconds <= INSTANT_MAX_NS:
        msg = f"an instant lies between {DATE_MIN}T00:00:00Z and {DATE_MAX}T23:59:59.999999999Z"
        raise ValueError(msg)
    if int(second) == _LEAP and not _begins_a_month(seconds):
        msg = "a leap second (:60) is the last one of a month in UTC; elsewhere seconds go to 59"
        raise ValueError(msg)
    return nanoseconds


def _begins_a_month(seconds: int) -> bool:
    """Whether the instant is the beginning of a month's first day in UTC."""
    days, rest = divmod(seconds, _DAY_SECONDS)
    return rest == 0 and (date(1970, 1, 1) + timedelta(days)).day == 1
