"""The city's calendar: days as proleptic ordinals (`date.toordinal`), in Asia/Shanghai."""

from datetime import date
from typing import Final


def day(text: str) -> int:
    """The ordinal of a date written YYYY-MM-DD."""
    return date.fromisoformat(text).toordinal()


OPENING: Final = day("2023-06-01")
"""The ledger opens: the registries hand over their stock."""
SPEECH: Final = day("2024-09-30")
"""The campaign's launch speech gives its figures as of the end of this day."""
CAMPAIGN: Final = day("2024-10-08")
"""The campaign's first working day."""
DEADLINE: Final = day("2024-12-31")
"""Coverage targets and full work coverage are due."""
END: Final = day("2025-06-30")
"""All eligible organizations are covered; the history ends."""
FORMATION_DAYS: Final = 90
"""A branch is due this many days after the organization became eligible, and not before DEADLINE."""

QUARTER_ENDS: Final = tuple(
    map(
        day,
        (
            "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30",
            "2024-09-30", "2024-12-31", "2025-03-31", "2025-06-30",
        ),
    )
)  # fmt: skip

_FIRST: Final = day("2023-05-01")
_LAST: Final = day("2026-06-30")
_ISO: Final = tuple(date.fromordinal(n).isoformat() for n in range(_FIRST, _LAST + 1))
DAY_SECONDS: Final = 86_400


def iso(ordinal: int) -> str:
    """The date as YYYY-MM-DD; from 2023-05-01 to 2026-06-30."""
    return _ISO[ordinal - _FIRST]


def instant(ordinal: int, second: int) -> str:
    """The RFC 3339 time of a second (from 0) of a day, with the offset of Asia/Shanghai."""
    return f"{_ISO[ordinal - _FIRST]}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00"
