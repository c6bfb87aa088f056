"""Lists that were once read as something else than they say, each with its right value (tests/data/lists)."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.lists.errors import ListRefusedError
from services.lists.reconcile import Report
from tests.full_lists import compared, profiled

CASES = Path(__file__).parents[1] / "data" / "lists"
DAY = "2024-02-29"


def _read(folder: Path, name: str, **profile: Any) -> tuple[Report, list[dict[str, Any]]]:  # noqa: ANN401 - any JSON
    content = (CASES / name).read_bytes()
    report, events, _ = compared(folder, content, DAY, [], profiled(**profile) if profile else None)
    return report, events


def _employees(events: list[dict[str, Any]]) -> Counter[object]:
    return Counter(event["data"].get("employees") for event in events)


@pytest.mark.parametrize(
    "name", ["01-far-cell-long-attributes.xlsx", "01-far-cell-single-quoted.xlsx", "01-ods-repeated-rows.ods"]
)
def test_a_cell_far_out_is_refused_before_anything_is_unpacked_for_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ListRefusedError, match="far out, or export the list as CSV") as caught:
        _read(tmp_path, name)
    assert caught.value.refusal.rule == "cells"


def test_every_visible_sheet_is_read(tmp_path: Path) -> None:
    report, events = _read(tmp_path, "02-two-sheets.xlsx")
    assert report.refusals == []
    assert [(each["sheet"], each["rows"]) for each in report.reading["sheets"]] == [("朗渡区", 97), ("高朗区", 3)]
    assert len(events) == 100


def test_a_row_whose_code_is_an_error_is_refused(tmp_path: Path) -> None:
    columns = {"org": "统一社会信用代码", "name": "名称"}
    constants = {"category": "private_enterprise", "region": "880103"}
    report, events = _read(tmp_path, "03-error-code-cells.xlsx", columns=columns, constants=constants)
    assert [(each.cell, each.value, each.rule) for each in report.refusals] == [
        (cell, "#REF!", "formula_error") for cell in ("A12", "A13", "A14")
    ]
    assert events == []
    assert report.hindrance(None) is not None


def test_an_error_in_a_cell_is_no_empty_cell(tmp_path: Path) -> None:
    report, events = _read(tmp_path, "05-error-cells-ref.xlsx")
    assert report.refused == 100
    assert (report.refusals[0].sheet, report.refusals[0].cell, report.refusals[0].column) == ("Sheet", "F2", "从业人数")
    assert "paste the value" in report.refusals[0].message
    assert events == []


def test_a_state_of_registration_decides(tmp_path: Path) -> None:
    report, events = _read(tmp_path, "06-status-column.csv")
    assert report.refusals == []
    assert report.rows["gone"] == 7
    assert len(events) == 93


def test_headings_with_brackets_and_units_are_read(tmp_path: Path) -> None:
    report, events = _read(tmp_path, "07-unread-columns.csv")
    assert {each["what"] for each in report.reading["columns"]} == {"read"}
    assert _employees(events) == {80: 50}
    assert {(event["data"]["industry"], event["data"]["address"]) for event in events} == {("I64", "路1号")}


def test_headings_of_two_rows_are_read(tmp_path: Path) -> None:
    report, events = _read(tmp_path, "10-two-level-header.xlsx")
    assert report.refusals == []
    assert _employees(events) == {80: 100}
    (unread,) = (each for each in report.reading["columns"] if each["what"] != "read")
    assert (unread["column"], unread["heading"], unread["what"]) == ("G", "人员情况/党员数", "not_read")


def test_a_formula_without_its_result_is_no_empty_cell(tmp_path: Path) -> None:
    _, events = _read(tmp_path, "11a-list-values.xlsx")
    assert _employees(events) == {80: 3}
    report, events = _read(tmp_path, "11b-list-formulas-without-stored-values.xlsx")
    assert [(each.cell, each.rule) for each in report.refusals] == [
        (cell, "formula_not_stored") for cell in ("F2", "F3", "F4")
    ]
    assert events == []
