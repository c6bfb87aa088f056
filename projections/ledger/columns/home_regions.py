"""Where each organization is at home at one pair of clocks: what decides which offices may see it.

That is the region and the bodies of its row on the date; while it is not active, those of its last active day before,
or of its first one after.
"""

import threading
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.values.scope import Scope
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Mask, seen

NOWHERE: Final = -1
Days = NDArray[np.int64]
K = TypeVar("K")
V = TypeVar("V")
# Answers kept: reads mostly ask about few pairs of clocks.
KEPT_MAX: Final = 16


def homes(snapshot: Snapshot, day: int, known_at: int) -> Int32:
    """By organization number the entry that says its home; NOWHERE if it was never registered."""
    columns = snapshot.entries
    known = snapshot.known(known_at)
    found = np.full(snapshot.organizations, NOWHERE, np.int32)
    days = np.full(snapshot.organizations, day, np.int64)
    entries = _settle(snapshot, found, days, np.arange(known, dtype=np.int32))
    for backwards in (True, False):
        left = entries
        days[:] = day
        while len(left):
            left = left[_step(snapshot, left, days, backwards=backwards)]
            left = _settle(snapshot, found, days, left)
        entries = entries[found[columns["org_no"][entries]] == NOWHERE]
    return found


def _settle(snapshot: Snapshot, found: Int32, days: Days, entries: Int32) -> Int32:
    """Note the homes of those that are active on their own day; return the entries of the others."""
    columns = snapshot.entries
    org_no = columns["org_no"][entries]
    spans = entries[(columns["day_from"][entries] <= days[org_no]) & (columns["day_to"][entries] > days[org_no])]
    last = np.full(snapshot.organizations, NOWHERE, np.int32)
    # Of an index that stands twice, the last assignment holds; entries stand in order of position.
    last[columns["org_no"][spans]] = spans
    decided = last[last >= 0]
    active = decided[columns["attributes_no"][decided] >= 0]
    found[columns["org_no"][active]] = active
    left: Int32 = entries[found[org_no] == NOWHERE]
    return left


def _step(snapshot: Snapshot, entries: Int32, days: Days, *, backwards: bool) -> Mask:
    """Set each day to the end of the stretch before it, or the beginning of the one after.

    Returns which entries are of organizations that have such a stretch.
    """
    columns = snapshot.entries
    org_no = columns["org_no"][entries]
    none = np.iinfo(np.int64).min if backwards else np.iinfo(np.int64).max
    nearest = np.full(snapshot.organizations, none, np.int64)
    for edge in ("day_from", "day_to"):
        days_at = columns[edge][entries].astype(np.int64)
        if backwards:
            near = days_at <= days[org_no]
            np.maximum.at(nearest, org_no[near], days_at[near] - 1)
        else:
            near = days_at > days[org_no]
            np.minimum.at(nearest, org_no[near], days_at[near])
    going = nearest[org_no] != none
    days[org_no[going]] = nearest[org_no[going]]
    return np.asarray(going, np.bool_)


def region_of(snapshot: Snapshot, entries: Int32) -> Int32:
    """Of entries of active organizations the regions, as numbers in the snapshot's."""
    regions: Int32 = snapshot.attributes["region"][snapshot.entries["attributes_no"][entries]]
    return regions


class Homes:
    """Homes at the clocks asked for lately, and the organizations' numbers; any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = -1
        self._numbers: dict[str, int] = {}
        self._kept: dict[tuple[int, int, int], Int32] = {}
        self._inside: dict[tuple[int, int, int, Scope], Mask] = {}

    def number(self, version: int, snapshot: Snapshot, org: str) -> int | None:
        """The number of an organization that any event has spoken of."""
        with self._lock:
            self._turn_to(version)
            for number in range(len(self._numbers), snapshot.organizations):
                self._numbers[snapshot.orgs[number]] = number
            return self._numbers.get(org)

    def within(self, version: int, snapshot: Snapshot, day: int, known_at: int, scope: Scope) -> Mask:
        """By organization number whether its home lies within a scope that is meant at the clocks; NOWHERE in none."""
        key = (*_key(snapshot, day, known_at), scope)
        with self._lock:
            self._turn_to(version)
            kept = self._inside.get(key)
        if kept is not None:
            return kept
        entries = self.at(version, snapshot, day, known_at)
        chosen: Mask = np.full(len(entries), scope is None, np.bool_)
        if scope is not None:
            known = np.flatnonzero(entries != NOWHERE)
            at = entries[known]
            chosen[known] = seen(snapshot, region_of(snapshot, at), snapshot.entries["answers"][at], scope)
        with self._lock:
            if version == self._version:
                _keep(self._inside, key, chosen)
        return chosen

    def at(self, version: int, snapshot: Snapshot, day: int, known_at: int) -> Int32:
        """`homes`, remembered."""
        key = _key(snapshot, day, known_at)
        with self._lock:
            self._turn_to(version)
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        found = homes(snapshot, day, known_at)
        with self._lock:
            if version == self._version:
                _keep(self._kept, key, found)
        return found

    def _turn_to(self, version: int) -> None:
        if version != self._version:
            self._version, self._numbers, self._kept, self._inside = version, {}, {}, {}


def _key(snapshot: Snapshot, day: int, known_at: int) -> tuple[int, int, int]:
    """What homes depend on: how many entries were known, how many organizations there are, the day."""
    return snapshot.known(known_at), snapshot.organizations, day


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    while len(kept) >= KEPT_MAX:
        del kept[next(iter(kept))]
    kept[key] = value
