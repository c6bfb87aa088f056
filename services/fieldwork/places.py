"""Divisions found by name, by the initials of its pinyin, or by code: what people type where a code is meant."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from pypinyin import Style, lazy_pinyin

from domain.fieldwork.regions import Regions
from domain.values.names import one_width

FOUND_MAX: Final = 50


class Place(NamedTuple):
    """A division: its code, its name, and the names of those above it, from the top."""

    region: str
    name: str
    above: tuple[str, ...]


@lru_cache(maxsize=1 << 15)
def initials(name: str) -> str:
    """The first letters of a name's syllables: gld for Gao Lang District."""
    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()


def find_places(regions: Regions, day: date, words: str, limit: int = FOUND_MAX) -> list[Place]:
    """The divisions of a day that are meant: those named exactly so first, then the higher ones, then by code.

    Args:
        regions: as known.
        day: whose divisions.
        words: a code or its beginning; or a name in either language, its beginning, or its initials. Words before the
            last one name what lies above.
        limit: how many at most.
    """
    named = {code: region for code, region in regions.at(day).items() if region.name}
    standing = {code: region.name or "" for code, region in named.items()}
    *over, last = one_width(words).lower().split() or [""]
    if not last:
        return []
    found = []
    for code, name in standing.items():
        fits = min(
            (fit for each in (name, named[code].name_en) if each and (fit := _fit(last, code, each)) is not None),
            default=None,
        )
        above = [standing[code[:n]] for n in (2, 4, 6, 9) if n < len(code) and code[:n] in standing]
        if fits is not None and all(any(_fit(word, "", each) is not None for each in above) for word in over):
            found.append((fits, len(code), code, Place(code, name, tuple(above))))
    return [place for *_, place in sorted(found)[:limit]]


def _fit(word: str, code: str, name: str) -> int | None:
    """How well a word means a division, 0 best; None where it does not."""
    plain = one_width(name).lower()
    if word in (code, plain):
        return 0
    if plain.startswith(word):
        return 1
    if word.isascii() and word.isalpha() and initials(name).startswith(word):
        return 2
    if (code and code.startswith(word)) or word in plain:
        return 3
    return None


def the_place(found: Iterable[Place], words: str) -> Place | None:
    """The only division that is meant: the one named exactly so, or the only one of the highest level; else None."""
    places = list(found)
    exact = [each for each in places if one_width(each.name) == one_width(words).split()[-1]]
    meant = exact or places
    if not meant:
        return None
    highest = min(len(each.region) for each in meant)
    top = [each for each in meant if len(each.region) == highest]
    return top[0] if len(top) == 1 else None
