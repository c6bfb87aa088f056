"""`python -m services.lists.opening FILE UNPACKED MEMORY SECONDS`: a workbook's rows, each a line of JSON.

A process of its own (services/lists/workbook.py), which may not outgrow its limits whatever the file holds: the
library allocates by what a file says of itself, and where it gets nothing its process is aborted.

Lines: {"sheet", "state", "merged"}, then of each row [number, cells, others], `others` being [place, kind, shown] of
cells that JSON has no value for; at the end {"end"} or {"refused"}.
"""

import math
import os
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

import orjson
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from services.lists.scanning import Scan, ScanError, scans

WRITTEN_BYTES_MAX: Final = 2 << 30
MEMBERS_MAX: Final = 2_000
SHEETS_MAX: Final = 200
CELL_CHARACTERS_MAX: Final = 32_767
_BLOCK: Final = 1 << 20
_SMALLER: Final = "export the list as CSV, which has no such limit"


def main() -> None:
    """Write the rows; whatever is wrong with the file is the last line."""
    path, (unpacked_bytes_max, memory_bytes_max, cpu_seconds_max) = Path(sys.argv[1]), map(int, sys.argv[2:])
    _limit(memory_bytes_max, cpu_seconds_max)
    out = sys.stdout.buffer
    try:
        for line in _lines(path, unpacked_bytes_max):
            out.write(orjson.dumps(line))
            out.write(b"\n")
        last: dict[str, Any] = {"end": True}
    except ScanError as error:
        last = {"refused": [error.rule, str(error), error.row]}
    except MemoryError:
        last = {"refused": ["memory", f"the workbook takes over {memory_bytes_max >> 20} MiB to read; {_SMALLER}", 0]}
    except (
        zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error, expat.ExpatError,
        CalamineError, ValueError, LookupError, OverflowError,
    ) as error:  # fmt: skip
        shown = str(error)[:200]
        message = f"the workbook cannot be read ({shown}); save it as .xlsx without a password again"
        last = {"refused": ["workbook", message, 0]}
    out.write(orjson.dumps(last))
    out.write(b"\n")
    out.flush()


def _limit(memory_bytes_max: int, cpu_seconds_max: int) -> None:
    for what, value in (
        (resource.RLIMIT_AS, memory_bytes_max), (resource.RLIMIT_CPU, cpu_seconds_max),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES_MAX), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    # Where the machine's memory ends, this process goes and not the service.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    os.nice(5)


def _lines(path: Path, unpacked_bytes_max: int) -> Iterator[Any]:
    with zipfile.ZipFile(path) as archive:
        _check_size(archive, unpacked_bytes_max)
        found = scans(archive)
    with CalamineWorkbook.from_path(str(path)) as workbook:
        sheets = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
        if len(sheets) > SHEETS_MAX:
            raise ScanError("sheets", f"the workbook has over {SHEETS_MAX} sheets; {_SMALLER}")
        for each in sheets:
            scan = found.get(each.name)
            if scan is None:
                raise ScanError("workbook", f"the sheet {each.name} cannot be found in the file; save it again")
            state = "visible" if each.visible == SheetVisibleEnum.Visible else "hidden"
            yield {"sheet": each.name, "state": state, "merged": scan.merged}
            sheet = _sheet(workbook, each.name, scan)
            rows = sheet.iter_rows() if sheet.start is not None else iter(())
            yield from _rows(rows, sheet.start[1] if sheet.start else 0, scan)


def _sheet(workbook: CalamineWorkbook, name: str, scan: Scan) -> Any:  # noqa: ANN401 - calamine's
    """A sheet; the library gives up at errors of kinds that it does not know, which the scan has found."""
    try:
        return workbook.get_sheet_by_name(name)
    except CalamineError as error:
        unknown = [(at, shown) for at, (_, shown) in scan.faults.items() if shown in str(error)]
        if not unknown or "error value" not in str(error):
            raise
        at, shown = min(unknown)
        message = f"sheet {name} holds the error {shown} in column {at[1] + 1}; correct the formula, or paste the value"
        raise ScanError("formula_error", message, at[0] + 1) from None


def _check_size(archive: zipfile.ZipFile, unpacked_bytes_max: int) -> None:
    """Unpack every part once, in blocks; its declared size is not believed."""
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise ScanError("members", f"the file holds over {MEMBERS_MAX} parts; {_SMALLER}")
    if len({member.filename for member in members}) < len(members):
        raise ScanError("members", "two parts of the file have one name; save the workbook again")
    unpacked = 0
    for member in members:
        with archive.open(member) as file:
            while block := file.read(_BLOCK):
                unpacked += len(block)
                if unpacked > unpacked_bytes_max:
                    raise ScanError(
                        "unpacked_size", f"the workbook unpacks to over {unpacked_bytes_max >> 20} MiB; {_SMALLER}"
                    )


def _rows(rows: Iterator[list[Any]], left: int, scan: Scan) -> Iterator[list[Any]]:
    """Each row down to the last that holds anything, whether calamine gives it or only the scan."""
    faults: dict[int, list[tuple[int, str, str]]] = {}
    for (at, column), (kind, shown) in scan.faults.items():
        faults.setdefault(at, []).append((column, kind, shown))
    for number, row in enumerate(rows, 1):
        yield [number, *_written(number, [None] * left + row, faults.pop(number - 1, ()))]
    for later in sorted(faults):
        yield [later + 1, *_written(later + 1, [], faults[later])]


def _written(
    number: int, cells: list[Any], faults: Sequence[tuple[int, str, str]]
) -> tuple[list[Any], list[tuple[int, str, str]]]:
    others: list[tuple[int, str, str]] = list(faults)
    for place, _, _ in others:
        cells += [None] * (place + 1 - len(cells))
    for place, cell in enumerate(cells):
        if isinstance(cell, str):
            if not cell:
                cells[place] = None
            elif len(cell) > CELL_CHARACTERS_MAX:
                raise ScanError(
                    "cell_length", f"a cell holds over {CELL_CHARACTERS_MAX:,} characters; shorten it", number
                )
        elif isinstance(cell, float) and not math.isfinite(cell):
            others.append((place, "error", str(cell)))
        elif isinstance(cell, date | time | timedelta):
            others.append((place, type(cell).__name__, _iso(cell)))
            cells[place] = None
    for place, _, _ in faults:
        cells[place] = None
    return cells, others


def _iso(cell: date | time | timedelta) -> str:
    return str(cell.total_seconds()) if isinstance(cell, timedelta) else cell.isoformat()


if __name__ == "__main__":
    main()
