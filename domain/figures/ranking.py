"""Ranks with ties shown, and the gaps in points that go with them.

**Ties.** Groups rank by their exact rates, highest first. Equal rates share a rank, and the next lower rate takes the
rank that counts all above it: 1, 2, 2, 4. Rates that differ only behind the places shown are not equal. A group over
nothing has no rank.
"""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple, TypeVar

from domain.ledger.rates import REGION_DIMENSION_LENGTHS, Filters, Key, Rate
from domain.values.scope import Scope, regions_of

# A group of fewer organizations (or employees) than this is flagged: one of them moves its rate by over 3 points.
SMALL_BELOW: Final = 30
CITY_DIGITS: Final = 4
K = TypeVar("K")


class Rank(NamedTuple):
    """A rank from 1, and how many groups share it."""

    rank: int
    shared_by: int


def exact(rate: Rate) -> Fraction | None:
    """The rate as a fraction; None over nothing, and where the question has no answer."""
    if rate.numerator is None or rate.denominator == 0:
        return None
    return Fraction(rate.numerator, rate.denominator)


def ranks(found: Mapping[K, Rate]) -> dict[K, Rank | None]:
    """The rank of each group by the tie rule above; None over nothing."""
    return ranked({key: exact(rate) for key, rate in found.items()})


def ranked(values: Mapping[K, Fraction | None]) -> dict[K, Rank | None]:
    """The rank of each value by the same rule; None where there is none."""
    sharing = Counter(value for value in values.values() if value is not None)
    first: dict[Fraction, int] = {}
    above = 0
    for value in sorted(sharing, reverse=True):
        first[value] = above + 1
        above += sharing[value]
    return {key: None if value is None else Rank(first[value], sharing[value]) for key, value in values.items()}


def region_dimension(group_by: tuple[str, ...]) -> tuple[int, int] | None:
    """Where the finest region stands in a grouping, and its number of digits; None without one."""
    found = [(int(name[7:]), place) for place, name in enumerate(group_by) if name.startswith("region:")]
    return None if not found else (max(found)[1], max(found)[0])


def wider(group_by: tuple[str, ...], digits: int) -> tuple[str, ...]:
    """The grouping with its finest region cut to so many digits."""
    found = region_dimension(group_by)
    if found is None:
        return ()
    place, _ = found
    return (*group_by[:place], f"region:{digits}", *group_by[place + 1 :])


def cut(key: Key, place: int, digits: int) -> Key:
    """A group's key in the wider grouping."""
    region = key[place]
    return (*key[:place], None if region is None else region[:digits], *key[place + 1 :])


def parent_digits(digits: int) -> int | None:
    """The digits of the level above (county 6 → city 4); None above a province."""
    place = REGION_DIMENSION_LENGTHS.index(digits)
    return REGION_DIMENSION_LENGTHS[place - 1] if place else None


def of_city(filters: Filters, scope: Scope) -> Filters | None:
    """The filters with the region widened to the city's; None where whoever asks is of another, or of several."""
    region = None if filters.region is None else filters.region[:CITY_DIGITS]
    if scope is not None:
        cities = {each[:CITY_DIGITS] for each in regions_of(scope)}
        if len(cities) != 1 or "" in cities or region not in (None, *cities):
            return None
        (region,) = cities
    return filters._replace(region=region, scope=None)
