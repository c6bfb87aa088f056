"""What calamine does not tell of a workbook's sheets: their reach, merged cells, errors, formulas without a result.

The XML is read by expat, a member at a time and in blocks; nothing of it is kept but what is found.
"""

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Final
from xml.parsers import expat

# Each cell of the box around a sheet's cells takes 32 bytes in calamine, filled or not.
CELLS_MAX: Final = 6_000_000
MERGED_MAX: Final = 100_000
FAULTS_MAX: Final = 100_000
_BLOCK: Final = 1 << 18
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,4})\$?([0-9]{1,8})")
_SMALLER: Final = "export the list as CSV, which has no such limit"
_XLSX_BOOK: Final = "xl/workbook.xml"
_XLSB_BOOK: Final = "xl/workbook.bin"


class ScanError(Exception):
    """The sheet is not to be read; `rule`, the message with the remedy, and the row from 1, 0 for none."""

    def __init__(self, rule: str, message: str, row: int = 0) -> None:
        super().__init__(message)
        self.rule, self.row = rule, row


@dataclass(slots=True)
class Scan:
    """What a sheet holds beside its values; rows and columns from 0.

    Attributes:
        rows, columns: how far it reaches.
        faults: by row and column what a cell holds instead of a value: `error` or `formula`, and how it shows.
        merged: ranges as top, left, bottom, right.
    """

    rows: int = 0
    columns: int = 0
    faults: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def reach(self, row: int, column: int) -> None:
        """Note a cell.

        Raises:
            ScanError: the box around all cells is over CELLS_MAX.
        """
        self.rows, self.columns = max(self.rows, row + 1), max(self.columns, column + 1)
        if self.rows * self.columns > CELLS_MAX:
            raise ScanError(
                "cells",
                f"a sheet reaches to row {self.rows}, column {self.columns}, over {CELLS_MAX:,} cells; delete what "
                f"stands far out, or {_SMALLER}",
                self.rows,
            )

    def note(self, row: int, column: int, kind: str, shown: str) -> None:
        """Note a cell without a value."""
        if len(self.faults) == FAULTS_MAX:
            raise ScanError(
                "errors",
                f"over {FAULTS_MAX:,} cells hold errors or formulas without results; paste the values",
                row + 1,
            )
        self.faults[row, column] = kind, shown

    def merge(self, top: int, left: int, bottom: int, right: int) -> None:
        """Note a merged range."""
        if len(self.merged) == MERGED_MAX:
            raise ScanError("merged", f"over {MERGED_MAX:,} merged ranges; take the merging back and save again")
        self.merged.append((top, left, bottom, right))


def scans(archive: zipfile.ZipFile) -> dict[str, Scan]:
    """By the sheet's name what it holds; of .xlsx, .xlsb and .ods.

    Raises:
        ScanError: it reaches too far, or is no workbook.
        expat.ExpatError: its XML is broken.
    """
    names = set(archive.namelist())
    if _XLSX_BOOK in names:
        parts = _parts(archive, _XLSX_BOOK)
        return {name: _xlsx(archive, part) for name, part in parts.items() if part in names}
    if _XLSB_BOOK in names:
        from services.lists.scanning_xlsb import scan_xlsb, sheet_parts  # noqa: PLC0415 - few files are .xlsb

        targets = _targets(archive, _XLSB_BOOK)
        found = sheet_parts(archive.read(_XLSB_BOOK), targets)
        return {name: scan_xlsb(archive, part, Scan()) for name, part in found.items() if part in names}
    if "content.xml" in names:
        return _ods(archive)
    raise ScanError("workbook", "the file is no workbook; save the list as .xlsx again")


def parse(file: IO[bytes], start: Callable[[str, dict[str, str]], None], end: Callable[[str], None],
          words: Callable[[str], None]) -> None:  # fmt: skip
    """Read XML by three handlers; names come without their prefixes.

    Raises:
        ScanError: the XML declares entities, which no workbook does.
        expat.ExpatError: it is not well formed.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def declared(*_: object) -> None:
        raise ScanError("workbook", "the workbook declares entities of its own; save it as .xlsx again")

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = lambda name, given: start(name.rpartition(":")[2], given)
    parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = words
    while block := file.read(_BLOCK):
        parser.Parse(block, False)
    parser.Parse(b"", True)


def _elements(archive: zipfile.ZipFile, part: str, wanted: str) -> Iterator[dict[str, str]]:
    found: list[dict[str, str]] = []

    def start(name: str, given: dict[str, str]) -> None:
        if name == wanted:
            found.append({key.rpartition(":")[2]: value for key, value in given.items()})

    with archive.open(part) as file:
        parse(file, start, lambda _: None, lambda _: None)
    yield from found


def _targets(archive: zipfile.ZipFile, book: str) -> dict[str, str]:
    """By relationship the part that it names."""
    folder, name = posixpath.split(book)
    return {
        each["Id"]: posixpath.normpath(posixpath.join(folder, each["Target"])).lstrip("/")
        for each in _elements(archive, f"{folder}/_rels/{name}.rels", "Relationship")
        if "Id" in each and "Target" in each
    }


def _parts(archive: zipfile.ZipFile, book: str) -> dict[str, str]:
    """By the sheet's name the part that holds it."""
    targets = _targets(archive, book)
    found: dict[str, str] = {}
    for each in _elements(archive, book, "sheet"):
        name = each.get("name", "")
        if name in found:
            raise ScanError("workbook", f"two sheets are called {name}; save the workbook again")
        found[name] = targets.get(each.get("id", ""), "")
    return found


