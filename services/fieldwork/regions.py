"""Rates by regions as they were then, or mapped to those of any other date; what could not be mapped is said.

An organization's code means what it meant when its registry said it: since then its row has had it without a break, as
far as the days show on which a region changed.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np

from domain.fieldwork.regions import Regions
from domain.ledger.rates import Counts, Filters, add, nothing
from projections.ledger.columns.counts import standing
from projections.ledger.columns.grouping import group
from services.ledger.queries import Queries, chosen_rows, rates_of

KEPT_MAX: Final = 4
_FAMILY: Final = "region"
_BY_CODE: Final = ("region:12",)


class RegionalRates(NamedTuple):
    """Counts by region of `regions_at`, and what has no region then.

    Attributes:
        groups: by region code of so many digits.
        unmapped: by the organizations' own code, what no change maps to that date.
        undivided: by the regions of that date that cannot be told apart: back over a merger, or on over a split.
        total: of all, mapped or not.
    """

    groups: dict[str, Counts]
    unmapped: dict[str, Counts]
    undivided: dict[tuple[str, ...], Counts]
    total: Counts

    def of(self, code: str) -> Counts:
        """The counts of a region, of one that nobody is in too."""
        return self.groups.get(code) or nothing(judged=self.total.judged)


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
            # Of what the projection has not reached, a later change may have been read under this key.
            if known_at <= view.snapshot.position:
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
    groups: dict[str, Counts] = {}
    unmapped: dict[str, Counts] = {}
    undivided: dict[tuple[str, ...], Counts] = {}
    total = nothing(judged=queries.view.current.snapshot.is_judged(as_of.toordinal(), known_at))
    for code, said_on, counts in _said(queries, regions.changed_on, as_of, known_at, filters):
        total = add(total, counts)
        mapped = tuple(sorted({each[:digits] for each in regions.mapped(code, said_on, regions_at)}))
        if not mapped:
            unmapped[code] = add(unmapped.get(code, Counts()), counts)
        elif len(mapped) == 1:
            groups[mapped[0]] = add(groups.get(mapped[0], Counts()), counts)
        else:
            undivided[mapped] = add(undivided.get(mapped, Counts()), counts)
    return RegionalRates(dict(sorted(groups.items())), unmapped, dict(sorted(undivided.items())), total)


def _said(
    queries: Queries, changed_on: Sequence[date], as_of: date, known_at: int, filters: Filters
) -> Iterator[tuple[str, date, Counts]]:
    """The counts by region code, and a day between changes of regions on which the registry had said the code."""
    days = [day for day in reversed(changed_on) if day <= as_of]
    if not days:
        for (code,), counts in queries.rates(as_of, known_at, _BY_CODE, filters).groups.items():
            yield code or "", as_of, counts
        return
    snapshot = queries.view.current.snapshot
    policy, meant, _ = queries.meaning(filters, as_of, known_at)
    judged = snapshot.is_judged(as_of.toordinal(), known_at)
    rows = chosen_rows(snapshot, as_of, known_at, policy, meant)
    # How many of the days each row has been at its code for, the last of them first.
    since = np.zeros(len(rows), np.int64)
    lasting = np.ones(len(rows), np.bool_)
    for day in days:
        eve = standing(snapshot, day.toordinal() - 1, known_at, policy)
        was_at = np.full(snapshot.organizations, -1, np.int64)
        was_at[eve.org_no] = eve.region
        lasting &= was_at[rows.org_no] == rows.region
        if not lasting.any():
            break
        since += lasting
    for number in np.unique(since).tolist():
        said_on = days[number - 1] - timedelta(1) if number else as_of
        found = group(snapshot, rows.where(since == number), _BY_CODE)
        for (code,), counts in rates_of(found, policy, judged=judged).groups.items():
            yield code or "", said_on, counts
