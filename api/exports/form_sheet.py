"""A form as offices lay it out, drawn on a sheet of a workbook: stubs merged, columns numbered, a foot to be signed."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

_A4: Final = 9
_STUB_WIDTH, _TITLE_WIDTH, _NUMBER_WIDTH, _VALUE_WIDTH = 14, 34, 6, 13
_BORDER: Final = {"border": 1, "valign": "vcenter", "text_wrap": True, "font_size": 10}
_HEADING_POINTS: Final = 48
_NOTE_POINTS: Final = 15
# Characters of a note that a line of the whole sheet takes, Chinese ones as two.
_NOTE_WIDTH: Final = 120
# The stub, the item, the line's number.
_BEFORE: Final = 3
_FORMATS: Final = {"count": "#,##0", "percent": "0.00%", "points": "+0.00;-0.00;0.00", "text": "@"}


class FormRow(NamedTuple):
    """A line of a form: the stub that it shares with its neighbours, its name, number and values; None: left open."""

    stub: str | None
    title: str
    number: int
    values: Sequence[str | float | None]


class FormSheet(NamedTuple):
    """A form.

    Attributes:
        title: above it, in the middle.
        head: what stands above the table to the left and to the right.
        headings: of the item, of the line's number, of each column of values.
        stubs: what numbers the columns before the values.
        rows: its lines.
        signed: what is to be filled in by hand below it.
        foot: the lines below that: how it was counted.
        kinds: of each column's values, as of a document's columns; none: all are counts.
    """

    title: str
    head: tuple[str, str]
    headings: Sequence[str]
    stubs: str
    rows: Sequence[FormRow]
    signed: Sequence[str]
    foot: Sequence[str]
    kinds: Sequence[str] = ()


def draw_form(workbook: Workbook, name: str, form: FormSheet) -> None:
    """Draw the form on a sheet of its own, for one page of A4 across."""
    sheet = workbook.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 1)
    sheet.center_horizontally()
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
    _Form(workbook, sheet, form).draw()


class _Form:
    """Draws one form."""

    def __init__(self, workbook: Workbook, sheet: Worksheet, form: FormSheet) -> None:
        self._sheet, self._form = sheet, form
        self._last = _BEFORE + len(form.headings) - 3

        def made(**more: Any) -> Any:  # noqa: ANN401 - the library's format
            return workbook.add_format({**_BORDER, **more})

        self._title = workbook.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        self._plain = workbook.add_format({"font_size": 10, "valign": "top", "text_wrap": True})
        self._line = workbook.add_format({"font_size": 10})
        self._right = workbook.add_format({"font_size": 10, "align": "right"})
        self._heading = made(align="center", bold=True)
        self._middle, self._left = made(align="center"), made(align="left")
        kinds = form.kinds or ["count"] * (len(form.headings) - 2)
        self._values = [made(align="right", num_format=_FORMATS[kind]) for kind in kinds]

    def draw(self) -> None:
        sheet, form, last = self._sheet, self._form, self._last
        for at, width in enumerate((_STUB_WIDTH, _TITLE_WIDTH, _NUMBER_WIDTH)):
            sheet.set_column(at, at, width)
        sheet.set_column(_BEFORE, last, _VALUE_WIDTH)
        sheet.set_row(0, 30)
        sheet.merge_range(0, 0, 0, last, form.title, self._title)
        sheet.write_string(1, 0, form.head[0], self._line)
        sheet.write_string(1, last, form.head[1], self._right)
        self._headings(2)
        below = self._lines(4)
        self._foot(below + 1)

    def _headings(self, row: int) -> None:
        sheet, (item, number, *columns) = self._sheet, self._form.headings
        sheet.set_row(row, _HEADING_POINTS)
        sheet.merge_range(row, 0, row, 1, item, self._heading)
        sheet.write_string(row, 2, number, self._heading)
        sheet.merge_range(row + 1, 0, row + 1, 1, self._form.stubs, self._middle)
        sheet.write_blank(row + 1, 2, None, self._middle)
        for at, heading in enumerate(columns):
            sheet.write_string(row, _BEFORE + at, heading, self._heading)
            sheet.write_number(row + 1, _BEFORE + at, at + 1, self._middle)
        sheet.freeze_panes(row + 2, _BEFORE)

    def _lines(self, first: int) -> int:
        """Write the lines from a row on; the row after the last."""
        row = first
        for stub, together in groupby(self._form.rows, key=lambda each: each.stub):
            lines = list(together)
            if stub is not None and len(lines) > 1:
                self._sheet.merge_range(row, 0, row + len(lines) - 1, 0, stub, self._middle)
            elif stub is not None:
                self._sheet.write_string(row, 0, stub, self._middle)
            for line in lines:
                if stub is None:
                    self._sheet.merge_range(row, 0, row, 1, line.title, self._left)
                else:
                    self._sheet.write_string(row, 1, line.title, self._left)
                self._sheet.write_number(row, 2, line.number, self._middle)
                for at, (value, of_kind) in enumerate(zip(line.values, self._values, strict=True), _BEFORE):
                    self._cell(row, at, value, of_kind)
                row += 1
        return row

    def _cell(self, row: int, at: int, value: str | float | None, of_kind: Any) -> None:  # noqa: ANN401 - as above
        if value is None:
            self._sheet.write_blank(row, at, None, of_kind)
        elif isinstance(value, str):
            self._sheet.write_string(row, at, value, of_kind)
        else:
            self._sheet.write_number(row, at, value, of_kind)

    def _foot(self, row: int) -> None:
        step = max(1, (self._last + 1) // max(len(self._form.signed), 1))
        for at, each in enumerate(self._form.signed):
            self._sheet.write_string(row, min(at * step, self._last), each, self._line)
        for below, each in enumerate(self._form.foot, row + 2):
            places = sum(1 + (ord(character) > 0x2E80) for character in each)
            self._sheet.set_row(below, _NOTE_POINTS * (1 + places // _NOTE_WIDTH))
            self._sheet.merge_range(below, 0, below, self._last, each, self._plain)
