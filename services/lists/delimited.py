"""Rows of a CSV file: UTF-8, GB18030 or UTF-16; commas, semicolons, tabs or bars; one row in memory at a time."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from services.lists.errors import ListRefusedError

LINE_CHARACTERS_MAX: Final = 1 << 20
CELL_CHARACTERS_MAX: Final = 32_767  # as Excel has it
_BLOCK: Final = 1 << 20
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_DELIMITERS: Final = (",", "\t", ";", "|", "，", "；")
_HEAD_CHARACTERS: Final = 1 << 16
_HEAD_ROWS: Final = 30
_CREDIT_CODE: Final = re.compile(r"\s*[0-9A-Z]{18}\s*", re.ASCII)


def encoding_of(path: Path) -> str:
    """The first of UTF-16 (by its mark), UTF-8 and GB18030 in which the whole file can be read.

    Raises:
        ListRefusedError: none of them.
    """
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    line = 0
    for encoding in _ENCODINGS:
        line = _first_broken_line(path, encoding)
        if not line:
            return encoding
    raise ListRefusedError(
        "encoding", "the file is neither UTF-8 nor GB18030 throughout; save it as CSV UTF-8 again", row=line
    )


def _first_broken_line(path: Path, encoding: str) -> int:
    """The line, from 1, about where an encoding fails; 0 if it holds throughout."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return lines + block[: error.start].count(b"\n")
            lines += block.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return lines
    return 0


def rows(path: Path, encoding: str, known: Callable[[list[str]], int]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line on which it begins.

    Args:
        path: the file.
        encoding: of its text.
        known: how many of a row's cells are headings that a list has, by which the delimiter is found.

    Raises:
        ListRefusedError: a line or cell beyond the limits, quotes that do not match, or a file cut off in a row.
    """
    with path.open(encoding=encoding, newline="") as file:
        lines = _Lines(file)
        delimiter = _delimiter(file, known)
        csv.field_size_limit(CELL_CHARACTERS_MAX)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        begins, width = 1, 0
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise ListRefusedError(
                    "quotes",
                    f"the cells from this row on cannot be told apart ({error}); a quote is not closed, or a cell "
                    f"holds over {CELL_CHARACTERS_MAX} characters: export the list again",
                    row=begins,
                ) from None
            except UnicodeError as error:
                raise ListRefusedError("encoding", f"{error}; save the file as CSV UTF-8 again", row=begins) from None
            if row is None:
                return
            # A foot may be shorter than the rows above it; an organization may not.
            if lines.cut_off and len(row) < width and any(map(_CREDIT_CODE.fullmatch, row)):
                raise ListRefusedError(
                    "cut_off",
                    f"the file ends within a row, after {len(row)} of {width} cells and without a line's end; send the "
                    "whole file again",
                    row=begins,
                )
            width = max(width, len(row)) if begins <= _HEAD_ROWS else width
            yield begins, row
            begins = reader.line_num + 1


def _delimiter(file: IO[str], known: Callable[[list[str]], int]) -> str:
    """The delimiter that gives the most known headings in one row; where none does, the most rows of one width.

    Delimiters within quotes, and in long cells of words, count for nothing so.
    """
    start = file.tell()
    try:
        head = file.read(_HEAD_CHARACTERS)
    except UnicodeError as error:
        raise ListRefusedError("encoding", f"{error}; save the file as CSV UTF-8 again", row=1) from None
    file.seek(start)
    return max(_DELIMITERS, key=lambda delimiter: _fit(head, delimiter, known))


def _fit(head: str, delimiter: str, known: Callable[[list[str]], int]) -> tuple[int, int]:
    most, widths = 0, Counter[int]()
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    try:
        for _, row in zip(range(_HEAD_ROWS), reader, strict=False):
            most = max(most, known(row))
            widths[len(row)] += len(row) > 1
    except csv.Error:
        pass  # a cell over the limit is refused where it is read
    return most, max(widths.values(), default=0)


class _Lines:
    """The lines of a file, none of them too long."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._number = 0
        self.cut_off = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LINE_CHARACTERS_MAX + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) > LINE_CHARACTERS_MAX:
            raise ListRefusedError(
                "line_length",
                f"a line has over {LINE_CHARACTERS_MAX:,} characters; this is no list with one organization a row",
                row=self._number,
            )
        self.cut_off = not line.endswith(("\n", "\r"))
        return line
