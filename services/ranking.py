"""Groups ranked by a rate, with their gaps to the level above and to the city, and their month and year before."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from domain.comparison import percentage_points
from domain.periods import months_before
from domain.ranking import CITY_DIGITS, Rank, cut, of_city, parent_digits, ranks, region_dimension, wider
from domain.rates import Counts, Filters, Key, Rate, rates
from domain.terms import RateName
from services.queries import Queries

MONTH, YEAR = 1, 12


class Ranked(NamedTuple):
    """One group; gaps and movements in percentage points, None where one side is missing or over nothing.

    `parent` is the rate of the level above it, `city` the city's; `small` flags a group of few.
    """

    key: Key
    counts: Counts
    rate: Rate
    rank: Rank | None
    small: bool
    parent: Rate | None
    to_parent: str | None
    city: Rate | None
    to_city: str | None
    month_on_month: str | None
    year_on_year: str | None


class Ranking(NamedTuple):
    """The groups by rank, then key, those without a rank last; the whole; the dates compared with."""

    groups: list[Ranked]
    total: Rate
    month_before: date
    year_before: date


def ranking(  # noqa: PLR0917 - one question
    queries: Queries,
    as_of: date,
    known_at: int,
    group_by: tuple[str, ...],
    filters: Filters,
    rate: RateName,
    small: int,
) -> Ranking:
    """The groups of a grouping, ranked by a rate by the tie rule of domain.ranking.

    The level above a region is the next shorter one that is a dimension; of a grouping without regions it is the whole
    that the filters mean. The city is the region of four digits. Both keep all filters but the region.

    Args:
        queries: the ledger.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge, reached by the projection.
        group_by: the dimensions.
        filters: which rows are meant.
        rate: which rate.
        small: groups whose denominator is below this are flagged.
    """

    def at(day: date, by: tuple[str, ...], of: Filters) -> dict[Key, Rate]:
        found = queries.rates(day, known_at, by, of).groups
        return {key: rates(counts)[rate] for key, counts in found.items()}

    month, year = (months_before(as_of, n) for n in (MONTH, YEAR))
    found = queries.rates(as_of, known_at, group_by, filters)
    now = {key: rates(counts)[rate] for key, counts in found.groups.items()}
    total = rates(found.total)[rate]
    earlier, a_year_ago = at(month, group_by, filters), at(year, group_by, filters)
    order = ranks(now)
    above, city = _references(now, group_by, filters, total, lambda by, of: at(as_of, by, of))
    made = [
        Ranked(
            key, found.groups[key], value, order[key], value.denominator < small,
            above[key], _gap(value, above[key]), city[key], _gap(value, city[key]),
            _gap(value, earlier.get(key)), _gap(value, a_year_ago.get(key)),
        )
        for key, value in now.items()
    ]  # fmt: skip
    # Sorted already by key, null last, which stays the order within a rank.
    made.sort(key=lambda each: (each.rank is None, each.rank or Rank(0, 0)))
    return Ranking(made, total, month, year)


Ask = Callable[[tuple[str, ...], Filters], dict[Key, Rate]]
References = tuple[dict[Key, Rate | None], dict[Key, Rate | None]]


def _references(
    now: Mapping[Key, Rate], group_by: tuple[str, ...], filters: Filters, total: Rate, ask: Ask
) -> References:
    """For each group the rate of the level above it, and the city's."""
    region = region_dimension(group_by)
    if region is None:
        city = ask((), of_city(filters)).get(())
        return dict.fromkeys(now, total), dict.fromkeys(now, city)
    place, digits = region
    anywhere = filters._replace(region=None)

    def level(wanted: int | None) -> dict[Key, Rate | None]:
        if wanted is None or wanted > digits:
            return dict.fromkeys(now)
        rates_there = ask(wider(group_by, wanted), anywhere)
        return {key: rates_there.get(cut(key, place, wanted)) for key in now}

    return level(parent_digits(digits)), level(CITY_DIGITS)


def _gap(this: Rate, other: Rate | None) -> str | None:
    return None if other is None else percentage_points(this, other)
