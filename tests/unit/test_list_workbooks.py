"""Workbooks of other kinds than .xlsx: errors, formulas without results and far cells are seen in each."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from services.lists.scanning import Scan, ScanError
from services.lists.scanning_xlsb import scan_xlsb, sheet_parts
from tests.full_lists import HEADINGS, compared, stock
from tests.office_files import ODS_TEXT, as_xlsb, ods_of, record, wide

_ERROR = (
    '<table:table-cell table:formula="of:=[.A9]" office:value-type="string" office:string-value="" '
    'calcext:value-type="error"><text:p>#REF!</text:p></table:table-cell>'
)
_FORMULA = '<table:table-cell table:formula="of:=40+41"/>'


def _ods(cell: str) -> bytes:
    """A list of three organizations whose second one's head count is this cell."""
    rows = [[ODS_TEXT.format(each) for each in row] for row in [HEADINGS, *stock(3)]]
    rows[2][5] = cell
    return ods_of(rows)


@pytest.mark.parametrize(("cell", "rule"), [(_ERROR, "formula_error"), (_FORMULA, "formula_not_stored")])
def test_a_cell_of_an_ods_without_a_value_is_refused(cell: str, rule: str, tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, _ods(cell), "2024-03-31", [])
    assert [(each.sheet, each.cell, each.rule) for each in report.refusals] == [("名册", "F3", rule)]
    assert events == []


def test_an_ods_is_read(tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, _ods(ODS_TEXT.format("81")), "2024-03-31", [])
    assert report.file["encoding"] == "ods"
    assert sorted(event["data"]["employees"] for event in events) == [1, 3, 81]


def test_an_xlsb_is_read(tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, as_xlsb([HEADINGS, *stock(3)]), "2024-03-31", [])
    assert report.file["encoding"] == "xlsb"
    assert sorted(event["data"]["employees"] for event in events) == [1, 2, 3]


def _scanned(*records: bytes) -> Scan:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("sheet", b"".join(records))
        return scan_xlsb(archive, "sheet", Scan())


def test_errors_and_merged_cells_of_an_xlsb_are_seen() -> None:
    row = record(0, struct.pack("<I", 4))
    error = record(3, struct.pack("<IIB", 2, 0, 0x2A))
    scan = _scanned(row, error, record(176, struct.pack("<4I", 0, 1, 2, 3)))
    assert (scan.faults, scan.merged) == ({(4, 2): ("error", "#N/A")}, [(0, 2, 1, 3)])


def test_a_far_cell_of_an_xlsb_is_refused() -> None:
    with pytest.raises(ScanError, match="far out") as caught:
        _scanned(record(0, struct.pack("<I", 1_048_575)), record(5, struct.pack("<IId", 16_383, 0, 1.0)))
    assert caught.value.rule == "cells"
    with pytest.raises(ScanError, match="cut off"):
        _scanned(record(0, struct.pack("<I", 1))[:-1])


def test_the_sheets_of_an_xlsb_are_found_by_name() -> None:
    book = record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("名册"))
    assert sheet_parts(book, {"rId1": "xl/worksheets/sheet1.bin"}) == {"名册": "xl/worksheets/sheet1.bin"}
