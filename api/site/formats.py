"""Figures, dates, instants and names as pages show them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final

from api.site.texts import Lang, has, text
from domain.assessment.campaigns import Target
from domain.events.campaigns import Comparator
from domain.fieldwork.regions import Regions
from domain.ledger.placements import NONE as NO_BODY
from domain.ledger.rates import BODY_DIMENSION, Rate
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
    """What a target asks for with its comparator; a dash where a relative one has no answer."""
    return f"{sign_of(target.comparator)} {percent(target.as_rate)}"


def sign_of(comparator: Comparator) -> str:
    """The sign of a comparator."""
    return "≥" if comparator == "at_least" else ">"


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


_LENGTHS: Final = (2, 4, 6, 9, 12)


def industry_name(code: str | None, lang: Lang) -> str:
    """A section's name (GB/T 4754-2017) with its letter; a longer code after its section's name."""
    if code is None:
        return text(lang, "industry.null")
    key = f"industry.{code[:1]}"
    return f"{code} {text(lang, key)}" if has(key) else code


def ancestors(region: str) -> list[str]:
    """The divisions above a region and itself, from the city down."""
    return [region[:length] for length in _LENGTHS[1:] if length <= len(region)]


def level_below(region: str | None) -> int | None:
    """The number of digits one level below a region; None at the lowest."""
    return next((length for length in _LENGTHS if length > len(region or "")), None)


class Names:
    """What codes are called in one language; divisions as the log names them on a date."""

    def __init__(self, lang: Lang, regions: Regions | None = None, day: date = date.max) -> None:
        self.lang = lang
        self._regions, self._day = regions, day

    def place(self, code: str | None) -> str:
        """A division's name, its code where no event has named it."""
        found = None if code is None or self._regions is None else self._regions.named(code, self._day)
        if found is None:
            return code or "–"
        # A registry that publishes no English name leaves the one that it has.
        return (found.name if self.lang == "zh" else found.name_en or found.name) or found.region

    def term(self, name: str, value: object) -> str:
        """A value of a dimension or a filter in words: `region:6` and `region` are divisions, `null` is none."""
        if isinstance(value, bool):
            return text(self.lang, "yes" if value else "no")
        code = None if value is None or value == "null" else str(value)
        if name.startswith("region"):
            return self.place(code)
        if name == "industry":
            return industry_name(code, self.lang)
        if name.startswith(BODY_DIMENSION):
            return text(self.lang, f"body.{code or 'null'}") if code in (None, NO_BODY) else str(code)
        # A stock is one of the counts, and is called so.
        key = f"{'count' if name == 'stock' else name}.{code or 'null'}"
        return text(self.lang, key) if has(key) else str(value)
