"""Cubes: the counts of one grouping at any pair of clocks, in time that history's length hardly moves.

An entry adds to its group, from its position and day on, what its row counts less what the row
counted before, and the reverse on the day after its last. The counts at (day, known_at) are the
sum of all such changes at or before both: a dominance sum. Entries are cut into blocks by
position; each block, and each run of FAN_OUT blocks, of FAN_OUT runs and so on, holds its changes
sorted by group and day with running sums. A question adds up the few runs that make the known
entries, one binary search for each group, and looks at the entries of the last block one by one.

A cube of kind and county answers also for one kind, for one county's kinds and for the counties of all kinds, so that
the few cubes that are always at hand answer most of what is asked.
"""

import threading
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.policy import Policy
from domain.ledger.rates import ANY, BODY_DIMENSION, Counts, Filters, Key, add, key_order
from domain.values.scope import by_body, in_scope
from projections.ledger.columns.columns import Int32, Snapshot
from projections.ledger.columns.counts import matching, rows_of
from projections.ledger.columns.grouping import count_columns, in_order, keys_of
from projections.ledger.rows import FOREVER

BLOCK: Final = 1 << 11
FAN_OUT: Final = 8
FIELDS: Final = len(Counts._fields)
# A place is group * _STRIDE + day: larger than any day, FOREVER too.
_STRIDE: Final = 1 << 22


class Shape(NamedTuple):
    """What a cube counts: a grouping of the rows that the filters mean, under one policy."""

    group_by: tuple[str, ...]
    filters: Filters
    policy: Policy


class Run(NamedTuple):
    """The changes of some entries: places in order, and the sums up to each within its group."""

    places: NDArray[np.int64]
    sums: Int32 | NDArray[np.int64]
    groups: int


