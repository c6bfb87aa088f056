"""What is asked of each organization, day by day, from the entries in memory (domain.measures.asked, vectorized)."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.measures import METS, Episode, Span, episodes
from domain.policy import Policy
from domain.terms import FORMATIONS, MEASURES
from projections.ledger.changes import FOREVER
from projections.ledger.columns import Snapshot
from projections.ledger.standing import Standing

ASKED: Final = (*MEASURES, *METS)
_NOT_REGISTERED: Final = ASKED.index("not_registered")
_EXCLUDED, _COVERED, _INSTRUCTED = (ASKED.index(met) for met in METS[1:])
_INSTRUCT: Final = MEASURES.index("instruct")


def open_measures(rows: Standing) -> NDArray[np.bool_]:
    """Which rows a measure is open at."""
    met: NDArray[np.bool_] = (
        rows.organization_covered | (rows.excluded != 0) | ((rows.measure == _INSTRUCT) & rows.work_covered)
    )
    return ~met


def _asked(snapshot: Snapshot, policy: Policy) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """For each entry under a policy: its index in ASKED, and whether the organization is eligible."""
    entries = snapshot.entries
    number = entries["attributes_no"]
    employees = np.append(snapshot.attributes["employees"], -1)[number]
    full_members = entries["full_members"]
    eligible = full_members >= policy.full_members_for_branch
    measure = np.select([employees >= policy.employees_for_branch, eligible, full_members >= 1], [0, 1, 2], 3)
    counted = sum(1 << FORMATIONS.index(f) for f in policy.formations_counted)
    worked = (entries["formations"] != 0) | entries["instructed"]
    asked = np.select(
        [number < 0, entries["excluded"] != 0, (entries["formations"] & counted) != 0, (measure == 3) & worked],
        [_NOT_REGISTERED, _EXCLUDED, _COVERED, _INSTRUCTED],
        measure,
    )
    return asked.astype(np.int8), eligible


def overlay(entries: list[int], begins: list[int], ends: list[int]) -> list[tuple[int, int]]:
    """From which day on which entry decides, in order of days; -1 where none does.

    Args:
        entries: one organization's, in order of position; a later one overrides an earlier one on its days.
        begins: the first day of each.
        ends: the day after its last of each.
    """
    days, deciding = [0], [-1]
    for entry, begin, end in zip(entries, begins, ends, strict=True):
        i, j = bisect_left(days, begin), bisect_left(days, end)
        after = deciding[j] if j < len(days) and days[j] == end else deciding[j - 1]
        rest = j + 1 if j < len(days) and days[j] == end else j
        days[i:rest], deciding[i:rest] = ([begin, end], [entry, after]) if end < FOREVER else ([begin], [entry])
    return list(zip(days, deciding, strict=True))


class Obligations:
    """The measures of organizations by a date, as known at a position."""

    def __init__(self, snapshot: Snapshot, as_of: date, known_at: int) -> None:
        self._snapshot, self._day = snapshot, as_of.toordinal()
        self._known = int(np.searchsorted(snapshot.entries["position"], known_at, side="right"))
        known = [p for p in snapshot.policies if p.position <= known_at]
        days = {0} | {day for p in known for day in (p.day_from, p.day_to) if day <= self._day}
        # From which day on which policy is in force, and what it asks for by entry.
        self._policies = [
            (day, *(array.tolist() for array in _asked(snapshot, snapshot.policy(day, known_at))))
            for day in sorted(days)
        ]

    def of(self, numbers: NDArray[np.int32] | None = None) -> Iterator[tuple[int, list[Episode]]]:
        """By organization number its measures; of these organizations, or of all."""
        columns = self._snapshot.entries
        org_no = columns["org_no"][: self._known]
        at = np.flatnonzero(columns["day_from"][: self._known] <= self._day)
        if numbers is not None:
            wanted = np.zeros(self._snapshot.organizations, np.bool_)
            wanted[numbers] = True
            at = at[wanted[org_no[at]]]
        at = at[np.argsort(org_no[at], kind="stable")]
        begins, ends = columns["day_from"][at].tolist(), columns["day_to"][at].tolist()
        numbered = org_no[at]
        cuts = [0, *(np.flatnonzero(np.diff(numbered)) + 1).tolist(), len(at)]
        entries = at.tolist()
        for first, last in pairwise(cuts):
            if first < last:
                found = overlay(entries[first:last], begins[first:last], ends[first:last])
                yield int(numbered[first]), episodes(self._spans(found))

    def _spans(self, found: list[tuple[int, int]]) -> Iterator[Span]:
        """The organization's spans, cut where the policy changes too."""
        days = sorted({day for day, _ in found} | {day for day, *_ in self._policies})
        policies, entries = iter(self._policies), iter(found)
        policy, entry = next(policies), next(entries)
        next_policy, next_entry = next(policies, None), next(entries, None)
        for day in days:
            if day > self._day:
                return
            if next_policy is not None and next_policy[0] <= day:
                policy, next_policy = next_policy, next(policies, None)
            if next_entry is not None and next_entry[0] <= day:
                entry, next_entry = next_entry, next(entries, None)
            number = entry[1]
            if number < 0:
                yield Span(date.fromordinal(max(day, 1)), "not_registered", eligible=False)
            else:
                yield Span(date.fromordinal(max(day, 1)), ASKED[policy[1][number]], policy[2][number])
