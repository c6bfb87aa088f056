"""A file of a list as it is read: every sheet that has the headings, row by row, and what becomes of its columns."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.events.lists import ListProfiled
from domain.fieldwork.lists import Refusal
from domain.listing.list_cells import Cell, is_blank, seen
from domain.listing.list_columns import ListField
from domain.values.codes import is_credit_code
from services.lists import delimited, workbook
from services.lists.errors import ListRefusedError
from services.lists.headings import HEADING_ROWS_MAX, Column, Headings, Layout, known_headings
from services.lists.sorting import Sorter, What, letters
from services.lists.workbook import Sheet

FILE_BYTES_MAX: Final = 512 << 20
ROWS_MAX: Final = 2_000_000
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_HEAD_BYTES: Final = 4_096
_SHEET_SHIFT: Final = 32
# What a page, saved under a workbook's name, begins with.
_MARKUP: Final = re.compile(r"\s*<[a-z!?]|(?:[\w-]+: .*\r?\n){0,20}mime-version:", re.IGNORECASE)
# Other files that come under a list's name, by how they begin.
_OTHER_FILES: Final = (
    (b"%PDF", "a PDF file"), (b"{\\rtf", "a file of words (RTF)"), (b"7z\xbc\xaf", "a packed file (7z)"),
    (b"Rar!", "a packed file (RAR)"), (b"\x1f\x8b", "a packed file (gzip)"), (b"ID;P", "a SYLK file"),
    (b"\x09\x08", "an Excel file of before 1997"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"),
)  # fmt: skip


class Read(NamedTuple):
    """One row below the headings of its sheet, with the profile by which it is read.

    `number` is of the row in the whole file: the sheet in its upper bits, the row in the lower 32.
    """

    number: int
    what: What
    cells: Mapping[ListField, Cell | dict[str, Cell]]
    shown: str
    refusal: Refusal | None
    profile: ListProfiled


@dataclass(slots=True)
class _Found:
    """What became of a sheet: `read`, `hidden`, `empty`, or `no_headings`."""

    name: str
    what: str
    layout: Layout | None = None
    sorter: Sorter | None = None
    rows: int = 0


@dataclass(slots=True)
class Reading:
    """One file, read once.

    Attributes:
        encoding: how it is written: `xlsx`, or a text encoding; known from the first row on.
        profile: of the first sheet with headings; None before.
    """

    path: Path
    source: str
    as_of: date
    given: ListProfiled | None
    encoding: str = ""
    profile: ListProfiled | None = None
    _sheets: list[_Found] = field(default_factory=list)

    def rows(self) -> Iterator[Read]:
        """Every row below the headings, of every visible sheet that has them.

        Raises:
            ListRefusedError: the file cannot be read as a list at all.
        """
        if self.given is not None and self.given.effective_on > self.as_of:
            raise ListRefusedError(
                "profile_date",
                f"the profile of {self.source} begins on {self.given.effective_on}, after the list's date "
                f"{self.as_of}; send one that is effective by then",
                value=self.given.effective_on.isoformat(),
            )
        sheets, self.encoding = read_sheets(self.path, self.given)
        refused: ListRefusedError | None = None
        for sheet in sheets:
            found = _Found(sheet.name, sheet.state)
            self._sheets.append(found)
            try:
                yield from self._of_sheet(sheet, found)
            except ListRefusedError as error:
                if error.refusal.rule != "headings" or sheet.state == "text":
                    raise
                self._without_headings(sheet, found, error)
                refused = refused or error
        if self.profile is None:
            raise refused or ListRefusedError(
                "sheet", "the workbook has no visible sheet that holds anything; put the list on the first one"
            )

    def _of_sheet(self, sheet: Sheet, found: _Found) -> Iterator[Read]:
        if sheet.state == "hidden":
            return
        head = list(islice(sheet.rows, HEADING_ROWS_MAX))
        if not any(not is_blank(cell) for _, row in head for cell in row):
            found.what = "empty"
            later = next((number for number, row in sheet.rows if any(not is_blank(cell) for cell in row)), None)
            if later is None and sheet.state != "text":
                return
        below, layout = self._layout(head, sheet, found)
        found.what, found.layout = "read", layout
        self.profile = self.profile or layout.profile
        sorter = found.sorter = Sorter(layout, sheet.merged, is_text=sheet.state == "text")
        index = (len(self._sheets) - 1) << _SHEET_SHIFT
        for number, row in chain(head[below:], sheet.rows):
            found.rows += 1
            if found.rows > ROWS_MAX:
                raise ListRefusedError("rows", f"over {ROWS_MAX:,} rows; send the list in parts by region", row=number)
            each = sorter.sort(number, row)
            yield Read(index | number, each.what, each.cells, each.shown, each.refusal, layout.profile)

    def _layout(self, head: list[tuple[int, list[Cell]]], sheet: Sheet, found: _Found) -> tuple[int, Layout]:
        headings = Headings(self.source, self.as_of.isoformat(), self.given)
        try:
            return headings.find(head, sheet.merged)
        except ListRefusedError:
            found.what = "no_headings"
            # The rows looked at are needed again, to see whether organizations stand in them.
            found.rows = sum(_holds_codes(row) for _, row in head)
            raise

    def _without_headings(self, sheet: Sheet, found: _Found, error: ListRefusedError) -> None:
        """Leave a sheet unread that is no list, a cover or a legend; refuse one that holds organizations."""
        codes, found.rows = found.rows, 0
        if codes or any(_holds_codes(row) for _, row in sheet.rows):
            _, column, value, _, message, *_ = error.refusal
            raise ListRefusedError(
                "headings",
                f"it holds unified social credit codes, but {message}; or take the sheet out",
                column=column, value=value, sheet=sheet.name,
            ) from None  # fmt: skip

    def placed(self, number: int, refusal: Refusal) -> Refusal:
        """The refusal of a row with the sheet, the row and the cell where it stands."""
        sheet, row = number >> _SHEET_SHIFT, number & (1 << _SHEET_SHIFT) - 1
        found = self._sheets[sheet]
        place = refusal.cell or _place_of(found.layout, refusal.column)
        cell = f"{place}{row}" if place and found.name else ""
        return refusal._replace(row=row, sheet=found.name, cell=cell)

    def where(self, number: int) -> str:
        """The row of a number in words."""
        name = self._sheets[number >> _SHEET_SHIFT].name
        row = f"row {number & (1 << _SHEET_SHIFT) - 1}"
        return f"{row} of sheet {name}" if name and len(self._sheets) > 1 else row

    def as_json(self) -> dict[str, Any]:
        """The sheets, and every column with what became of it: read, personal, set_aside, ended, serial, not_read."""
        return {
            "sheets": [
                {"sheet": each.name, "what": "read" if each.layout else each.what, "rows": each.rows}
                for each in self._sheets
            ],
            "columns": [
                {"sheet": each.name, "column": letters(at), "heading": shown, "what": what, "field": name}
                for each in self._sheets
                for at, shown, what, name in _columns(each)
            ],
        }


def _columns(found: _Found) -> list[Column]:
    if found.layout is None or found.sorter is None:
        return []
    return [*found.layout.columns, *(Column(at, "", "not_read", None) for at in sorted(found.sorter.unheaded))]


def _place_of(layout: Layout | None, heading: str) -> str:
    """The letters of the column that a refusal names by its heading."""
    places = [each.place for each in layout.columns if each.shown == heading] if layout else []
    return letters(places[0]) if places else ""


def _holds_codes(row: list[Cell]) -> bool:
    return any(
        isinstance(cell, str) and len(found := seen(cell).upper()) == 18 and is_credit_code(found) for cell in row
    )


def _workbook_kind(path: Path) -> str:
    """Of which kind a workbook is, by the part that lists its sheets; a broken one is refused where it is opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = frozenset(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        names = frozenset()
    return "ods" if "content.xml" in names else "xlsb" if "xl/workbook.bin" in names else "xlsx"


def read_sheets(path: Path, profile: ListProfiled | None = None) -> tuple[Iterator[Sheet], str]:
    """The sheets of a file, one of a text, and how it is written: `xlsx`, `xlsb`, `ods`, or a text encoding.

    Raises:
        ListRefusedError: it is neither a workbook nor a text, or too large.
    """
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise ListRefusedError("file_size", f"the file has over {FILE_BYTES_MAX >> 20} MiB; send it in parts by region")
    with path.open("rb") as file:
        begin = file.read(_HEAD_BYTES)
    if begin.startswith(_ZIP):
        return workbook.sheets(path), _workbook_kind(path)
    if begin.startswith(_OLD_EXCEL):
        raise ListRefusedError(
            "old_excel", "this is an Excel file of before 2007, or one with a password; save it as .xlsx without one"
        )
    for magic, what in _OTHER_FILES:
        if begin.startswith(magic):
            raise ListRefusedError("file_kind", f"this is {what}; export the list as .xlsx or CSV")
    encoding = delimited.encoding_of(path)
    if _MARKUP.match(begin.decode(encoding, "ignore").lstrip("\ufeff")):
        raise ListRefusedError(
            "html",
            "this is a web page (HTML, XML or MHTML) under the name of a workbook; open it in a spreadsheet program "
            "and save it as .xlsx",
        )
    rows = delimited.rows(path, encoding, partial(known_headings, profile=profile))
    return iter([Sheet("", "text", (), ((number, list(row)) for number, row in rows))]), encoding
