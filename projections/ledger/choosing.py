"""Which rows stand behind a number: a page of organizations at one (as_of, known_at), without looking at all.

The entries are also kept in order of organization, so that a page reads the entries of as many
organizations as it takes to fill it, not those of the whole ledger.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from domain.policy import Policy
from domain.rates import Counts, Filters
from domain.terms import KINDS
from projections.ledger.columns import Int32, Snapshot
from projections.ledger.grouping import count_columns
from projections.ledger.standing import Mask, Standing, matching, rows_of

# Organizations looked at first; each further look takes twice as many.
_WIDTH: Final = 1 << 10
# Entries beyond the order that are looked at one by one before the order is made anew.
_TAIL_MAX: Final = 1 << 17


class Group(NamedTuple):
    """Which rows are meant: those that the filters mean, in these regions, that add to one count.

    Attributes:
        filters: as for a rate.
        regions: by N the key under the dimension `region:N`.
        counted_in: a field of domain.rates.Counts, or None for all rows.
    """

    filters: Filters
    regions: Mapping[int, str]
    counted_in: str | None = None


class Order(NamedTuple):
    """The first `length` entries in order of organization; those of number n are entries[begins[n]:begins[n + 1]]."""

    version: int
    length: int
    entries: Int32
    begins: Int32


class ByOrganization:
    """The entries in order of organization, made when asked for; any number of threads may ask."""

    def __init__(self) -> None:
        self._order = Order(-1, 0, np.zeros(0, np.int32), np.zeros(1, np.int32))

    def _current(self, version: int, snapshot: Snapshot) -> Order:
        order = self._order
        org_no = snapshot.entries["org_no"]
        if order.version != version:
            order = Order(version, 0, np.zeros(0, np.int32), np.zeros(1, np.int32))
        elif len(org_no) - order.length <= _TAIL_MAX:
            return order
        # The stable sort merges what is in order already.
        tail = np.arange(order.length, len(org_no), dtype=np.int32)
        entries = np.concatenate([order.entries, tail[np.argsort(org_no[tail], kind="stable")]])
        entries = entries[np.argsort(org_no[entries], kind="stable")]
        begins = np.zeros(snapshot.organizations + 1, np.int32)
        np.cumsum(np.bincount(org_no, minlength=snapshot.organizations), out=begins[1:])
        self._order = Order(version, len(org_no), entries, begins)
        return self._order

    def page(  # noqa: PLR0917 - one question
        self,
        version: int,
        snapshot: Snapshot,
        day: int,
        known_at: int,
        policy: Policy,
        group: Group,
        after: int,
        limit: int,
    ) -> Standing:
        """Up to `limit` rows of the group in order of organization number, those after number `after`."""
        order = self._current(version, snapshot)
        known = int(np.searchsorted(snapshot.entries["position"], known_at, side="right"))
        inside = _inside(snapshot, group.regions)
        found, count, first, width = [np.zeros(0, np.int32)], 0, after + 1, _WIDTH
        while count < limit and first < snapshot.organizations:
            decided = _deciding(snapshot, order, first, first + width, day, known)
            rows = rows_of(snapshot, _there(snapshot, decided, inside, group.filters.kind), policy)
            rows = rows.where(_meant(snapshot, rows, group))
            found.append(rows.entry)
            count, first, width = count + len(rows), first + width, width * 2
        return rows_of(snapshot, np.concatenate(found)[:limit], policy)


def _deciding(snapshot: Snapshot, order: Order, first: int, last: int, day: int, known: int) -> Int32:  # noqa: PLR0917 - as above
    """For each organization numbered [first, last) the last of the first `known` entries that spans the day."""
    columns = snapshot.entries
    begin, end = (order.begins[min(n, len(order.begins) - 1)] for n in (first, last))
    entries = order.entries[begin:end]
    entries = entries[entries < known]
    tail = columns["org_no"][order.length : known]
    entries = np.concatenate([entries, np.flatnonzero((tail >= first) & (tail < last)).astype(np.int32) + order.length])
    entries = entries[(columns["day_from"][entries] <= day) & (columns["day_to"][entries] > day)]
    decided = np.full(last - first, -1, np.int32)
    # Of an index that stands twice, the last assignment holds; an organization's entries stand in order.
    decided[columns["org_no"][entries] - first] = entries
    return decided[decided >= 0]


def _there(snapshot: Snapshot, decided: Int32, inside: Mask, kind: str | None) -> Int32:
    """Of these entries those of active organizations in the regions and of the kind: few, so their rows cost little."""
    decided = decided[snapshot.entries["attributes_no"][decided] >= 0]
    number = snapshot.entries["attributes_no"][decided]
    there = inside[snapshot.attributes["region"][number]]
    if kind is not None:
        there &= snapshot.attributes["kind"][number] == (KINDS.index(kind) if kind in KINDS else -1)
    chosen: Int32 = decided[there]
    return chosen


def _inside(snapshot: Snapshot, regions: Mapping[int, str]) -> Mask:
    """Which of the snapshot's region codes have these keys."""
    codes = list(snapshot.regions)
    inside = np.ones(len(codes), np.bool_)
    for digits, key in regions.items():
        inside &= np.fromiter([code[:digits] == key for code in codes], np.bool_, len(codes))
    return inside


def _meant(snapshot: Snapshot, rows: Standing, group: Group) -> Mask:
    mask = matching(snapshot, rows, group.filters)
    if group.counted_in is not None:
        mask &= count_columns(rows)[Counts._fields.index(group.counted_in)] != 0
    return mask
