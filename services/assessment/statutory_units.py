"""What the lines of the two statistical tables of units count: of each unit what it adds, from its row of the ledger.

A unit with a branch of its own stands under its strongest tier; one that a joint branch covers under that; one that is
attached (挂靠) to a branch, or under none, has none established. Party members (党员) are full and probationary ones
who are at the unit, wherever their relation is.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.figures.statutory import ENTERPRISES, TOTAL, Cell, Column, Key, Line, Table, is_open
from domain.ledger.rates import Filters
from domain.values.terms import CATEGORIES, FORMATIONS, TIERS
from projections.ledger.columns.columns import UNKNOWN
from projections.ledger.columns.counts import Standing
from services.ledger.branches import BranchLedger
from services.ledger.ledger_at import LedgerAt

Values = NDArray[Any]
_SIZES: Final = {"employees_50": 50, "employees_100": 100}
_THREE_MEMBERS: Final = 3
_CATEGORIES: Final[dict[str, int]] = {name: number for number, name in enumerate(CATEGORIES)}
_TIERS: Final[dict[str, int]] = {name: number for number, name in enumerate(TIERS)}
_NO_TIER: Final = len(TIERS)


class Part(NamedTuple):
    """What stands behind a cell: an organization's number or a branch, and what it adds; None where nobody knows."""

    subject: int | str
    adds: int | None


