"""Publication: an attacker who solves the published equations learns no small count of people."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from domain.figures.publication import PEOPLE, PEOPLE_MIN, TOTAL, Cell, Publication, cell_of, publication
from domain.ledger.rates import Counts, Filters, Key

KINDS = ("new_economic", "new_social", "new_employment_group")
COUNTIES = ("880102", "880103", "880104", "880105")


def counts(covered: int, uncovered: int, people: tuple[int, int, int, int]) -> Counts:
    """A group of so many organizations; nobody is where there is no organization."""
    employees_covered, employees_not, members, activists = people
    inside, outside = employees_covered if covered else 0, employees_not if uncovered else 0
    some = covered + uncovered > 0
    return Counts(
        registered=covered + uncovered, organizations=covered + uncovered, organization_covered=covered,
        employees=inside + outside, employees_covered=inside, full_members=members if some else 0,
        activists=activists if some else 0,
    )  # fmt: skip


SMALL_OR_LARGE = st.one_of(st.integers(0, 12), st.integers(0, 400))
GROUP = st.builds(
    counts, st.integers(0, 3), st.integers(0, 3),
    st.tuples(SMALL_OR_LARGE, SMALL_OR_LARGE, SMALL_OR_LARGE, SMALL_OR_LARGE),
)  # fmt: skip
TABLES = st.dictionaries(st.tuples(st.sampled_from(KINDS), st.sampled_from(COUNTIES)), GROUP, max_size=12)


class Attacker:
    """Knows every published count of people, that sums are sums, that nobody is where no organization can have them."""

    def __init__(self, found: Publication) -> None:
        self.found = found
        self.base = [cell for cell in found.table if None not in cell]
        # Unknown: of each base cell the employees covered and not covered, or the members of one standing.
        self.equations: list[list[float]] = []
        self.values: list[int] = []

    def range(self, name: str, cell: Cell, parts: tuple[str, ...]) -> tuple[float, float]:
        """The least and the most that a count can be, as far as what is published says."""
        bounds = [(0, 0 if self._nobody(part, each) else None) for part in parts for each in self.base]
        rows, values = [], []
        for published in {"employees": ("employees", "employees_covered")}.get(parts[0], (name,)):
            for each in self.found.table:
                value = self.found.people(published, each)
                if value is not None:
                    rows.append(self._row(published, each, parts))
                    values.append(value)
        aim = np.array(self._row(name, cell, parts))
        matrix = {"A_eq": np.array(rows), "b_eq": np.array(values)} if rows else {}
        ends = []
        for sign in (1, -1):
            solved = linprog(sign * aim, bounds=bounds, method="highs", **matrix)
            ends.append(float("inf") if solved.status == 3 else float(aim @ solved.x))
        return ends[0], ends[1]

    def _nobody(self, part: str, cell: Cell) -> bool:
        of = self.found.table[cell]
        if part == "employees":
            return of.organization_covered == of.organizations  # those not covered
        return (of.organization_covered if part == "employees_covered" else of.organizations) == 0

    def _row(self, name: str, cell: Cell, parts: tuple[str, ...]) -> list[float]:
        """A count as a sum of the unknowns; employees are those covered and those not."""
        wanted = parts if name == "employees" else ("employees",) if name == "not_covered" else (name,)
        return [
            float(part in wanted and all(c in (None, own) for c, own in zip(cell, each, strict=True)))
            for part in parts
            for each in self.base
        ]


def sensitive(found: Publication) -> list[tuple[str, Cell, tuple[str, ...]]]:
    """Every small count of people in any table, and employees not covered, which follow by a difference."""
    listed: list[tuple[str, Cell, tuple[str, ...]]] = []
    for cell, of in found.table.items():
        pairs = (("employees", of.employees), ("employees_covered", of.employees_covered),
                 ("not_covered", of.employees - of.employees_covered))  # fmt: skip
        listed += [(n, cell, ("employees", "employees_covered")) for n, v in pairs if 0 < v < PEOPLE_MIN]
        listed += [(n, cell, (n,)) for n in PEOPLE[2:] if 0 < getattr(of, n) < PEOPLE_MIN]
    return listed


@settings(max_examples=100)
@given(table=TABLES)
@example(table={("new_economic", "880102"): counts(1, 0, (3, 0, 3, 0))})
@example(
    table={
        ("new_economic", "880102"): counts(1, 1, (3, 90, 3, 0)),
        ("new_social", "880102"): counts(1, 0, (50, 0, 60, 0)),
    }
)
def test_no_small_count_of_people_can_be_worked_out(table: dict[Key, Counts]) -> None:
    found = publication(table)
    attacker = Attacker(found)
    for name, cell, parts in sensitive(found):
        least, most = attacker.range(name, cell, parts)
        assert most - least >= PEOPLE_MIN - 1e-6, f"{name} of {cell} is between {least} and {most}"


@given(table=TABLES)
def test_what_is_published_is_true_and_nothing_is_withheld_without_a_small_count(table: dict[Key, Counts]) -> None:
    found = publication(table)
    for name in PEOPLE:
        for cell, of in found.table.items():
            assert found.people(name, cell) in (None, getattr(of, name))
    if not sensitive(found):
        assert not any(found.withheld.values())


def test_a_small_count_takes_the_smallest_rectangle_with_it() -> None:
    """7 full members in the north's social ones. Withheld with them: 20 and 30 beside, and 40 across, not 100s.

    North 60, 20 / 7, 30 would do with counties 1 and 2 as well: 500 and 600 people more than with 1 and 3.
    """
    members = {
        ("new_economic", "880102"): 20, ("new_social", "880102"): 7,
        ("new_economic", "880103"): 500, ("new_social", "880103"): 600,
        ("new_economic", "880104"): 40, ("new_social", "880104"): 30,
    }  # fmt: skip
    found = publication({key: counts(1, 1, (0, 0, each, 0)) for key, each in members.items()})
    assert found.withheld["full_members"] == {
        ("new_social", "880102"), ("new_economic", "880102"), ("new_social", "880104"), ("new_economic", "880104"),
    }  # fmt: skip
    assert found.people("full_members", (None, "880102")) == 27
    assert found.people("full_members", TOTAL) == 1_197
    assert not found.withheld["activists"]


def test_one_group_alone_takes_the_whole_with_it() -> None:
    found = publication({("new_social", "880102"): counts(1, 0, (0, 0, 4, 0))})
    assert found.withheld["full_members"] == set(found.table)


def test_only_cells_of_the_system_carry_people() -> None:
    found = publication({("new_social", c): counts(1, 0, (0, 0, 40, 0)) for c in COUNTIES})
    assert cell_of(("region:6",), ("880102",), Filters(), found) == (None, "880102")
    assert cell_of((), (), Filters(kind="new_social", region="880102"), found) == ("new_social", "880102")
    assert cell_of((), (), Filters(region="8801"), found) == TOTAL
    assert cell_of((), (), Filters(region="88010"), found) == TOTAL
    assert cell_of(("region:9",), ("880102001",), Filters(), found) is None
    assert cell_of((), (), Filters(eligible=True), found) is None
    assert cell_of((), (), Filters(region="880102001"), found) is None
    assert found.people("full_members", None) is None
