"""What is asked of each organization, day by day, from the entries in memory (domain.fieldwork.measures, vectorized).

A property test holds it equal to domain.fieldwork.measures.episodes over the fold of every day.
"""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.fieldwork.measures import BY_ELIGIBILITY, METS, ClosedBy, Episode
from domain.ledger.policy import Policy
from domain.values.terms import FORMATIONS, MEASURES
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Mask, Standing, members_counted

ASKED: Final = (*MEASURES, *METS)
_NOT_REGISTERED: Final = ASKED.index("not_registered")
_EXCLUDED, _COVERED, _INSTRUCTED = (ASKED.index(met) for met in METS[1:])
_INSTRUCT: Final = MEASURES.index("instruct")
# What ended a measure, by number: 0 while it is open.
ENDS: Final[tuple[ClosedBy | None, ...]] = (None, *METS, "superseded")
_BY_ELIGIBILITY: Final = [MEASURES.index(m) for m in MEASURES if m in BY_ELIGIBILITY]


# An entry's number has so many bits at most (int32).
_ENTRY_BITS: Final = 31
_ENTRY_MASK: Final = (1 << _ENTRY_BITS) - 1


class Measures(NamedTuple):
    """Measures of organizations by a date, in order of organization and opening; arrays of one length.

    `measure` are indexes in MEASURES, `closed_by` in ENDS; `opened`, `closed` and `eligible_since` are ordinals of
    dates, 0 for none.
    """

    org_no: Int32
    measure: NDArray[np.int8]
    opened: Int32
    closed: Int32
    closed_by: NDArray[np.int8]
    eligible_since: Int32

    def where(self, mask: Mask) -> "Measures":
        """Those that a mask picks."""
        return Measures(
            self.org_no[mask], self.measure[mask], self.opened[mask], self.closed[mask], self.closed_by[mask],
            self.eligible_since[mask],
        )  # fmt: skip

    def episodes(self) -> Iterator[tuple[int, list[Episode]]]:
        """By organization number its measures, as the domain tells them."""
        rows = zip(*(array.tolist() for array in self), strict=True)
        for number, group in groupby(rows, itemgetter(0)):
            yield (
                number,
                [
                    Episode(MEASURES[measure], date.fromordinal(opened), _date(closed), ENDS[by], _date(since))
                    for _, measure, opened, closed, by, since in group
                ],
            )


