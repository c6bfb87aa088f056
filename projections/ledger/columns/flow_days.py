"""On which days organizations' rows change within a period, at one state of knowledge, and what decides them then."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.ledger.columns.columns import Int32, Snapshot

# Entries looked at at once, each some 40 bytes meanwhile.
_AT_ONCE: Final = 1 << 20
NOWHERE: Final = -1
Numbers = NDArray[np.int64]


class Days(NamedTuple):
    """Organizations on days, sorted by number and day, with the entries that decide the day before and the day.

    Entries are NOWHERE where no event had spoken of the organization.
    """

    since: int
    until: int
    org_no: Numbers
    day: Numbers
    before: Int32
    after: Int32

    def at(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """Where each of these organizations' days stands; they must be among them."""
        org_no, day = np.array(pairs, np.int64).reshape(-1, 2).T
        width = self.until - self.since + 1
        codes = self.org_no * width + self.day - self.since
        found: list[int] = np.searchsorted(codes, org_no * width + day - self.since).tolist()
        return found


def days_of_change(  # noqa: PLR0917 - one question
    snapshot: Snapshot, since: int, until: int, known_at: int, every: Sequence[int], also: Sequence[tuple[int, int]]
) -> Days:
    """The days after `since` up to `until` on which a row may differ from the day before.

    Args:
        snapshot: the ledger.
        since: the day at whose end the period begins.
        until: its last day.
        known_at: the position of the state of knowledge.
        every: days on which every organization is looked at, since rules change.
        also: further pairs of organization's number and day.
    """
    known = snapshot.known(known_at)
    day_from, day_to = snapshot.entries["day_from"][:known], snapshot.entries["day_to"][:known]
    entries = np.flatnonzero((day_to > since) & (day_from <= until))
    numbers = snapshot.entries["org_no"][entries].astype(np.int64)
    entries = entries[np.argsort(numbers, kind="stable")]
    numbers = np.sort(numbers, kind="stable")
    width = until - since + 1

    def coded(orgs: Numbers, days: Numbers) -> Numbers:
        inside = (days > since) & (days <= until)
        return orgs[inside] * width + (days[inside] - since)

    there = np.unique(numbers)
    parts = [coded(numbers, edge[entries].astype(np.int64)) for edge in (day_from, day_to)]
    parts += [coded(there, np.full(len(there), day, np.int64)) for day in every]
    parts.append(coded(*np.array(also, np.int64).reshape(-1, 2).T))
    codes = np.unique(np.concatenate(parts))
    org_no, day = codes // width, codes % width + since
    begins, ends = (np.searchsorted(numbers, org_no, side) for side in ("left", "right"))
    decided = np.full((2, len(codes)), NOWHERE, np.int32)
    for first, last in _parts(ends - begins):
        lengths = (ends - begins)[first:last]
        pair = np.repeat(np.arange(first, last), lengths)
        # Of each pair all entries of its organization, one after the other.
        entry = entries[np.arange(len(pair)) + np.repeat(begins[first:last] - (np.cumsum(lengths) - lengths), lengths)]
        for side, at in enumerate((day[pair] - 1, day[pair])):
            spans = (day_from[entry] <= at) & (day_to[entry] > at)
            # Of an index that stands twice, the last assignment holds; an organization's entries stand in order.
            decided[side][pair[spans]] = entry[spans]
    return Days(since, until, org_no, day, *decided)


def _parts(lengths: Numbers) -> list[tuple[int, int]]:
    """Stretches of about _AT_ONCE together."""
    number = np.cumsum(lengths) // _AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lengths)]
    return list(pairwise(cuts))
