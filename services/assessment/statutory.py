"""The statistical tables that offices owe, filled at one pair of clocks; and what stands behind each of their cells."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from domain.events.facts import standing_facts
from domain.figures.statutory import (
    OF_KINDS,
    PARTY_ORGANIZATIONS,
    TERMS,
    TOTAL,
    Cell,
    Checked,
    Column,
    Key,
    Line,
    Table,
    checked,
)
from domain.ledger.rates import Filters
from domain.ledger.traces import DecidedBy, Positions
from services.assessment.statutory_units import Part, Units
from services.ledger.branches import BranchLedger, Wanted
from services.ledger.explain import explained
from services.ledger.ledger_at import LedgerAt
from services.ledger.projector import fits
from services.ledger.sight import WITHHELD
from services.ledger.traces import events_about

_ABOUT_BRANCHES: Final = tuple(
    f"taizhang.branch.{name}.v1" for name in ("formed", "changed", "coverage_changed", "term_began", "term_extended")
)
_MEMBERS: Final = ("full_members", "probationary_members", "members_elsewhere")
# Of a line's name what decides whether a unit is in it, as parts of the name say; each is a value of its row.
_DECIDING: Final[dict[str, tuple[str, ...]]] = {
    "standalone": ("formation",), "joint": ("formation",), "established": ("formation",),
    "instructed": ("work_covered",), "instructors": ("work_covered",), "eligible": ("eligible", "formation"),
    "few": ("formation",), "no": ("formation",), "members": _MEMBERS, "elsewhere": ("members_elsewhere",),
}  # fmt: skip


class Asked(NamedTuple):
    """Which table, of which place, and from which day elections count; the period ends with the date."""

    table: Table
    region: str | None
    body: str | None
    since: date


class Filled(NamedTuple):
    """A table with its cells and check sums; `beside`: how many it leaves out, or says less of, and why."""

    asked: Asked
    cells: Mapping[Key, Cell]
    checks: Sequence[Checked]
    beside: Mapping[str, int]


class Behind(NamedTuple):
    """An organization or a branch behind a cell.

    Attributes:
        seen: whether it may be opened; a branch that covers what is out of sight too is told by its identifier alone.
        adds: what it adds to the cell; None where the ledger does not hold that.
        positions: of the events that put it there, in order.
    """

    subject: str
    name: str
    region: str
    seen: bool
    adds: int | None
    positions: Positions


class PartyOrganizations:
    """The formed branches in sight, by tier, by the kinds of the units that they cover, and by their terms."""

    def __init__(self, ledger: LedgerAt, asked: Asked) -> None:
        self.branches = BranchLedger(ledger)
        self._since, self._day = asked.since.toordinal(), ledger.clocks.day
        self._names = self.branches.found(Wanted(region=asked.region, body=asked.body))
        self._kinds = {name: self._kind(name) for name in self._names}
        self.beside = {"without_end": sum(self.branches.term(name).last is None for name in self._names)}

    def _kind(self, name: str) -> str:
        kinds = self.branches.kinds(name)
        return "none" if not kinds else kinds.pop() if len(kinds) == 1 else "several"

    def _adds(self, name: str, of: str) -> int | None:
        """What a branch adds to a line; None where its term has no end that anybody stated."""
        term = self.branches.term(name)
        if of == "formed":
            return 1
        if of == "term_over":
            return None if term.last is None else int(term.last < self._day)
        # Its formation began its first term, which nobody calls an election.
        return int(term.first > term.formed_on and self._since <= term.first)

    def behind(self, line: Line, column: Column) -> list[Part]:
        """The branches behind a cell, by identifier."""
        chosen = (
            name
            for name in self._names
            if column.name in (TOTAL, self.branches.tier(name)) and line.stub in (None, self._kinds[name])
        )
        return [Part(name, adds) for name in chosen if (adds := self._adds(name, line.name)) != 0]

    def cells(self) -> dict[Key, Cell]:
        """Every cell of the table."""
        keys = [
            (line.number, column.name) for line in PARTY_ORGANIZATIONS.lines for column in PARTY_ORGANIZATIONS.columns
        ]
        known, unknown = Counter[Key](), Counter[Key]()
        stubs = {kind: 1 + len(TERMS) * at for at, kind in enumerate(OF_KINDS, 1)}
        for name in self._names:
            adds = [self._adds(name, of) for of in TERMS]
            for first in (1, stubs[self._kinds[name]]):
                for column in (TOTAL, self.branches.tier(name)):
                    for number, each in enumerate(adds, first):
                        known[number, column] += each or 0
                        unknown[number, column] += each is None
        return {key: Cell.of(known[key], unknown[key]) for key in keys}


def _counted(ledger: LedgerAt, asked: Asked) -> Units | PartyOrganizations:
    if asked.table is PARTY_ORGANIZATIONS:
        return PartyOrganizations(ledger, asked)
    return Units(ledger, asked.table, Filters(region=asked.region, body=asked.body))


def filled(ledger: LedgerAt, asked: Asked) -> Filled:
    """The table at the ledger's clocks, its check sums worked out."""
    counted = _counted(ledger, asked)
    cells = counted.cells()
    return Filled(asked, cells, checked(asked.table, cells), counted.beside)


