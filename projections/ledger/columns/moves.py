"""What lies between two states of knowledge of one day: which rows moved, through which events, by how much.

An entry takes over from the one before it (`previous`) on the days that it spans, so on one day each
organization's entries are a chain, and what an entry adds to a count is what its row counts less what
the row before it counted.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.meaning import policy_of
from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, Counts, Filters, answerable
from domain.values.terms import BODY_KINDS
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import Standing, deciding_entries, matching, rows_of
from projections.ledger.columns.grouping import count_columns

FIELDS: Final = len(Counts._fields)
# Beside the counts, what sets a row apart from another: the codes of its dimensions.
_CODES: Final = ("kind", "category", "region", "industry", "measure", "formation", "excluded")
_ABSENT: Final = -2


class Moved(NamedTuple):
    """Rows that differ between two states of knowledge; all arrays have one element (or line) for each.

    Attributes:
        org_no: the organization's number.
        before: the entry that decided its row before, -1 for none.
        after: the entry that decides it after, -1 for none.
        difference: by field of domain.ledger.rates.Counts, what it adds after less what it added before.
    """

    org_no: Int32
    before: Int32
    after: Int32
    difference: NDArray[np.int64]

    def where(self, chosen: NDArray[np.int64]) -> "Moved":
        """Those at these indexes."""
        return Moved(self.org_no[chosen], self.before[chosen], self.after[chosen], self.difference[chosen])


def touching(snapshot: Snapshot, day: int, since: int, known_at: int) -> Int32:
    """The entries of the positions (since, known_at] that span the day, in order."""
    entries = snapshot.entries
    begin, end = snapshot.known(since), snapshot.known(known_at)
    spans = (entries["day_from"][begin:end] <= day) & (entries["day_to"][begin:end] > day)
    return (np.flatnonzero(spans) + begin).astype(np.int32)


def contributions(snapshot: Snapshot, entries: Int32, policy: Policy, filters: Filters = ANY) -> NDArray[np.int64]:
    """What each entry's row adds to the counts: (entries, fields); 0 for -1, the inactive and what no filter means."""
    return _described(snapshot, entries, _Rules(policy, judged=True), filters)[:, :FIELDS]


class _Rules(NamedTuple):
    """By what rows are read: the policy, and whether an activity policy is in force."""

    policy: Policy
    judged: bool


def _rules(snapshot: Snapshot, day: int, known_at: int, filters: Filters = ANY) -> _Rules:
    return _Rules(policy_of(filters, snapshot.policy(day, known_at)), snapshot.is_judged(day, known_at))


def _described(snapshot: Snapshot, entries: Int32, rules: _Rules, filters: Filters) -> NDArray[np.int64]:
    """The counts that each entry's row adds, then the codes of its dimensions."""
    described = np.full((len(entries), FIELDS + len(_CODES) + len(BODY_KINDS)), _ABSENT, np.int64)
    described[:, :FIELDS] = 0
    there = np.flatnonzero(entries >= 0) if answerable(filters, judged=rules.judged) else np.zeros(0, np.intp)
    there = there[snapshot.entries["attributes_no"][entries[there]] >= 0]
    rows: Standing = rows_of(snapshot, entries[there], rules.policy)
    if filters != ANY:
        chosen = np.flatnonzero(matching(snapshot, rows, filters))
        there, rows = there[chosen], rows.where(chosen)
    for field, column in enumerate(count_columns(rows)):
        described[there, field] = column
    for field, name in enumerate(_CODES, FIELDS):
        described[there, field] = getattr(rows, name)
    # Not the answers' own number: one that waits for its body to be created sets no row apart yet.
    for field, kind in enumerate(BODY_KINDS, FIELDS + len(_CODES)):
        described[there, field] = snapshot.answers.kinds[kind][rows.answers]
    return described


def moved(snapshot: Snapshot, day: int, since: int, known_at: int, filters: Filters = ANY) -> Moved:
    """The rows that the filters mean on either side and that differ in a count or a dimension."""
    rules = [_rules(snapshot, day, at, filters) for at in (since, known_at)]
    if rules[0] == rules[1]:
        touched = np.unique(snapshot.entries["org_no"][touching(snapshot, day, since, known_at)])
    else:
        touched = np.arange(snapshot.organizations, dtype=np.int32)
    before, after = (_deciding(snapshot, day, position)[touched] for position in (since, known_at))
    left = _described(snapshot, before, rules[0], filters)
    right = _described(snapshot, after, rules[1], filters)
    differ = np.flatnonzero((left != right).any(axis=1))
    difference = right[differ, :FIELDS] - left[differ, :FIELDS]
    return Moved(touched[differ], before[differ], after[differ], difference)


def _deciding(snapshot: Snapshot, day: int, known_at: int) -> Int32:
    """By organization number the entry that decides its row, -1 for none."""
    last = np.full(snapshot.organizations, -1, np.int32)
    decided = deciding_entries(snapshot, day, known_at)
    last[snapshot.entries["org_no"][decided]] = decided
    return last


class Steps(NamedTuple):
    """The positions that changed rows, in order; by how much the counts: (positions, fields); how many rows."""

    positions: NDArray[np.int64]
    differences: NDArray[np.int64]
    organizations: NDArray[np.int64]


def steps(snapshot: Snapshot, day: int, since: int, known_at: int, filters: Filters = ANY) -> Steps:
    """Every position in (since, known_at] that changed a row that the filters mean, with what it changed."""
    cuts = [since, *_policy_positions(snapshot, day, since, known_at), known_at]
    parts = [part for begin, end in pairwise(cuts) for part in _steps_between(snapshot, day, begin, end, filters)]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Steps(nothing, np.zeros((0, FIELDS), np.int64), nothing)
    return Steps(*(np.concatenate([part[i] for part in parts]) for i in range(3)))


def _policy_positions(snapshot: Snapshot, day: int, since: int, known_at: int) -> list[int]:
    """Each position at which the day's rules change, and the one before it."""
    adopted = {p.position for p in snapshot.policies} | {p.position for p in snapshot.activity_policies}
    positions = sorted(position for position in adopted if since < position <= known_at)
    changing = [p for p in positions if _rules(snapshot, day, p - 1) != _rules(snapshot, day, p)]
    return sorted({each for p in changing for each in (max(p - 1, since), p)})


def _steps_between(snapshot: Snapshot, day: int, begin: int, end: int, filters: Filters) -> list[Steps]:
    """The steps of a stretch whose rules are the same, or which is the one event that changes them."""
    if begin >= end:
        return []
    rules = _rules(snapshot, day, end, filters)
    if _rules(snapshot, day, begin, filters) != rules:
        found = moved(snapshot, day, begin, end, filters)
        if len(found.org_no) == 0:
            return []
        return [Steps(np.array([end]), found.difference.sum(axis=0)[None, :], np.array([len(found.org_no)]))]
    entries = touching(snapshot, day, begin, end)
    after = _described(snapshot, entries, rules, filters)
    before = _described(snapshot, snapshot.entries["previous"][entries], rules, filters)
    changed = np.flatnonzero((after != before).any(axis=1))
    if len(changed) == 0:
        return []
    positions, number = np.unique(snapshot.entries["position"][entries[changed]], return_inverse=True)
    differences = np.zeros((len(positions), FIELDS), np.int64)
    np.add.at(differences, number, (after - before)[changed, :FIELDS])
    rows = np.unique(number * snapshot.organizations + snapshot.entries["org_no"][entries[changed]])
    organizations = np.bincount(rows // snapshot.organizations, minlength=len(positions))
    return [Steps(positions.astype(np.int64), differences, organizations.astype(np.int64))]