class Units:
    """The units that a table counts: of its categories, not excluded, and of enterprises legal persons alone.

    Attributes:
        rows: the units that are counted.
        branches: the branches' ledger at the same clocks.
        beside: how many units the table leaves out and why, and of how many counted ones it says less.
    """

    def __init__(self, ledger: LedgerAt, table: Table, place: Filters) -> None:
        self._ledger, self._table = ledger, table
        of_table = ledger.rows(place)
        of_table = of_table.where(np.isin(of_table.category, [CATEGORIES.index(each) for each in table.categories]))
        excluded = of_table.excluded != 0
        unlike = ~excluded & ~of_table.legal_person & (table is ENTERPRISES)
        self.rows: Standing = of_table.where(~excluded & ~unlike)
        self.branches = BranchLedger(ledger)
        self._standalone, self._joint = (self.rows.formation == FORMATIONS.index(f) for f in FORMATIONS[:2])
        self._row_of = {number: row for row, number in enumerate(self.rows.org_no.tolist())}
        self._tiers, self._joined = self._paired()
        self._instructed: Values = ledger.view.snapshot.entries["instructed"][self.rows.entry]
        self._persons = self._assigned()
        self.beside = {
            "excluded": int(excluded.sum()),
            "no_legal_person": int(unlike.sum()),
            "affiliated": int((self.rows.formation == FORMATIONS.index("affiliated")).sum()),
            "employees_unknown": int((self.rows.employees == UNKNOWN).sum()),
        }

    def _paired(self) -> tuple[Values, list[tuple[str, int]]]:
        """By unit the strongest tier of its own branches; and each joint branch with a unit that it covers."""
        tiers, joined = np.full(len(self.rows), _NO_TIER, np.int8), []
        for name, number, how in self.branches.pairs():
            row = self._row_of.get(number)
            if row is None:
                continue
            if how == "standalone":
                tiers[row] = min(tiers[row], TIERS.index(self.branches.tier(name)))
            elif how == "joint":
                joined.append((name, row))
        return tiers, joined

    def _assigned(self) -> list[tuple[str, int]]:
        """Each person who is assigned, with the unit."""
        view, day = self._ledger.view, self._ledger.clocks.day
        numbers = self.rows.org_no[self._instructed].tolist()
        of = {view.snapshot.orgs[number]: self._row_of[number] for number in numbers}
        with self._ledger.queries.cursor() as cursor:
            present = view.reading.presences(cursor, numbers, day, self._ledger.clocks.known_at)
        return [(each.entity, of[each.org]) for each in present if each.entity.startswith("person:")]

    def own_branches(self, numbers: set[int]) -> dict[int, list[str]]:
        """By number of an organization the standalone branches that cover it, for some organizations."""
        found: dict[int, list[str]] = {}
        for name, number, how in self.branches.pairs():
            if how == "standalone" and number in numbers:
                found.setdefault(number, []).append(name)
        return found

    def _in(self, column: str) -> Values:
        """Which units stand in a column."""
        if column == TOTAL:
            return np.ones(len(self.rows), np.bool_)
        if column in _SIZES:
            return np.asarray(self.rows.employees >= _SIZES[column])
        return np.asarray(self.rows.category == _CATEGORIES[column])

    def _adds(self, name: str) -> Values:
        """What each unit adds to a line of units, heads or members; UNKNOWN where the ledger does not hold it."""
        rows, joint = self.rows, self._joint
        members = rows.full_members + rows.probationary_members + rows.members_elsewhere
        established = self._standalone | joint
        instructed = self._instructed & ~established
        if name.startswith("standalone_"):
            return np.asarray(self._standalone & (self._tiers == _TIERS[name.removeprefix("standalone_")]))
        counted: dict[str, Callable[[], Values]] = {
            "units": lambda: np.ones(len(rows), np.int32),
            "instructed": lambda: self._instructed,
            "joint": lambda: joint,
            "joint_three_members": lambda: joint & (members >= _THREE_MEMBERS),
            "eligible": lambda: ~established & rows.eligible,
            "few_members": lambda: ~established & ~rows.eligible & (members > 0),
            "no_members": lambda: ~established & ~rows.eligible & (members == 0),
            "not_established_instructed": lambda: instructed,
            "employees": lambda: rows.employees,
            "members": lambda: members,
            "members_elsewhere": lambda: rows.members_elsewhere,
            "employees_established": lambda: np.where(established, rows.employees, 0),
            "members_established": lambda: np.where(established, members, 0),
            "employees_instructed": lambda: np.where(instructed, rows.employees, 0),
            "members_instructed": lambda: np.where(instructed, members, 0),
        }
        return counted[name]()

    def cells(self) -> dict[Key, Cell]:
        """Every cell of the table."""
        within = {column.name: self._in(column.name) for column in self._table.columns if column.open is None}
        found: dict[Key, Cell] = {}
        for line in self._table.lines:
            summed = line.of not in ("branches", "persons") and line.open is None
            adds = self._adds(line.name).astype(np.int64) if summed else np.zeros(0, np.int64)
            for column in self._table.columns:
                if is_open(line, column):
                    cell = Cell(None)
                elif summed:
                    cell = _summed(adds[within[column.name]])
                else:
                    cell = Cell(len({name for name, row in self._of(line) if within[column.name][row]}))
                found[line.number, column.name] = cell
        return found

    def _of(self, line: Line) -> list[tuple[str, int]]:
        """The persons or branches that a line counts, each with a unit of its."""
        return self._persons if line.of == "persons" else self._joined

    def behind(self, line: Line, column: Column) -> list[Part]:
        """What stands behind a cell: units in order of number, or branches by identifier; none behind an open one."""
        if is_open(line, column):
            return []
        within = self._in(column.name)
        if line.of == "branches":
            names = sorted({name for name, row in self._joined if within[row]})
            return [Part(name, 1) for name in names]
        if line.of == "persons":
            adds = np.bincount([row for _, row in self._persons], minlength=len(self.rows))
        else:
            adds = self._adds(line.name).astype(np.int64)
        chosen = np.flatnonzero(within & (adds != 0))
        numbers, values = self.rows.org_no[chosen].tolist(), adds[chosen].tolist()
        return [Part(n, None if value == UNKNOWN else value) for n, value in zip(numbers, values, strict=True)]


def _summed(adds: Values) -> Cell:
    unknown = adds == UNKNOWN
    return Cell.of(int(adds[~unknown].sum()), int(unknown.sum()))
