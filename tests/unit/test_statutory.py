"""The layouts of the statistical tables: their check sums name cells that are there, and find each that is off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.figures.statutory import LAYOUTS, Cell, Key, Table, checked, is_open, rules

TABLES = pytest.mark.parametrize("table", LAYOUTS.values(), ids=LAYOUTS)


def keys(table: Table) -> dict[Key, bool]:
    """Every cell by line and column; whether it is open."""
    return {
        (line.number, column.name): is_open(line, column) is not None
        for line in table.lines
        for column in table.columns
    }


@TABLES
def test_lines_are_numbered_as_they_stand_and_every_check_names_cells_that_are_there(table: Table) -> None:
    assert [line.number for line in table.lines] == list(range(1, len(table.lines) + 1))
    known = keys(table)
    for left, _, right in rules(table):
        assert {*left, *right} <= known.keys()


@TABLES
def test_an_open_cell_is_in_no_check_that_is_judged(table: Table) -> None:
    cells = {key: Cell(None if is_left_open else 0) for key, is_left_open in keys(table).items()}
    found = checked(table, cells)
    assert found
    assert all(check.holds for check in found)
    assert not any(keys(table)[key] for check in found for key in (*check.left, *check.right))


@TABLES
@given(data=st.data())
def test_one_unit_too_many_in_a_sum_is_found(table: Table, data: st.DataObject) -> None:
    """Of a table of zeros in which every check holds: whichever part of a sum is raised, the sum no longer holds."""
    sums = [rule for rule in rules(table) if rule[1] == "=" and not any(keys(table)[k] for k in (*rule[0], *rule[2]))]
    _, _, parts = data.draw(st.sampled_from(sums))
    raised = data.draw(st.sampled_from(parts))
    cells = {key: Cell(None if is_left_open else 0) for key, is_left_open in keys(table).items()}
    found = checked(table, cells | {raised: Cell(1)})
    assert any(check.holds is False and raised in check.right for check in found)


def test_a_sum_that_lacks_what_nobody_knows_is_not_called_false() -> None:
    table = LAYOUTS["enterprises"]
    cells = {key: Cell(None if is_left_open else 0) for key, is_left_open in keys(table).items()}
    members, employees = (14, "total"), (13, "total")

    def verdict(known: int, unknown: int) -> bool | None:
        told = checked(table, cells | {members: Cell(5), employees: Cell(known, unknown)})
        return next(check.holds for check in told if (check.left, check.right) == ((members,), (employees,)))

    assert verdict(5, 0) is True
    assert verdict(4, 0) is False
    assert verdict(4, 1) is None


@pytest.mark.parametrize(("known", "unknown", "value"), [(0, 0, 0), (3, 0, 3), (3, 2, 3), (0, 2, None)])
def test_nothing_known_is_no_zero(known: int, unknown: int, value: int | None) -> None:
    assert Cell.of(known, unknown) == Cell(value, unknown)