class Cube:
    """The counts of one shape; one thread extends it, any number ask."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._keys: list[Key] = []
        self._numbers: dict[Key, int] = {}
        self._numbering = threading.Lock()
        # levels[k][i] holds blocks i * FAN_OUT**k to (i + 1) * FAN_OUT**k.
        self._levels: list[list[Run]] = [[]]

    @property
    def blocks(self) -> int:
        """How many blocks of entries are in."""
        return len(self._levels[0])

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return len(self._keys)

    @property
    def size_bytes(self) -> int:
        """What the runs take in memory."""
        return sum(run.places.nbytes + run.sums.nbytes for level in self._levels for run in level)

    def extend(self, snapshot: Snapshot) -> None:
        """Add the next whole block of entries, if there is one."""
        begin = self.blocks * BLOCK
        if len(snapshot.entries["position"]) < begin + BLOCK:
            return
        entries = np.arange(begin, begin + BLOCK, dtype=np.int32)
        # Higher levels first: whoever asks meanwhile uses at most the blocks of level 0.
        run = self._run(snapshot, entries)
        self._merge_into(1, [*self._levels[0], run])
        self._levels[0].append(run)

    def _merge_into(self, level: int, below: list[Run]) -> None:
        if len(below) % FAN_OUT:
            return
        merged = _merged(below[-FAN_OUT:])
        if level == len(self._levels):
            self._levels.append([])
        self._merge_into(level + 1, [*self._levels[level], merged])
        self._levels[level].append(merged)

    def _run(self, snapshot: Snapshot, entries: Int32) -> Run:
        columns = snapshot.entries
        begins, ends = columns["day_from"][entries], columns["day_to"][entries]
        after = self._counted(snapshot, entries)
        places, values = [], []
        for (kept, groups, counts), sign in ((after, 1), (self._before(snapshot, entries), -1)):
            base = groups * _STRIDE
            bounded = ends[kept] < FOREVER
            places += [base + begins[kept], base[bounded] + ends[kept][bounded]]
            values += [sign * counts, -sign * counts[bounded]]
        return _summed(np.concatenate(places), np.concatenate(values), len(self._keys))

    def _before(
        self, snapshot: Snapshot, entries: Int32
    ) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int32]]:
        """As `_counted`, of the entries that these override."""
        previous = snapshot.entries["previous"][entries]
        overriding = np.flatnonzero(previous >= 0)
        kept, groups, counts = self._counted(snapshot, previous[overriding])
        return overriding[kept], groups, counts

    def _counted(
        self, snapshot: Snapshot, entries: Int32
    ) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int32]]:
        """Which of the entries count, in which group, and what for each field."""
        active = np.flatnonzero(snapshot.entries["attributes_no"][entries] >= 0)
        rows = rows_of(snapshot, entries, self.shape.policy)
        if self.shape.filters != ANY:
            chosen = np.flatnonzero(matching(snapshot, rows, self.shape.filters))
            active, rows = active[chosen], rows.where(chosen)
        if len(rows) == 0:
            return active, np.zeros(0, np.int64), np.zeros((0, FIELDS), np.int32)
        keys, number = keys_of(snapshot, rows, self.shape.group_by)
        numbers = np.fromiter((self._number(key) for key in keys), np.int64, len(keys))
        counts = np.empty((len(rows), FIELDS), np.int32)
        for i, column in enumerate(count_columns(rows)):
            counts[:, i] = column
        return active, numbers[number], counts

    def _number(self, key: Key) -> int:
        found = self._numbers.get(key)
        if found is None:
            with self._numbering:
                found = self._numbers.get(key)
                if found is None:
                    # The key first: whoever reads meanwhile knows a key for every number.
                    self._keys.append(key)
                    found = self._numbers[key] = len(self._keys) - 1
        return found

    def counts(self, snapshot: Snapshot, day: int, known_at: int) -> dict[Key, Counts]:
        """The counts of each group that has a row, sorted by key, null last."""
        known = snapshot.known(known_at)
        runs, whole = self.runs(known)
        total = np.zeros((len(self._keys) + 1, FIELDS), np.int64)
        for run in runs:
            _add_run(total, run, day)
        total = self._add_tail(total, snapshot, whole, known, day)
        keys = list(self._keys[: len(total)])
        return in_order(keys, total[: len(keys)])

    def runs(self, known: int) -> tuple[list[Run], int]:
        """The largest runs that make up the whole blocks among the first `known` entries, and how many entries."""
        blocks = min(known // BLOCK, self.blocks)
        runs, done = [], 0
        for level in range(len(self._levels) - 1, -1, -1):
            width = FAN_OUT**level
            for i in range(done // width, min(blocks // width, len(self._levels[level]))):
                runs.append(self._levels[level][i])
                done = (i + 1) * width
        return runs, done * BLOCK

    def _add_tail(
        self, total: NDArray[np.int64], snapshot: Snapshot, begin: int, end: int, day: int
    ) -> NDArray[np.int64]:
        columns = snapshot.entries
        spans = (columns["day_from"][begin:end] <= day) & (columns["day_to"][begin:end] > day)
        entries = (np.flatnonzero(spans) + begin).astype(np.int32)
        parts = [(self._counted(snapshot, entries), 1), (self._before(snapshot, entries), -1)]
        if len(self._keys) > len(total):
            total = np.vstack([total, np.zeros((len(self._keys) - len(total), FIELDS), np.int64)])
        for (_, groups, counts), sign in parts:
            if len(groups):
                order = np.argsort(groups, kind="stable")
                grouped = groups[order]
                first = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])
                total[grouped[first]] += sign * np.add.reduceat(counts[order], first, axis=0, dtype=np.int64)
        return total


def _add_run(total: NDArray[np.int64], run: Run, day: int) -> None:
    """Add each group's sums at the last of its places that is not after the day."""
    if len(run.places) == 0:
        return
    begins = np.arange(run.groups, dtype=np.int64) * _STRIDE
    at = np.searchsorted(run.places, begins + day, side="right") - 1
    there = np.flatnonzero((at >= 0) & (run.places[at] >= begins))
    total[there] += run.sums[at[there]]