def place_of(reference: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a reference as F5."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1


class _Sheet:
    """Handlers of a worksheet of .xlsx (ECMA-376, 18.3.1)."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.row = self.column = -1
        self.type = ""
        self.has_formula = self.in_value = self.has_value = False
        self.value = ""

    def start(self, name: str, given: dict[str, str]) -> None:
        match name:
            case "c":
                self._cell(given)
            case "f":
                self.has_formula = True
            case "v" | "is":
                self.in_value = self.has_value = True
            case "row":
                self.row = int(given["r"]) - 1 if given.get("r", "").isdecimal() else self.row + 1
                self.column = -1
            case "mergeCell":
                first, _, last = given.get("ref", "").partition(":")
                top, bottom = place_of(first), place_of(last or first)
                if top is not None and bottom is not None:
                    self.scan.merge(*top, *bottom)

    def _cell(self, given: dict[str, str]) -> None:
        place = place_of(given.get("r", ""))
        self.row, self.column = place or (self.row, self.column + 1)
        self.type = given.get("t", "")
        self.has_formula = self.has_value = False
        self.value = ""

    def end(self, name: str) -> None:
        if name in ("v", "is"):
            self.in_value = False
        elif name == "c":
            if self.has_value or self.has_formula:
                self.scan.reach(self.row, self.column)
            if self.type == "e":
                self.scan.note(self.row, self.column, "error", self.value or "#")
            elif self.has_formula and not self.value and not (self.type == "str" and self.has_value):
                self.scan.note(self.row, self.column, "formula", "=")

    def words(self, found: str) -> None:
        if self.in_value and len(self.value) < 40:
            self.value += found


def _xlsx(archive: zipfile.ZipFile, part: str) -> Scan:
    sheet = _Sheet(Scan())
    with archive.open(part) as file:
        parse(file, sheet.start, sheet.end, sheet.words)
    return sheet.scan


class _Tables:
    """Handlers of the content of .ods (OpenDocument 1.3, part 3, 9.1)."""

    def __init__(self) -> None:
        self.scans: dict[str, Scan] = {}
        self.scan = Scan()
        self.row = self.rows = self.column = self.columns = 0
        self.given: Mapping[str, str] = {}
        self.words_seen = ""
        self.depth = 0

    def start(self, name: str, given: dict[str, str]) -> None:
        if name == "table":
            self.scan = self.scans[given.get("table:name", "")] = Scan()
            self.row = self.rows = 0
        elif name == "table-row":
            self.row += self.rows
            self.rows = _times(given.get("table:number-rows-repeated"))
            self.column = self.columns = 0
        elif name in ("table-cell", "covered-table-cell"):
            self.column += self.columns
            self.columns = _times(given.get("table:number-columns-repeated"))
            self.given, self.words_seen, self.depth = given, "", 1

    def end(self, name: str) -> None:
        if name not in ("table-cell", "covered-table-cell"):
            return
        self.depth = 0
        given = self.given
        type_ = given.get("office:value-type", "")
        if type_ or self.words_seen:
            self.scan.reach(self.row + self.rows - 1, self.column + self.columns - 1)
        down, right = _times(given.get("table:number-rows-spanned")), _times(given.get("table:number-columns-spanned"))
        if down > 1 or right > 1:
            self.scan.merge(self.row, self.column, self.row + down - 1, self.column + right - 1)
        if given.get("calcext:value-type") == "error":
            self._note("error", self.words_seen or "#")
        elif "table:formula" in given and not type_ and not self.words_seen:
            self.scan.reach(self.row + self.rows - 1, self.column + self.columns - 1)
            self._note("formula", "=")

    def _note(self, kind: str, shown: str) -> None:
        for row in range(self.row, self.row + self.rows):
            for column in range(self.column, self.column + self.columns):
                self.scan.note(row, column, kind, shown)

    def words(self, found: str) -> None:
        if self.depth and len(self.words_seen) < 40:
            self.words_seen += found.strip()


def _times(given: str | None) -> int:
    return max(int(given), 1) if given is not None and given.isdecimal() and len(given) < 10 else 1


def _ods(archive: zipfile.ZipFile) -> dict[str, Scan]:
    tables = _Tables()
    with archive.open("content.xml") as file:
        parse(file, tables.start, tables.end, tables.words)
    return tables.scans
