"""Workbooks of other kinds than .xlsx: errors, formulas without results and far cells are seen in each."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from services.lists.scanning import Scan, ScanError
from services.lists.scanning_xlsb import scan_xlsb, sheet_parts
from tests.full_lists import HEADINGS, compared, stock

_ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body>'
    '<office:spreadsheet><table:table table:name="名册">{}</table:table></office:spreadsheet></office:body>'
    "</office:document-content>"
)
_TEXT = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
_ERROR = (
    '<table:table-cell table:formula="of:=[.A9]" office:value-type="string" office:string-value="" '
    'calcext:value-type="error"><text:p>#REF!</text:p></table:table-cell>'
)
_FORMULA = '<table:table-cell table:formula="of:=40+41"/>'


def _ods(cell: str) -> bytes:
    """A list of three organizations whose second one's head count is this cell; LibreOffice pads to the last row."""
    rows = [[_TEXT.format(each) for each in row] for row in [HEADINGS, *stock(3)]]
    rows[2][5] = cell
    written = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    padding = (
        '<table:table-row table:number-rows-repeated="1048570"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml", '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        )
        archive.writestr("content.xml", _ODS.format(written + padding))
    return out.getvalue()


@pytest.mark.parametrize(("cell", "rule"), [(_ERROR, "formula_error"), (_FORMULA, "formula_not_stored")])
def test_a_cell_of_an_ods_without_a_value_is_refused(cell: str, rule: str, tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, _ods(cell), "2024-03-31", [])
    assert [(each.sheet, each.cell, each.rule) for each in report.refusals] == [("名册", "F3", rule)]
    assert events == []


def test_an_ods_is_read(tmp_path: Path) -> None:
    report, events, _ = compared(tmp_path, _ods(_TEXT.format("81")), "2024-03-31", [])
    assert report.file["encoding"] == "ods"
    assert sorted(event["data"]["employees"] for event in events) == [1, 3, 81]


def _record(number: int, content: bytes) -> bytes:
    head = bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
    return head + bytes([len(content)]) + content


def _scanned(*records: bytes) -> Scan:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("sheet", b"".join(records))
        return scan_xlsb(archive, "sheet", Scan())


def test_errors_and_merged_cells_of_an_xlsb_are_seen() -> None:
    row = _record(0, struct.pack("<I", 4))
    error = _record(3, struct.pack("<IIB", 2, 0, 0x2A))
    scan = _scanned(row, error, _record(176, struct.pack("<4I", 0, 1, 2, 3)))
    assert (scan.faults, scan.merged) == ({(4, 2): ("error", "#N/A")}, [(0, 2, 1, 3)])


def test_a_far_cell_of_an_xlsb_is_refused() -> None:
    with pytest.raises(ScanError, match="far out") as caught:
        _scanned(_record(0, struct.pack("<I", 1_048_575)), _record(5, struct.pack("<IId", 16_383, 0, 1.0)))
    assert caught.value.rule == "cells"
    with pytest.raises(ScanError, match="cut off"):
        _scanned(_record(0, struct.pack("<I", 1))[:-1])


def test_the_sheets_of_an_xlsb_are_found_by_name() -> None:
    words = b"".join(struct.pack("<I", len(each)) + each.encode("utf-16-le") for each in ("rId1", "名册"))
    book = _record(156, struct.pack("<II", 0, 1) + words)
    assert sheet_parts(book, {"rId1": "xl/worksheets/sheet1.bin"}) == {"名册": "xl/worksheets/sheet1.bin"}
