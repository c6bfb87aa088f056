"""The names of divisions and industries, beside their codes."""

from typing import Final

from api.pages.texts import Lang, has, text
from services.demo_city.places import PLACES

_LENGTHS: Final = (2, 4, 6, 9, 12)


def place_name(code: str | None, lang: Lang) -> str:
    """A division's name, its code where no name is known (names of the demo city are)."""
    place = PLACES.get(code or "")
    if place is None:
        return code or "–"
    return place.zh if lang == "zh" else place.en


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


def term(name: str, value: object, lang: Lang) -> str:
    """A value of a dimension or a filter in words: `region:6` and `region` are divisions, `null` is none."""
    if isinstance(value, bool):
        return text(lang, "yes" if value else "no")
    code = None if value is None or value == "null" else str(value)
    if name.startswith("region"):
        return place_name(code, lang)
    if name == "industry":
        return industry_name(code, lang)
    key = f"{name}.{code or 'null'}"
    return text(lang, key) if has(key) else str(value)
