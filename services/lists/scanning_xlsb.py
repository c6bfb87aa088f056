"""The scan of a sheet of .xlsb: records of [MS-XLSB], 2.1.4, of which rows, cells and merged ranges are looked at."""

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Final

from services.lists.scanning import Scan, ScanError

# [MS-XLSB], 2.3: the numbers of the records.
_ROW, _ERROR, _FORMULA_ERROR = 0, 3, 11
_CELLS: Final = range(2, 12)
_MERGED: Final = 176
_SHEET: Final = 156
_RECORD_BYTES_MAX: Final = 1 << 24
# [MS-XLSB], 2.5.97.2
_ERRORS: Final = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip


def _number(file: IO[bytes], bytes_max: int) -> int | None:
    """Seven bits a byte, the lowest first; None at the end of the file."""
    found = 0
    for at in range(bytes_max):
        byte = file.read(1)
        if not byte:
            return None
        found |= (byte[0] & 0x7F) << 7 * at
        if byte[0] < 0x80:
            break
    return found


def records(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The records: their number, which has its upper bits in the second byte, and their content."""
    while (first := file.read(1)) != b"":
        number = first[0]
        if number >= 0x80:
            number = (number & 0x7F) | (file.read(1)[0] & 0x7F) << 7
        size = _number(file, 4)
        if size is None or size > _RECORD_BYTES_MAX:
            raise ScanError("workbook", "the workbook is cut off or broken; save it as .xlsx again")
        content = file.read(size)
        if len(content) < size:
            raise ScanError("workbook", "the workbook is cut off; save it as .xlsx again")
        yield number, content


def sheet_parts(book: bytes, targets: Mapping[str, str]) -> dict[str, str]:
    """By the sheet's name the part that holds it."""
    found: dict[str, str] = {}
    for number, content in records(io.BytesIO(book)):
        if number == _SHEET:
            relation, at = _text(content, 8)
            name, _ = _text(content, at)
            found[name] = targets.get(relation, "")
    return found


def _text(content: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


def scan_xlsb(archive: zipfile.ZipFile, part: str, scan: Scan) -> Scan:
    """The scan of one sheet."""
    row = 0
    with archive.open(part) as file:
        for number, content in records(file):
            if number == _ROW:
                (row,) = struct.unpack_from("<I", content)
            elif number in _CELLS:
                (column,) = struct.unpack_from("<I", content)
                scan.reach(row, column)
                if number in (_ERROR, _FORMULA_ERROR):
                    scan.note(row, column, "error", _ERRORS.get(content[8], "#"))
            elif number == _MERGED:
                top, bottom, left, right = struct.unpack_from("<4I", content)
                scan.merge(top, left, bottom, right)
    return scan
