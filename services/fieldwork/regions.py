"""Rates by regions as they were then, or mapped to those of any other date; what could not be mapped is said."""

import threading
from collections import OrderedDict
from datetime import date
from functools import reduce
from typing import Final, NamedTuple

from domain.fieldwork.regions import Regions
from domain.ledger.rates import Counts, Filters, add
from services.ledger.queries import Queries

KEPT_MAX: Final = 4
_FAMILY: Final = "region"


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
    return Regions(queries.office_facts([_FAMILY], date.max, known_at))


class KnownRegions:
    """The regions as known at any position; read anew only where a later event speaks of one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # By version of the projection, and by the last position at or before that speaks of a region.
        self._kept: OrderedDict[tuple[int, int], Regions] = OrderedDict()

    def at(self, queries: Queries, known_at: int) -> Regions:
        """What `regions_known` says; names of divisions are no office's own."""
        pinned = queries.everywhere().pinned()
        view = pinned.view.current
        with pinned.cursor() as cursor:
            key = view.version.number, view.reading.last_mention(cursor, _FAMILY, known_at)
        # One reads and the others wait: there may be a hundred thousand divisions.
        with self._turn:
            found = self._kept.get(key) or regions_known(pinned, known_at)
            self._kept[key] = found
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return found


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