def behind(ledger: LedgerAt, asked: Asked, key: Key, after: int, limit: int) -> tuple[int, list[Behind]]:
    """How many stand behind a cell, and up to `limit` of them, those after so many."""
    counted = _counted(ledger, asked)
    line = next(line for line in asked.table.lines if line.number == key[0])
    column = next(column for column in asked.table.columns if column.name == key[1])
    parts = counted.behind(line, column)
    page = parts[after : after + limit]
    if line.of == "branches":
        names = [str(each.subject) for each in page]
        return len(parts), _branches(ledger, counted.branches, names, [each.adds for each in page])
    if not isinstance(counted, Units):
        raise TypeError(f"{asked.table.name} counts branches alone, and no {line.of}")
    return len(parts), _organizations(ledger, counted, line, column, page)


def _branches(
    ledger: LedgerAt, branches: BranchLedger, names: Sequence[str], adds: Sequence[int | None]
) -> list[Behind]:
    positions = _positions(ledger, names)
    found = []
    for name, each in zip(names, adds, strict=True):
        seen = branches.sees(name)
        said = branches.named(name) if seen else (WITHHELD, WITHHELD)
        found.append(Behind(name, *said, seen, each, positions[name] if seen else ()))
    return found


def _positions(ledger: LedgerAt, names: Iterable[str]) -> dict[str, Positions]:
    """By branch the events by which it is what it is, covers what it covers and serves its term."""
    found: dict[str, set[int]] = {name: set() for name in names}
    with ledger.queries.connection() as connection:
        events = events_about(connection, ledger.view.reading, list(found), ledger.clocks.known_at)
    for fact in standing_facts(events, fits)[0]:
        if fact.entity in found and fact.type in _ABOUT_BRANCHES and fact.effective_on <= ledger.clocks.as_of:
            found[fact.entity].update(fact.decided_by)
    return {name: tuple(sorted(positions)) for name, positions in found.items()}


def _organizations(ledger: LedgerAt, units: Units, line: Line, column: Column, page: Sequence[Part]) -> list[Behind]:
    adds = {int(each.subject): each.adds for each in page}
    chosen = units.rows.where(np.isin(units.rows.org_no, list(adds)))
    numbers = chosen.org_no.tolist()
    rows = explained(ledger.queries, *ledger.clocks, chosen, ledger.policy)
    own: dict[int, list[str]] = {}
    if line.name.startswith("standalone_"):
        own = units.own_branches(set(numbers))
    of_branches = _positions(ledger, {name for names in own.values() for name in names})
    return [
        Behind(
            each.row.org,
            each.row.attributes.name,
            each.row.attributes.region,
            True,
            adds[number],
            _union(_decided(each.decided_by, line, column), *(of_branches[name] for name in own.get(number, ()))),
        )
        for number, each in zip(numbers, rows, strict=True)
    ]


def _decided(by: DecidedBy, line: Line, column: Column) -> Positions:
    """The events by which a unit is in a cell."""
    values = by._asdict()
    names = {name for word in line.name.split("_") for name in _DECIDING.get(word, ())}
    attributes = ["category", "legal_person"]
    if line.of == "heads" or column.name.startswith("employees_"):
        attributes.append("employees")
    return _union(*(by.attributes[name] for name in attributes), by.excluded, *(values[name] for name in names))


def _union(*positions: Iterable[int]) -> Positions:
    return tuple(sorted(set().union(*positions)))
