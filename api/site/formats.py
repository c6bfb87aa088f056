"""Figures, dates and instants as pages show them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from domain.assessment.campaigns import Target
from domain.ledger.rates import Rate
from services.system.settings import SHANGHAI

NONE: Final = "–"


def whole(number: int | None) -> str:
    """A whole number with thousands apart."""
    return NONE if number is None else f"{number:,}"


def percent(rate: Rate) -> str:
    """A rate of four places as a percentage of two; a dash over nothing."""
    return NONE if rate.value is None else f"{Decimal(rate.value) * 100:.2f}%"


def ratio(value: float) -> str:
    """A ratio as a percentage of one place, for what is drawn."""
    return f"{value * 100:.1f}%"


def runs(values: list[float | None]) -> list[list[tuple[float, float]]]:
    """A small line's unbroken parts, as points of a field of 100 by 24; the scale is the values' own."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    # A line that hardly moves must not look as if it did.
    spread = max(high - low, 0.02)
    middle = (high + low) / 2
    found: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            x = 100 * at / max(len(values) - 1, 1)
            found[-1].append((round(x, 1), round(12 - 24 * (value - middle) / spread, 1)))
    return [run for run in found if run]


def goal(target: Target) -> str:
    """A target's value with its comparator."""
    sign = "≥" if target.comparator == "at_least" else ">"
    return f"{sign} {Decimal(target.value) * 100:.2f}%"


def points(difference: str | None) -> str:
    """A difference in percentage points with its sign."""
    if difference is None:
        return NONE
    return f"+{difference}" if Decimal(difference) > 0 else difference.replace("-", "−")


def day(value: date | None) -> str:
    """A date, YYYY-MM-DD."""
    return NONE if value is None else value.isoformat()


def moment(value: datetime | None) -> str:
    """An instant in Asia/Shanghai to the second: YYYY-MM-DD HH:MM:SS."""
    return NONE if value is None else value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