def _date(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None


def open_measures(rows: Standing) -> Mask:
    """Which rows a measure is open at."""
    met: Mask = rows.organization_covered | (rows.excluded != 0) | ((rows.measure == _INSTRUCT) & rows.work_covered)
    return ~met


def measures(snapshot: Snapshot, as_of: date, known_at: int, numbers: Int32 | None = None) -> Measures:
    """The measures opened by a date, as known at a position; of these organizations, or of all."""
    day = as_of.toordinal()
    entries = snapshot.entries
    known = snapshot.known(known_at)
    at = np.flatnonzero(entries["day_from"][:known] <= day)
    if numbers is not None:
        wanted = np.zeros(snapshot.organizations, np.bool_)
        wanted[numbers] = True
        at = at[wanted[entries["org_no"][at]]]
    # Organization and entry in one number: sorting these is several times as fast as a stable sort by organization.
    at = np.sort(entries["org_no"][at].astype(np.int64) << _ENTRY_BITS | at) & _ENTRY_MASK
    policies = [p for p in snapshot.policies if p.position <= known_at]
    changes = sorted({0} | {d for p in policies for d in (p.day_from, p.day_to) if d <= day})
    org_no, days, deciding = _spans(snapshot, at, day, np.array(changes[1:], np.int64))
    asked = np.full(len(days), _NOT_REGISTERED, np.int8)
    eligible = np.zeros(len(days), np.bool_)
    of_policy = np.searchsorted(changes, days, side="right") - 1
    for number, since in enumerate(changes):
        chosen = np.flatnonzero((of_policy == number) & (deciding >= 0))
        asked[chosen], eligible[chosen] = _asked(snapshot, deciding[chosen], snapshot.policy(since, known_at))
    return _episodes(org_no, days, asked, eligible)


def _spans(
    snapshot: Snapshot, at: NDArray[np.int64], day: int, cuts: NDArray[np.int64]
) -> tuple[Int32, NDArray[np.int64], NDArray[np.int64]]:
    """By organization and day, from that day on, the entry that decides; -1 where none does.

    Args:
        snapshot: whose entries they are.
        at: the entries, in order of organization and position.
        day: nothing begins later.
        cuts: days on which a span begins at every organization.
    """
    org_no = snapshot.entries["org_no"][at]
    begins, ends = (snapshot.entries[name][at].astype(np.int64) for name in ("day_from", "day_to"))
    # Organization and day in one number, which sorts as both do.
    shift = np.int64(day + 2)
    of_org = org_no.astype(np.int64) * shift
    within = ends <= day
    every = of_org[np.append(True, org_no[1:] != org_no[:-1])] if len(at) else of_org
    keys = _distinct(np.concatenate([of_org + begins, (of_org + ends)[within], *(every + cut for cut in cuts)]))
    first = np.searchsorted(keys, of_org + begins)
    behind = np.searchsorted(keys, of_org + np.minimum(ends, shift - 1))
    number = latest(first, behind, len(keys))
    deciding = np.where(number >= 0, np.append(at, -1)[number], -1)
    return (keys // shift).astype(np.int32), keys % shift, deciding


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values sorted, each once; np.unique hashes, which takes many times as long here."""
    found = np.sort(values)
    return found[np.append(True, found[1:] != found[:-1])] if len(found) else found


def latest(begins: NDArray[np.int64], ends: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """For each of `length` places the last of the ranges [begin, end) that holds it, -1 where none does.

    Each range is laid as two of a power of two's length, which may overlap; longer ones are then handed down in halves.
    """
    found = np.full(length, -1, np.int64)
    levels = np.frexp((ends - begins).astype(np.float64))[1] - 1
    for level in range(int(levels.max(initial=-1)), -1, -1):
        size = 1 << level
        # What holds for twice this size from a place on holds for the size from there and from the middle on.
        found[size:] = np.maximum(found[size:], found[:-size])
        of_level = np.flatnonzero(levels == level)
        for places in (begins[of_level], ends[of_level] - size):
            laid = np.full(length, -1, np.int64)
            # Of a place that stands twice, the last assignment holds.
            laid[places] = of_level
            np.maximum(found, laid, out=found)
    return found


def _asked(snapshot: Snapshot, chosen: NDArray[np.int64], policy: Policy) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """For each of these entries under a policy: its index in ASKED, and whether the organization is eligible."""
    number, formations = (snapshot.entries[name][chosen] for name in ("attributes_no", "formations"))
    members = members_counted(snapshot.entries, chosen, policy)
    excluded = snapshot.entries["excluded"][chosen] != 0
    employees = np.append(snapshot.attributes["employees"], -1)[number]
    eligible = members >= policy.full_members_for_branch
    measure = np.select([employees >= policy.employees_for_branch, eligible, members >= 1], [0, 1, 2], _INSTRUCT)
    counted = sum(1 << FORMATIONS.index(f) for f in policy.formations_counted)
    worked = (formations != 0) | snapshot.entries["instructed"][chosen]
    asked = np.select(
        [number < 0, excluded, (formations & counted) != 0, (measure == _INSTRUCT) & worked],
        [_NOT_REGISTERED, _EXCLUDED, _COVERED, _INSTRUCTED],
        measure,
    )
    return asked.astype(np.int8), eligible


def _episodes(org_no: Int32, days: NDArray[np.int64], asked: NDArray[np.int8], eligible: Mask) -> Measures:
    """Spans that ask for the same, one after the other, are one measure."""
    if not len(days):
        none = np.zeros(0, np.int32)
        return Measures(none, none.astype(np.int8), none, none, none.astype(np.int8), none)
    is_first = np.append(True, org_no[1:] != org_no[:-1])
    begins = np.flatnonzero(is_first | np.append(True, asked[1:] != asked[:-1]))
    # Since when an organization has been eligible and uncovered, at each span.
    waiting = eligible & (asked < len(MEASURES))
    anew = waiting & (is_first | np.append(True, ~waiting[:-1]))
    since = np.where(waiting, days[np.maximum.accumulate(np.where(anew, np.arange(len(days)), 0))], 0)
    last, following = np.append(begins[1:], len(days)) - 1, np.append(begins[1:], 0)
    goes_on = ~is_first[following]
    measure = asked[begins]
    # METS follow MEASURES in ASKED; any measure after this one supersedes it.
    by = np.where(asked[following] < len(MEASURES), len(ENDS) - 1, asked[following] - len(MEASURES) + 1)
    found = Measures(
        org_no[begins],
        measure,
        days[begins].astype(np.int32),
        np.where(goes_on, days[following], 0).astype(np.int32),
        np.where(goes_on, by, 0).astype(np.int8),
        np.where(np.isin(measure, _BY_ELIGIBILITY), since[last], 0).astype(np.int32),
    )
    return found.where(measure < len(MEASURES))
