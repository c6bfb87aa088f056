"""The names of divisions and industries, beside their codes."""

from datetime import date
from typing import Final

from api.site.texts import Lang, has, text
from domain.fieldwork.regions import Regions

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
        key = f"{name}.{code or 'null'}"
        return text(self.lang, key) if has(key) else str(value)
