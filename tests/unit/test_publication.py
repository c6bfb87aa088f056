"""Publication: an attacker who solves all that is published of one pair of clocks learns no withheld count of people.

The attacker knows every organization by name, whether it is covered, and reads every grouping and filter; the unknowns
are each organization's own people.
"""

from collections.abc import Iterator
from datetime import date
from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from api.exports.document import WITHHELD, Value
from api.exports.figures import Shown
from api.site.formats import Names
from domain.figures.publication import (
    GROUP_BY,
    OF_MEMBERS,
    PEOPLE,
    PEOPLE_MIN,
    Parts,
    parts_by_group,
    publication,
    tells_of_people,
    with_cells,
)  # fmt: skip
from domain.ledger.entities import Attributes
from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.presence import measure
from domain.ledger.rates import ANY, DIMENSIONS, Counts, Filters, Key, add, group, matches
from domain.ledger.rows import Row, ledger
from domain.values.terms import CATEGORIES_OF_KIND, Kind
from tests.examples import case
from tests.histories import as_events, fits

KINDS: tuple[Kind, ...] = ("new_economic", "new_social", "new_employment_group")
COUNTIES = ("880102", "880103", "880201")


def organization(
    kind: Kind, region: str, employees: int | None, full: int, *, covered: bool, activists: int = 0, category: int = 0,
    excluded: bool = False,
) -> Row:  # fmt: skip
    """An organization's row; whether it is eligible, and its measure, follow from its people."""
    its = Attributes(kind, CATEGORIES_OF_KIND[kind][category], "组织", region, None, employees, None, None)
    return Row(
        "group:0", its, full, 0, activists, "joint" if covered else None, covered, covered,
        "not_operating" if excluded else None, full >= DEFAULT_POLICY.full_members_for_branch,
        measure(employees, full, DEFAULT_POLICY),
    )  # fmt: skip


def numbered(rows: list[Row]) -> list[Row]:
    return [row._replace(org=f"group:{n}") for n, row in enumerate(rows)]


FEW_OR_MANY = st.one_of(st.integers(0, 4), st.integers(0, 12), st.integers(0, 90))
ROW = st.builds(
    organization,
    st.sampled_from(KINDS),
    st.builds(str.__add__, st.sampled_from(COUNTIES), st.sampled_from(("", "001", "002"))),
    st.none() | FEW_OR_MANY,
    FEW_OR_MANY,
    covered=st.booleans(),
    activists=FEW_OR_MANY,
    category=st.integers(0, 1),
    excluded=st.sampled_from((False,) * 9 + (True,)),
)
ROWS = st.lists(ROW, min_size=1, max_size=12).map(numbered)
LARGE = [organization(kind, county, 90, 90, covered=covered, activists=20)
         for kind in KINDS for county in COUNTIES for covered in (True, False)]  # fmt: skip


class Published(NamedTuple):
    """One figure of one document: whose organizations, which count, and what is shown."""

    name: str
    members: frozenset[str]
    shown: Value
    true: int


GROUPINGS: tuple[tuple[str, ...], ...] = tuple(
    tuple(chosen)
    for n in range(3)
    for chosen in combinations([each for each in DIMENSIONS if not tells_of_people((each,), ANY)], n)
)
FILTERS = (
    ANY, Filters(kind="new_economic"), Filters(region="8801"), Filters(region="880102001"), Filters(formation="joint"),
    Filters(work_covered=False), Filters(category="association"), Filters(kind="new_social", region="8802"),
)  # fmt: skip


def published(rows: list[Row]) -> Iterator[Published]:
    """Every figure of every document that may be asked for, as the exports show it."""
    found = publication(group(rows, GROUP_BY))
    for filters in FILTERS:
        chosen = [row for row in rows if matches(row, filters)]
        for group_by in GROUPINGS if filters == ANY else GROUPINGS[:8]:
            parts = parts_by_group(group_by, group(rows, with_cells(group_by), filters))
            shown = Shown(Names("zh"), group_by, found, parts)
            each_group = shown.groups(group(rows, group_by, filters))
            for each in [*each_group, shown.whole(reduce(add, (each.counts for each in each_group), Counts()))]:
                its = frozenset(
                    row.org for row in chosen if not row.excluded and (not each.key or _key(row, group_by) == each.key)
                )
                values = shown.counts(each)
                for name in (*PEOPLE, *OF_MEMBERS):
                    yield Published(name, its, values[name], getattr(each.counts, name))


def _key(row: Row, group_by: tuple[str, ...]) -> Key:
    return next(iter(group([row], group_by)))


class Attacker:
    """Solves the equations of one count: of each organization's people, covered or not."""

    def __init__(self, rows: list[Row], figures: list[Published], names: tuple[str, ...]) -> None:
        self.rows = [row for row in rows if not row.excluded]
        equations = {(e.name, e.members): e.shown for e in figures if e.name in names and e.shown != WITHHELD}
        self.matrix = np.array([self.sum_of(*each) for each in equations]).reshape(len(equations), len(self.rows))
        self.values = np.array(list(equations.values()), float)
        nobody = {org for e in figures if e.name == "eligible" and e.shown == 0 for org in e.members}
        below = DEFAULT_POLICY.full_members_for_branch - 1
        self.bounds = [(0, below if "full_members" in names and r.org in nobody else None) for r in self.rows]

    def sum_of(self, name: str, members: frozenset[str]) -> list[float]:
        covered = name == "employees_covered"
        return [float(row.org in members and (row.organization_covered or not covered)) for row in self.rows]

    def range(self, figure: Published) -> float:
        aim = np.array(self.sum_of(figure.name, figure.members))
        ends = []
        for sign in (1, -1):
            equal = {"A_eq": self.matrix, "b_eq": self.values} if len(self.values) else {}
            solved = linprog(sign * aim, bounds=self.bounds, method="highs", **equal)
            ends.append(np.inf if solved.status == 3 else float(aim @ solved.x))
        return ends[1] - ends[0]


