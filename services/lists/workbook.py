"""Rows of an Excel workbook (.xlsx), its size checked before anything is unpacked into memory."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from domain.fieldwork.list_cells import Cell
from services.lists.errors import ListRefusedError

UNPACKED_BYTES_MAX: Final = 256 << 20
MEMBERS_MAX: Final = 2_000
# The cells' table is dense in memory, 32 bytes each: one cell far out would unpack to gigabytes.
CELLS_MAX: Final = 6_000_000
MERGED_MAX: Final = 100_000
_BLOCK: Final = 1 << 20
_REFERENCE: Final = re.compile(rb'<c [^>]{0,60}?r="([A-Z]{1,3})([0-9]{1,7})"')
_TAIL: Final = 100
_TOO_LARGE: Final = "export the list as CSV, which has no such limit"


def check_size(path: Path) -> None:
    """Refuse what is no workbook, and what unpacks to more than the limits.

    Raises:
        ListRefusedError: with the limit and the remedy.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX:
                raise ListRefusedError("members", f"the file holds over {MEMBERS_MAX} parts; {_TOO_LARGE}")
            unpacked = 0
            for member in members:
                unpacked = _check_member(archive, member, unpacked)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]  # zipfile's own import
        raise ListRefusedError(
            "workbook", f"the workbook cannot be unpacked ({error}); save it as .xlsx without a password again"
        ) from None


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, unpacked: int) -> int:
    """The bytes unpacked so far with this member's; its declared size is not believed."""
    columns = rows = 0
    tail = b""
    is_sheet = member.filename.startswith("xl/worksheets/")
    with archive.open(member) as file:
        while block := file.read(_BLOCK):
            unpacked += len(block)
            if unpacked > UNPACKED_BYTES_MAX:
                raise ListRefusedError(
                    "unpacked_size", f"the workbook unpacks to over {UNPACKED_BYTES_MAX >> 20} MiB; {_TOO_LARGE}"
                )
            if not is_sheet:
                continue
            found = _REFERENCE.findall(tail + block)
            tail = block[-_TAIL:]
            rows = max([rows, *(int(number) for _, number in found)])
            columns = max([columns, *map(_column, {letters for letters, _ in found})])
            if columns * rows > CELLS_MAX:
                raise ListRefusedError(
                    "cells",
                    f"a sheet reaches to row {rows}, column {columns}, over {CELLS_MAX:,} cells; delete "
                    f"what stands far out, or {_TOO_LARGE}",
                    row=rows,
                )
    return unpacked


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def rows(path: Path) -> Iterator[tuple[int, list[Cell]]]:
    """Each row of the first visible sheet, with its number from 1; a merged cell's value stands in all its rows.

    Formulas give the values that Excel stored; nothing is evaluated.

    Raises:
        ListRefusedError: no workbook, no visible sheet, or beyond a limit.
    """
    check_size(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            sheet = _first_visible(workbook)
            down = _merged_down(sheet)
            start = sheet.start
            if start is None:
                return
            # calamine begins at the first row that holds anything, and at column A.
            for number, row in enumerate(sheet.to_python(skip_empty_area=False)):
                cells: list[Cell] = [None if cell == "" else cell for cell in row]
                for column, (top, value) in list(down.get(number, {}).items()):
                    if number == top:
                        value[0] = cells[column]
                    elif cells[column] is None:
                        cells[column] = value[0]
                yield number + 1, cells
    except (python_calamine.CalamineError, OSError) as error:
        raise ListRefusedError("workbook", f"the workbook cannot be read ({error}); save it as .xlsx again") from None


def _first_visible(workbook: CalamineWorkbook) -> CalamineSheet:
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return workbook.get_sheet_by_name(sheet.name)
    raise ListRefusedError("sheet", "the workbook has no visible sheet; put the list on the first one")


def _merged_down(sheet: CalamineSheet) -> dict[int, dict[int, tuple[int, list[Cell]]]]:
    """By row and column: the top row of the merged range, and a box for its value; ranges of one row are left out."""
    found: dict[int, dict[int, tuple[int, list[Cell]]]] = {}
    count = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        # What spans columns is a title or a note, not a field that several rows share.
        if left != right or top == bottom:
            continue
        box: list[Cell] = [None]
        count += bottom - top + 1
        if count > MERGED_MAX:
            raise ListRefusedError("merged", f"over {MERGED_MAX:,} merged cells; take the merging back and save again")
        for row in range(top, bottom + 1):
            found.setdefault(row, {})[left] = (top, box)
    return found
