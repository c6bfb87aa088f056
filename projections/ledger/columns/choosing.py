"""Which rows stand behind a number: a page of organizations at one (as_of, known_at), without looking at all.

The entries are also kept in order of organization, so that a page reads the entries of as many
organizations as it takes to fill it, of those that ever were in the regions and of the kind, not
those of the whole ledger.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.policy import Policy
from domain.ledger.rates import Counts, Filters, answerable
from domain.values.terms import KINDS
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Mask, Standing, matching, rows_of
from projections.ledger.columns.grouping import count_columns

# Organizations looked at first; each further look takes twice as many.
_WIDTH: Final = 1 << 9
# Entries beyond the order that are looked at one by one before the order is made anew.
_TAIL_MAX: Final = 1 << 17
# Numbers of organizations.
Orgs = NDArray[np.int64]


class Group(NamedTuple):
    """Which rows are meant: those that the filters mean, in these regions, that add to one count.

    Attributes:
        filters: as for a rate.
        regions: by N the key under the dimension `region:N`.
        bodies: keys under dimensions of bodies; whoever chooses by them puts what they mean into the filters.
        counted_in: a field of domain.ledger.rates.Counts, or None for all rows.
        lacking: another one to which they add nothing; None: it makes no difference.
    """

    filters: Filters
    regions: Mapping[int, str]
    counted_in: str | None = None
    lacking: str | None = None
    bodies: Mapping[str, str] = MappingProxyType({})


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
        judged = snapshot.is_judged(day, known_at)
        # Without an activity policy nobody is said to lack what nobody was asked for.
        if not answerable(group.filters, judged=judged) or (group.lacking == "effectively_covered" and not judged):
            return rows_of(snapshot, np.zeros(0, np.int32), policy)
        order = self._current(version, snapshot)
        known = snapshot.known(known_at)
        inside = _inside(snapshot, group.regions)
        orgs = _candidates(snapshot, inside, group.filters.kind, after)
        found, count, first, width = [np.zeros(0, np.int32)], 0, 0, _WIDTH
        while count < limit and first < len(orgs):
            decided = _deciding(snapshot, order, orgs[first : first + width], day, known)
            rows = rows_of(snapshot, _there(snapshot, decided, inside, group.filters.kind), policy)
            rows = rows.where(_meant(snapshot, rows, group))
            found.append(rows.entry)
            count, first, width = count + len(rows), first + width, width * 2
        return rows_of(snapshot, np.concatenate(found)[:limit], policy)


def _candidates(snapshot: Snapshot, inside: Mask, kind: str | None, after: int) -> Orgs:
    """The organizations after one that ever had attributes in the regions and of the kind, in order of number."""
    candidate = np.zeros(snapshot.organizations, np.bool_)
    candidate[snapshot.attributes["org_no"][_fitting(snapshot, np.s_[:], inside, kind)]] = True
    return np.flatnonzero(candidate[after + 1 :]) + (after + 1)


def _fitting(snapshot: Snapshot, numbers: Int32 | slice, inside: Mask, kind: str | None) -> Mask:
    """Which of these attributes are in the regions and of the kind."""
    fitting = inside[snapshot.attributes["region"][numbers]]
    if kind is not None:
        fitting &= snapshot.attributes["kind"][numbers] == (KINDS.index(kind) if kind in KINDS else -1)
    return np.asarray(fitting, np.bool_)


def _deciding(snapshot: Snapshot, order: Order, orgs: Orgs, day: int, known: int) -> Int32:
    """For each of these organizations the last of the first `known` entries that spans the day."""
    columns = snapshot.entries
    slots = np.full(snapshot.organizations, -1, np.int32)
    slots[orgs] = np.arange(len(orgs), dtype=np.int32)
    ordered = orgs[orgs < len(order.begins) - 1]
    entries = order.entries[_ranges(order.begins[ordered], order.begins[ordered + 1])]
    tail = np.flatnonzero(slots[columns["org_no"][order.length : known]] >= 0).astype(np.int32) + order.length
    entries = np.concatenate([entries[entries < known], tail])
    entries = entries[(columns["day_from"][entries] <= day) & (columns["day_to"][entries] > day)]
    decided = np.full(len(orgs), -1, np.int32)
    # Of an index that stands twice, the last assignment holds; an organization's entries stand in order.
    decided[slots[columns["org_no"][entries]]] = entries
    return decided[decided >= 0]


def _ranges(begins: Int32, ends: Int32) -> Orgs:
    """The numbers of all [begin, end), one after the other."""
    lengths = (ends - begins).astype(np.int64)
    ahead = np.cumsum(lengths) - lengths
    return np.repeat(begins - ahead, lengths) + np.arange(lengths.sum())


def _there(snapshot: Snapshot, decided: Int32, inside: Mask, kind: str | None) -> Int32:
    """Of these entries those of active organizations in the regions and of the kind: few, so their rows cost little."""
    decided = decided[snapshot.entries["attributes_no"][decided] >= 0]
    chosen: Int32 = decided[_fitting(snapshot, snapshot.entries["attributes_no"][decided], inside, kind)]
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
    if group.lacking is not None:
        mask &= count_columns(rows)[Counts._fields.index(group.lacking)] == 0
    return mask