def attacked(rows: list[Row]) -> None:
    figures = list(published(rows))
    for names in (("employees", "employees_covered"), ("full_members",), ("probationary_members",), ("activists",)):
        attacker = Attacker(rows, figures, names)
        for figure in {(e.name, e.members): e for e in figures if e.name in names and e.shown == WITHHELD}.values():
            left = attacker.range(figure)
            assert left >= PEOPLE_MIN - 1e-6, f"{figure} keeps a range of {left}"


ONE = numbered([organization("new_economic", "880102", 3, 3, covered=True)])
TWO_TOWNS = numbered([organization("new_economic", f"880102{n}", 0, 0, covered=False) for n in ("001", "002")])

# The small count of one cell is hidden by three others, of which one counts nobody in two towns.
CORNERS: tuple[tuple[Kind, str, int], ...] = (
    ("new_economic", "880102", 2), ("new_economic", "880103", 9), ("new_social", "880102", 9),
    ("new_social", "880103", 0),
)  # fmt: skip
NOBODY_RAISED = numbered(
    [
        organization(kind, f"{county}{town}", None, full, covered=False)
        for kind, county, full in CORNERS
        for town in ("001", "002")
    ]
)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
@example(rows=NOBODY_RAISED)
@example(rows=ONE)
@example(rows=TWO_TOWNS)
def test_every_withheld_count_of_people_keeps_its_range_whatever_else_is_published(rows: list[Row]) -> None:
    attacked(rows)


def test_the_case_whose_withheld_counts_followed_exactly_keeps_their_ranges() -> None:
    attacked(ledger(as_events(case("08-publication-exact")), date(2024, 12, 31), fits).rows())


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_what_is_shown_is_true_alike_everywhere_and_never_small_nor_of_one_organization(rows: list[Row]) -> None:
    covered = {row.org for row in rows if row.organization_covered}
    seen: dict[tuple[str, frozenset[str]], Value] = {}
    for each in published(rows):
        assert seen.setdefault((each.name, each.members), each.shown) == each.shown
        assert each.shown in (each.true, WITHHELD)
        if each.name in OF_MEMBERS:
            assert each.shown in (0, WITHHELD)
        elif each.shown != WITHHELD and each.true:
            assert each.true >= PEOPLE_MIN
            assert len(each.members & covered if each.name == "employees_covered" else each.members) > 1


@settings(max_examples=10, deadline=None)
@given(rows=st.lists(st.sampled_from(LARGE), min_size=1, max_size=8))
def test_nothing_is_withheld_of_whole_counties_where_nothing_is_small_or_of_one(rows: list[Row]) -> None:
    for each in published(numbered([*rows, *rows])):
        if each.name in PEOPLE and len(each.members) == len(rows) * 2:
            assert each.shown == each.true


def test_a_small_count_takes_the_smallest_rectangle_with_it() -> None:
    """7 full members in the north's social ones. Withheld with them: 20 and 30 beside, and 40 across, not 100s.

    North 60, 20 / 7, 30 would do with counties 1 and 2 as well: 500 and 600 people more than with 1 and 3.
    """
    members = {
        ("new_economic", "880102"): 20, ("new_social", "880102"): 7,
        ("new_economic", "880103"): 500, ("new_social", "880103"): 600,
        ("new_economic", "880104"): 40, ("new_social", "880104"): 30,
    }  # fmt: skip
    found = publication({key: Counts(organizations=2, full_members=each) for key, each in members.items()})
    (move,) = found.moves["full_members"]
    assert set(move) == {
        ("new_social", "880102"), ("new_economic", "880102"), ("new_social", "880104"), ("new_economic", "880104"),
    }  # fmt: skip
    assert not found.withholds("full_members", {cell: found.cells[cell] for cell in found.cells if "880102" in cell})
    assert not found.withholds("full_members", found.cells)
    assert not found.moves["activists"]


@pytest.mark.parametrize("layer", ["employees", "employees_covered", "full_members"])
def test_one_group_alone_takes_the_whole_with_it(layer: str) -> None:
    found = publication({("new_social", "880102"): Counts(1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 40, 40, 40)})
    assert found.withholds(layer, found.cells)


def test_every_count_is_of_organizations_or_of_people() -> None:
    """A count that is added is published in the clear unless it is named with the people's: decide which it is."""
    of_organizations = {
        "registered", "excluded", "organizations", "organization_covered", "standalone", "joint", "affiliated",
        "work_covered", "effectively_covered",
    }  # fmt: skip
    assert set(Counts._fields) - of_organizations == {*PEOPLE, *OF_MEMBERS}


def test_of_the_moves_that_leave_every_margin_the_one_of_the_fewest_people_is_withheld() -> None:
    """One small cell, two counties whose cells may hide it: 540 people of one would go along, 200 of the other."""
    people = {
        ("new_economic", "880102"): 3, ("new_social", "880102"): 80,
        ("new_economic", "880103"): 500, ("new_social", "880103"): 40,
        ("new_economic", "880201"): 100, ("new_social", "880201"): 100,
    }  # fmt: skip
    groups: Parts = {cell: Counts(registered=9, organizations=9, employees=count) for cell, count in people.items()}
    found = publication(groups)
    withheld = {cell for cell in people if found.withholds("employees", {cell: groups[cell]})}
    assert withheld == {cell for cell in people if cell[1] != "880103"}
    for place in ("880102", "880103", "880201"):
        assert not found.withholds("employees", {cell: each for cell, each in groups.items() if cell[1] == place})
