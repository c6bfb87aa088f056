"""The sheets of a workbook (.xlsx, .xlsb, .ods), read by a process of its own that may take so much and no more."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple

import orjson

from domain.listing.list_cells import Cell, Fault
from services.lists.errors import ListRefusedError

UNPACKED_BYTES_MAX: Final = 256 << 20
MEMORY_BYTES_MAX: Final = 1536 << 20
CPU_SECONDS_MAX: Final = 120
# However many lists are looked at at once, so many workbooks are open.
OPEN_MAX: Final = 2
SECONDS_MAX: Final = 300
_TURNS: Final = threading.BoundedSemaphore(OPEN_MAX)
_COMMAND: Final = (sys.executable, "-m", "services.lists.opening")
_ROOT: Final = Path(__file__).parents[2]
_SMALLER: Final = "export the list as CSV, which has no such limit"

Range = tuple[int, int, int, int]
"""Top, left, bottom, right, from 0."""


class Sheet(NamedTuple):
    """One sheet: its rows with their numbers from 1, to be read before the next sheet is."""

    name: str
    state: Literal["visible", "hidden", "text"]
    merged: Sequence[Range]
    rows: Iterator[tuple[int, list[Cell]]]


def sheets(path: Path) -> Iterator[Sheet]:
    """Every sheet with its cells; formulas give the values that were stored, nothing is evaluated.

    Raises:
        ListRefusedError: no workbook, or beyond a limit; nothing of it is given then.
    """
    with tempfile.TemporaryFile() as rows:
        with _TURNS:
            _open(path, rows)
        rows.seek(0)
        lines = _Lines(rows)
        while (head := lines.next_sheet()) is not None:
            merged = [tuple(each) for each in head["merged"]]
            yield Sheet(head["sheet"], head["state"], merged, _filled_down(lines.rows(), merged))


def _open(path: Path, out: IO[bytes]) -> None:
    """Let the other process write the rows.

    Raises:
        ListRefusedError: it refused the file, or was ended by a limit.
    """
    limits = (UNPACKED_BYTES_MAX, MEMORY_BYTES_MAX, CPU_SECONDS_MAX)
    command = (*_COMMAND, str(path.resolve()), *map(str, limits))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False,
            cwd=_ROOT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ListRefusedError("time", f"the workbook takes over {SECONDS_MAX} s to read; {_SMALLER}") from None
    last = _last_line(out)
    if "refused" in last:
        rule, message, row = last["refused"]
        raise ListRefusedError(rule, message, row=row)
    if done.returncode != 0 or "end" not in last:
        raise ListRefusedError(
            "memory", f"the workbook takes more memory or time to read than a list may, and was given up; {_SMALLER}"
        )


def _last_line(out: IO[bytes]) -> dict[str, Any]:
    """The last whole line; nothing where the process was ended within one."""
    size = out.seek(0, 2)
    out.seek(max(size - 4096, 0))
    *_, last, rest = (b"\n" + out.read()).rsplit(b"\n", 2)
    if rest or not last.startswith(b"{"):
        return {}
    found: dict[str, Any] = orjson.loads(last)
    return found


class _Lines:
    """What the other process has written, sheet by sheet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._head: dict[str, Any] | None = None

    def next_sheet(self) -> dict[str, Any] | None:
        """The head of the next sheet, past what is left of this one; None after the last."""
        for _ in self.rows():
            pass
        head, self._head = self._head, None
        return head if head is not None and "sheet" in head else None

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """The rows up to the next head."""
        while self._head is None:
            line = orjson.loads(self._file.readline())
            if isinstance(line, dict):
                self._head = line
                return
            number, cells, others = line
            for place, kind, shown in others:
                cells[place] = _other(kind, shown)
            yield number, cells


def _other(kind: str, shown: str) -> Cell:
    match kind:
        case "date":
            return date.fromisoformat(shown)
        case "datetime":
            return datetime.fromisoformat(shown)
        case "time":
            return time.fromisoformat(shown)
        case "timedelta":
            return timedelta(seconds=float(shown))
        case "formula":
            return Fault("formula", shown)
    return Fault("error", shown)


def _filled_down(rows: Iterator[tuple[int, list[Cell]]], merged: Sequence[Range]) -> Iterator[tuple[int, list[Cell]]]:
    """The rows, where the value of a cell merged over several of them stands in each."""
    # What spans columns is a title, a heading or a note, not a field that several rows share.
    starts: dict[int, list[Range]] = {}
    for each in merged:
        top, left, bottom, right = each
        if left == right and top < bottom:
            starts.setdefault(top, []).append(each)
    open_: list[tuple[int, int, Cell]] = []  # the last row, the column, the value
    for number, given in rows:
        row, cells = number - 1, given
        open_ = [each for each in open_ if each[0] >= row] if open_ else open_
        for _, column, value in open_:
            if column >= len(cells):
                cells.extend([None] * (column + 1 - len(cells)))
            if cells[column] is None:
                cells[column] = value
        for _, column, bottom, _ in starts.pop(row, ()):
            open_.append((bottom, column, cells[column] if column < len(cells) else None))
        yield number, cells
