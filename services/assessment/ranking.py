"""Groups ranked by a rate, with their gaps to the level above and to the city, and their month and year before."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from domain.figures.comparison import percentage_points
from domain.figures.ranking import CITY_DIGITS, Rank, cut, of_city, parent_digits, ranks, region_dimension, wider
from domain.ledger.rates import ANY, Counts, Filters, Key, Rate, rates
from domain.values.periods import MONTH, YEAR, months_before
from domain.values.scope import in_scope
from domain.values.terms import RateName
from services.assessment.series import rates_before
from services.ledger.queries import Queries


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
    """The groups of a grouping, ranked by a rate by the tie rule of domain.figures.ranking.

    The level above a region is the next shorter one that is a dimension; of a grouping without regions it is the whole
    that the filters mean. The city is the region of four digits. Both keep all filters but the region. Whoever is
    limited to regions sees of these levels those within the regions, and the whole city's rate all the same, in total
    and by kind: cut finer, it would tell of single organizations elsewhere.

    Args:
        queries: the ledger.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge, reached by the projection.
        group_by: the dimensions.
        filters: which rows are meant.
        rate: which rate.
        small: groups whose denominator is below this are flagged.
    """

    def at(day: date, by: tuple[str, ...], of: Filters, over: Queries = queries) -> dict[Key, Rate]:
        found = rates_before(over, day, known_at, by, of).groups
        return {key: rates(counts)[rate] for key, counts in found.items()}

    def ask(by: tuple[str, ...], of: Filters, digits: int) -> dict[Key, Rate]:
        return at(as_of, by, of, queries.everywhere() if digits == CITY_DIGITS else queries)

    month, year = (months_before(as_of, n) for n in (MONTH, YEAR))
    found = queries.rates(as_of, known_at, group_by, filters)
    now = {key: rates(counts)[rate] for key, counts in found.groups.items()}
    total = rates(found.total)[rate]
    earlier, a_year_ago = at(month, group_by, filters), at(year, group_by, filters)
    order = ranks(now)
    above, city = _references(now, group_by, filters._replace(scope=queries.scope), total, ask)
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


# By which dimensions, over what, at which level of regions.
Ask = Callable[[tuple[str, ...], Filters, int], dict[Key, Rate]]
References = tuple[dict[Key, Rate | None], dict[Key, Rate | None]]


def _references(
    now: Mapping[Key, Rate], group_by: tuple[str, ...], filters: Filters, total: Rate, ask: Ask
) -> References:
    """For each group the rate of the level above it, and the city's."""
    region, scope = region_dimension(group_by), filters.scope
    anywhere = filters._replace(region=None, scope=None)
    coarse = anywhere == ANY._replace(kind=anywhere.kind) and all(
        name == "kind" or name.startswith("region:") for name in group_by
    )
    tells_city = scope is None or coarse
    if region is None:
        of = of_city(filters, scope) if tells_city else None
        city = None if of is None else ask((), of, CITY_DIGITS).get(())
        return dict.fromkeys(now, total), dict.fromkeys(now, city)
    place, digits = region

    def level(wanted: int | None) -> dict[Key, Rate | None]:
        if wanted is None or wanted > digits:
            return dict.fromkeys(now)
        rates_there = ask(wider(group_by, wanted), anywhere, wanted)
        return {key: rates_there.get(cut(key, place, wanted)) if shown(key, wanted) else None for key in now}

    def shown(key: Key, wanted: int) -> bool:
        return (wanted == CITY_DIGITS and tells_city) or in_scope((key[place] or "")[:wanted], scope)

    return level(parent_digits(digits)), level(CITY_DIGITS)


def _gap(this: Rate, other: Rate | None) -> str | None:
    return None if other is None else percentage_points(this, other)
