"""The statistical tables that offices owe (统计报表): their lines, columns and check sums, as data.

What a line counts is said in services/assessment/statutory.py. Here stands what no ledger holds, and which sums must
hold between the cells. The layouts are those of the forms in public: non-public enterprises' units, social
organizations' units, numbers and terms of organizations; the check sums are a reading of them.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, get_args

from domain.values.terms import CATEGORIES_OF_KIND, KINDS, TIERS, Category

TableName = Literal["enterprises", "social-organizations", "party-organizations"]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)
# Of what a line is a number. Units, heads and members of the columns add up; persons and branches may be in several.
Of = Literal["units", "branches", "persons", "heads", "members"]
# Why a cell is left open.
Open = Literal["one_persons_membership", "not_in_the_ledger"]
Key = tuple[int, str]
TOTAL: Final = "total"


class Line(NamedTuple):
    """A line: its number, what it counts, the stub that it stands under, and whether it is a part of another (其中)."""

    number: int
    name: str
    of: Of = "units"
    stub: str | None = None
    within: bool = False
    open: Open | None = None


class Column(NamedTuple):
    """A column; `parts` are those that add up to it, `within` the one that it is a part of."""

    name: str
    parts: tuple[str, ...] = ()
    within: str | None = None
    open: Open | None = None


class Rule(NamedTuple):
    """A check sum between lines, in every column: the sum of the left ones is, or is at most, that of the right."""

    left: tuple[int, ...]
    relation: Literal["=", "<="]
    right: tuple[int, ...]


class Table(NamedTuple):
    """The layout of a table; `categories` are those of the units that it is about, none where it is about branches."""

    name: TableName
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    categories: tuple[Category, ...] = ()


class Cell(NamedTuple):
    """A filled cell; None where nothing is known that could be said.

    `unknown` is of how many units or branches that it is about the ledger does not hold what is counted; they add 0.
    """

    value: int | None
    unknown: int = 0

    @classmethod
    def of(cls, known: int, unknown: int) -> "Cell":
        """A sum over what is known; nothing known is not the same as nothing there."""
        return cls(None if known == 0 and unknown else known, unknown)


class Checked(NamedTuple):
    """A check sum as it came out: both sides with their sums; `holds` is None where what is not held may be why.

    `left` and `right` name cells by line and column.
    """

    left: tuple[Key, ...]
    relation: Literal["=", "<="]
    right: tuple[Key, ...]
    sums: tuple[int | None, int | None]
    holds: bool | None


_ENTERPRISES: Final = CATEGORIES_OF_KIND["new_economic"][:3]
_SOCIAL: Final = CATEGORIES_OF_KIND["new_social"]
_OWN: Final = ("committee", "general_branch", "branch")


def _lines(*lines: Line) -> tuple[Line, ...]:
    return tuple(line._replace(number=number) for number, line in enumerate(lines, 1))


def _line(name: str, of: Of = "units", *, stub: str | None = None, within: bool = False) -> Line:
    return Line(0, name, of, stub, within)


ENTERPRISES: Final = Table(
    "enterprises",
    _lines(
        _line("units"),
        _line("instructed", within=True),
        *(_line(f"standalone_{tier}", stub="standalone") for tier in _OWN),
        _line("joint"),
        _line("joint_three_members", within=True),
        _line("joint_branches", "branches"),
        _line("eligible", stub="not_established"),
        _line("few_members", stub="not_established"),
        _line("no_members", stub="not_established"),
        _line("instructors", "persons"),
        _line("employees", "heads"),
        _line("members", "members", within=True),
        _line("employees_established", "heads"),
        _line("members_established", "members", within=True),
        _line("employees_instructed", "heads"),
        _line("members_instructed", "members", within=True),
    ),
    (
        Column(TOTAL, _ENTERPRISES),
        Column("employees_50", within=TOTAL),
        Column("employees_100", within="employees_50"),
        Column("representative", within=TOTAL, open="one_persons_membership"),
        Column("representative_secretary", within="representative", open="one_persons_membership"),
        *map(Column, _ENTERPRISES),
    ),
    (
        Rule((1,), "=", (3, 4, 5, 6, 9, 10, 11)),
        Rule((2,), "<=", (1,)),
        Rule((7,), "<=", (6,)),
        Rule((14,), "<=", (13,)),
        Rule((15, 17), "<=", (13,)),
        Rule((16, 18), "<=", (14,)),
    ),
    _ENTERPRISES,
)
_OPEN: Final = "not_in_the_ledger"
SOCIAL_ORGANIZATIONS: Final = Table(
    "social-organizations",
    _lines(
        _line("units"),
        *(_line(f"standalone_{tier}", stub="standalone") for tier in _OWN),
        _line("joint"),
        _line("joint_three_members", within=True),
        _line("joint_branches", "branches"),
        _line("eligible", stub="not_established"),
        _line("eligible_with_groups", stub="not_established", within=True)._replace(open=_OPEN),
        _line("few_members", stub="not_established"),
        _line("no_members", stub="not_established"),
        _line("not_established_instructed", within=True),
        _line("employees", "heads"),
        _line("members", "members", within=True),
        _line("members_elsewhere", "members", within=True),
        _line("instructors", "persons"),
        *(_line(f"absorbing_{tier}", "branches", stub="absorbing")._replace(open=_OPEN) for tier in _OWN),
    ),
    (Column(TOTAL, _SOCIAL), *map(Column, _SOCIAL)),
    (
        Rule((1,), "=", (2, 3, 4, 5, 8, 10, 11)),
        Rule((6,), "<=", (5,)),
        Rule((9,), "<=", (8,)),
        Rule((12,), "<=", (8, 10, 11)),
        Rule((14,), "<=", (13,)),
        Rule((15,), "<=", (14,)),
    ),
    _SOCIAL,
)
# By kind of the units that a branch covers; `several` covers those of more than one kind.
OF_KINDS: Final = (*KINDS, "several", "none")
# Of what a branch's term says: all, over on the date, elected anew within the period.
TERMS: Final = ("formed", "term_over", "elected")
_PER_KIND: Final = len(TERMS)
PARTY_ORGANIZATIONS: Final = Table(
    "party-organizations",
    _lines(
        *(
            Line(0, name, "branches", None if kind == "all" else kind, name != "formed")
            for kind in ("all", *OF_KINDS)
            for name in TERMS
        )
    ),
    (Column(TOTAL, TIERS), *map(Column, TIERS)),
    (
        *(
            Rule((first,), "=", tuple(first + _PER_KIND * kind for kind in range(1, len(OF_KINDS) + 1)))
            for first in range(1, _PER_KIND + 1)
        ),
        *(
            Rule((first + part,), "<=", (first,))
            for first in range(1, _PER_KIND * (len(OF_KINDS) + 1), _PER_KIND)
            for part in range(1, _PER_KIND)
        ),
    ),
)
LAYOUTS: Final[dict[TableName, Table]] = {
    each.name: each for each in (ENTERPRISES, SOCIAL_ORGANIZATIONS, PARTY_ORGANIZATIONS)
}


def is_open(line: Line, column: Column) -> Open | None:
    """Why a cell is left open; None for one that the ledger can fill."""
    return line.open or column.open


def rules(table: Table) -> Iterator[tuple[tuple[Key, ...], Literal["=", "<="], tuple[Key, ...]]]:
    """The check sums of a table between its cells: of lines in every column, then of columns in every line."""
    for left, relation, right in table.rules:
        for column in table.columns:
            yield _cells(left, column.name), relation, _cells(right, column.name)
    for line in table.lines:
        for column in table.columns:
            here = (line.number, column.name)
            if column.within is not None:
                yield (here,), "<=", ((line.number, column.within),)
            if column.parts and line.name != "joint_branches" and line.of != "persons":
                yield (here,), "=", tuple((line.number, part) for part in column.parts)


def _cells(lines: tuple[int, ...], column: str) -> tuple[Key, ...]:
    return tuple((line, column) for line in lines)


def checked(table: Table, cells: Mapping[Key, Cell]) -> list[Checked]:
    """Every check sum of a table whose cells are filled; of open cells none."""
    found = []
    for left, relation, right in rules(table):
        sides = [[cells[key] for key in side] for side in (left, right)]
        sums = [_sum(side) for side in sides]
        if sums[0] is None or sums[1] is None:
            continue
        holds: bool | None = sums[0] == sums[1] if relation == "=" else sums[0] <= sums[1]
        # A side that lacks what is not held may only be larger.
        if not holds and relation == "<=" and any(cell.unknown for cell in sides[1]):
            holds = None
        found.append(Checked(left, relation, right, (sums[0], sums[1]), holds))
    return found


def _sum(cells: list[Cell]) -> int | None:
    values = [cell.value for cell in cells]
    return None if None in values else sum(value for value in values if value is not None)
