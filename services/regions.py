"""Rates by regions as they were then, or mapped to those of any other date; what could not be mapped is said."""

from datetime import date
from functools import reduce
from typing import NamedTuple

from domain.rates import Counts, Filters, add
from domain.regions import Regions
from services.office_facts import office_facts
from services.queries import Queries


class RegionalRates(NamedTuple):
    """Counts by region of `regions_at`, and what has no region then.

    Attributes:
        groups: by region code of so many digits.
        unmapped: by the organizations' own code, what no change maps to that date.
        total: of all, mapped or not.
    """

    groups: dict[str, Counts]
    unmapped: dict[str, Counts]
    total: Counts


def regions_known(queries: Queries, known_at: int) -> Regions:
    """The regions with every change known at a position, of any effective date."""
    with queries.connection() as connection:
        return Regions(office_facts(connection, queries.view.current, ["region"], date.max, known_at))


def regional_rates(  # noqa: PLR0917 - one question
    queries: Queries, regions: Regions, as_of: date, known_at: int, digits: int, filters: Filters, regions_at: date
) -> RegionalRates:
    """The rates of a date by the regions of another.

    Args:
        queries: the ledger.
        regions: as known.
        as_of: the date whose end is asked for.
        known_at: the position of the state of knowledge.
        digits: of the regions to group by: 2, 4, 6, 9 or 12.
        filters: which rows are meant, by the codes that they have on the date.
        regions_at: the date whose regions are meant.
    """
    found = queries.rates(as_of, known_at, ("region:12",), filters)
    groups: dict[str, Counts] = {}
    unmapped: dict[str, Counts] = {}
    for (code,), counts in found.groups.items():
        own = code or ""
        mapped = regions.mapped(own, regions_at)
        if mapped is None:
            unmapped[own] = counts
        else:
            key = mapped[:digits]
            groups[key] = add(groups[key], counts) if key in groups else counts
    return RegionalRates(dict(sorted(groups.items())), unmapped, reduce(add, found.groups.values(), Counts()))