def _summed(places: NDArray[np.int64], values: Int32 | NDArray[np.int64], groups: int) -> Run:
    """Sort changes by place, add up those of one place, and run sums within each group."""
    if len(places) == 0:
        return Run(places, values.reshape(0, FIELDS), groups)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    distinct = ordered[first]
    changed = np.add.reduceat(values[order], first, axis=0, dtype=np.int64)
    sums = _within_groups(distinct // _STRIDE, np.cumsum(changed, axis=0))
    # Half the memory wherever the sums are small; employees alone could be too many.
    small = bool(np.abs(sums).max() < 1 << 31)
    return Run(distinct, sums.astype(np.int32) if small else sums, groups)


def _within_groups(group: NDArray[np.int64], sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take from running sums over all groups what the groups before have added."""
    begins = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    before = np.vstack([np.zeros((1, FIELDS), np.int64), sums[begins[1:] - 1]])
    lengths = np.diff(np.r_[begins, len(group)])
    within: NDArray[np.int64] = sums - np.repeat(before, lengths, axis=0)
    return within


def _merged(runs: list[Run]) -> Run:
    """One run for several."""
    values = np.concatenate([_changes(run) for run in runs])
    return _summed(np.concatenate([r.places for r in runs]), values, max(r.groups for r in runs))


def _changes(run: Run) -> NDArray[np.int64]:
    """The changes whose running sums a run holds."""
    sums = run.sums.astype(np.int64)
    changed = np.diff(sums, axis=0, prepend=np.zeros((1, FIELDS), np.int64))
    group = run.places // _STRIDE
    begins = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else group
    changed[begins] = sums[begins]
    return changed


_REGION: Final = "region:"
_SAME: Final = ("kind", "category", "measure", "formation")
# Of an industry the dimension is the section alone (domain.ledger.rates.dimension).
_SECTIONS: Final = frozenset((*"ABCDEFGHIJKLMNOPQRST", "null"))


def covers(wide: Shape, asked: Shape) -> bool:
    """Whether the groups of one shape say all that another asks."""
    if wide.policy != asked.policy or wide.filters != ANY:
        return False
    digits = _finest(wide.group_by)
    return all(_derived(name, wide.group_by, digits) for name in asked.group_by) and _told(asked.filters, wide, digits)


def _derived(name: str, group_by: tuple[str, ...], digits: int) -> bool:
    return name in group_by or (name.startswith(_REGION) and int(name[len(_REGION) :]) <= digits)


def _told(filters: Filters, wide: Shape, digits: int) -> bool:
    """Whether each group lies within the filters or outside, as a whole."""
    told_by_rows = (filters.work_covered, filters.eligible, filters.effectively_covered, filters.counted)
    if any(each is not None for each in told_by_rows):
        return False
    if any(BODY_DIMENSION + kind not in wide.group_by for kind, _ in filters.answers or ()):
        return False
    if any(getattr(filters, name) is not None and name not in wide.group_by for name in _SAME):
        return False
    if filters.industry is not None and ("industry" not in wide.group_by or filters.industry not in _SECTIONS):
        return False
    if by_body(filters.scope):
        return False
    prefixes = [*(filters.scope or ()), *([] if filters.region is None else [filters.region])]
    return all(len(prefix) <= digits for prefix in prefixes) and (digits > 0 or filters.scope is None)


def _finest(group_by: tuple[str, ...]) -> int:
    return max((int(name[len(_REGION) :]) for name in group_by if name.startswith(_REGION)), default=0)


def narrowed(groups: Mapping[Key, Counts], wide: Shape, asked: Shape) -> dict[Key, Counts]:
    """The groups that are asked for, sorted by key, null last; `wide` covers `asked`."""
    found: dict[Key, Counts] = {}
    region = f"{_REGION}{_finest(wide.group_by)}"
    for key, counts in groups.items():
        values = dict(zip(wide.group_by, key, strict=True))
        if _within(values, values.get(region), asked.filters):
            into = tuple(_value(name, values, region) for name in asked.group_by)
            found[into] = add(found[into], counts) if into in found else counts
    return dict(sorted(found.items(), key=lambda item: key_order(item[0])))


def _value(name: str, values: Mapping[str, str | None], region: str) -> str | None:
    if name in values:
        return values[name]
    code = values[region]
    return None if code is None else code[: int(name[len(_REGION) :])]


def _within(values: Mapping[str, str | None], region: str | None, filters: Filters) -> bool:
    for name in (*_SAME, "industry"):
        wanted = getattr(filters, name)
        if wanted is not None and (values[name] or "null") != wanted:
            return False
    if any(values[BODY_DIMENSION + kind] not in may for kind, may in filters.answers or ()):
        return False
    return (region or "").startswith(filters.region or "") and in_scope(region or "", filters.scope)
