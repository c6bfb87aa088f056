"""A document as an Excel workbook: a sheet for each table, one of evidence, one of notes."""

from collections.abc import Sequence
from datetime import date
from itertools import chain, islice
from typing import IO, Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from api.exports.csvw import plain
from api.exports.document import BARS_MAX, Chart, Column, Document, Kind, Table, Value, Withheld, looks_like_formula
from api.exports.form_sheet import draw_form
from api.site.texts import text
from services.system.errors import InvalidValueError

_FORMATS: Final[dict[Kind, dict[str, Any]]] = {
    "text": {"num_format": "@", "text_wrap": True, "valign": "top"},
    "number": {"num_format": "#,##0.####", "align": "right", "valign": "top"},
    "count": {"num_format": "#,##0", "align": "right", "valign": "top"},
    "percent": {"num_format": "0.00%", "align": "right", "valign": "top"},
    "points": {"num_format": "+0.00;-0.00;0.00", "valign": "top"},
    "date": {"num_format": "yyyy-mm-dd", "align": "center", "valign": "top"},
}
# Rows above the table: the title, the sentence with both clocks, and an empty one.
HEADING_ROW: Final = 3
_WIDTH_MIN, _WIDTH_MAX = 9, 44
_A4: Final = 9
_LINE_POINTS: Final = 15
_HEADING_POINTS: Final = 4  # below the heading's last line
# A table of more rows leaves no room for a chart on its page.
_PAGE_ROWS: Final = 15
_EVIDENCE_WIDTHS: Final = (28, 100)
_CHART_ROWS_MIN: Final = 20
# Options of the library: what is text stays text.
_LITERAL: Final = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
# Of rows that are read once, how many say how wide the columns are.
_MEASURED: Final = 500
# Microsoft, Excel specifications and limits: rows of a sheet less those above the table, characters of a cell.
_ROWS_MAX: Final = 1_048_576 - HEADING_ROW - 1
_TEXT_MAX: Final = 32_767


def to_xlsx(document: Document, file: IO[bytes]) -> None:
    """The workbook; it holds no formula, no link and no macro.

    Raises:
        InvalidValueError: more rows, or a longer text, than a workbook takes.
    """
    # Rows that are read once go through files beside; then a chart is drawn only when the workbook is opened.
    held = all(isinstance(table.rows, Sequence) for table in document.tables)
    options = {
        "in_memory": held,
        "constant_memory": not held,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as workbook:
        workbook.set_properties({"title": document.title, "comments": document.sentence})
        writer = _Writer(workbook, document)
        for number, table in enumerate(document.tables):
            if document.form is not None and number == 0:
                draw_form(workbook, table.title, document.form)
            else:
                writer.table(table, document.chart if number == 0 else None)
        writer.pairs(text(document.lang, "export.sheet.evidence"), document.evidence)
        writer.pairs(text(document.lang, "export.sheet.notes"), [(str(n), t) for n, t in enumerate(document.notes, 1)])


class _Writer:
    """Writes one workbook's sheets."""

    def __init__(self, workbook: Workbook, document: Document) -> None:
        self._workbook, self._document = workbook, document
        self._title = workbook.add_format({"bold": True, "font_size": 14})
        self._sentence = workbook.add_format({"font_color": "#444444"})
        self._heading = workbook.add_format(
            {"bold": True, "bottom": 1, "bg_color": "#F2EFEA", "text_wrap": True, "valign": "top"}
        )
        self._formats: dict[tuple[Kind, bool, bool], Format] = {}

    def _format(self, kind: Kind, *, total: bool = False, quoted: bool = False) -> Format:
        """The cells of a kind; a total is bold under a line, a quoted text stays text when somebody edits it."""
        found = self._formats.get((kind, total, quoted))
        if found is None:
            more = {"bold": True, "top": 1} if total else {}
            found = self._workbook.add_format({**_FORMATS[kind], **more, "quote_prefix": quoted})
            self._formats[kind, total, quoted] = found
        return found

    def _sheet(self, name: str) -> Worksheet:
        """A sheet for A4 across, one page wide, with its title above and both clocks below every page."""
        sheet = self._workbook.add_worksheet(name)
        sheet.write_string(0, 0, self._document.title, self._title)
        sheet.write_string(1, 0, self._document.sentence, self._sentence)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEADING_ROW)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        # An ampersand begins a code of headers and footers.
        sheet.set_footer(f"&L{self._document.sentence.replace('&', '&&')}&R&P / &N")
        return sheet

    def table(self, table: Table, chart: Chart | None) -> None:
        """One table, frozen below its headings and beside its first column; the chart stands below it."""
        sheet = self._sheet(table.title)
        rows = iter(table.rows)
        first = table.listed or list(islice(rows, _MEASURED))
        rows = iter(first) if table.listed else chain(first, rows)
        widths = [_width(table, number, first) for number in range(len(table.columns))]
        for number, column in enumerate(table.columns):
            sheet.write_string(HEADING_ROW, number, column.title, self._heading)
            sheet.set_column(number, number, widths[number])
        lines = max(_lines(column.title, width) for column, width in zip(table.columns, widths, strict=True))
        sheet.set_row(HEADING_ROW, lines * _LINE_POINTS + _HEADING_POINTS)
        first_total, count = table.first_total, 0
        for row, values in enumerate(rows):
            count += 1
            if count > _ROWS_MAX:
                raise InvalidValueError(f"a sheet has at most {_ROWS_MAX:,} rows; take format=csv, or a filter")
            total = first_total is not None and row >= first_total
            for number, (column, value) in enumerate(zip(table.columns, values, strict=True)):
                self._write(sheet, HEADING_ROW + 1 + row, number, column, value, total=total)
        sheet.freeze_panes(HEADING_ROW + 1, 1)
        last = HEADING_ROW + max(count, 1)
        sheet.autofilter(HEADING_ROW, 0, max(last - table.totals, HEADING_ROW + 1), len(table.columns) - 1)
        if chart is not None and count > table.totals:
            self._chart(sheet, table, chart, last + 2, count - table.totals)

    def _write(self, sheet: Worksheet, row: int, at: int, column: Column, value: Value, *, total: bool) -> None:
        if value is None:
            sheet.write_blank(row, at, None, self._format(column.kind, total=total))
        elif isinstance(value, Withheld):
            sheet.write_string(row, at, value.mark, self._format(column.kind, total=total))
        elif isinstance(value, date):
            sheet.write_datetime(row, at, value, self._format(column.kind, total=total))
        elif column.kind in ("percent", "points"):
            sheet.write_number(row, at, float(value), self._format(column.kind, total=total))
        elif isinstance(value, int | float):
            sheet.write_number(row, at, value, self._format(column.kind, total=total))
        else:
            if len(value) > _TEXT_MAX:
                raise InvalidValueError(
                    f"a cell has at most {_TEXT_MAX:,} characters, {column.name} has more; take format=csv"
                )
            sheet.write_string(row, at, value, self._format("text", total=total, quoted=looks_like_formula(value)))

    def _chart(self, sheet: Worksheet, table: Table, chart: Chart, below: int, rows: int) -> None:
        drawn: Any = self._workbook.add_chart({"type": "bar"})
        rows = min(rows, BARS_MAX)
        first, last = HEADING_ROW + 1, HEADING_ROW + rows
        for at in chart.series:
            named = [table.title, first, chart.label, last, chart.label]
            values = [table.title, first, at, last, at]
            drawn.add_series({"name": [table.title, HEADING_ROW, at], "categories": named, "values": values})
        drawn.set_title({"name": chart.title, "name_font": {"size": 11}})
        drawn.set_x_axis({"num_format": "0%", "min": 0, "max": 1})
        drawn.set_y_axis({"reverse": True})
        drawn.set_legend({"position": "bottom"})
        drawn.set_size({"width": 900, "height": max(_CHART_ROWS_MIN, rows + 8) * 20})
        if rows > _PAGE_ROWS:
            sheet.set_h_pagebreaks([below])
        sheet.insert_chart(below, 0, drawn, {"description": chart.title})

    def pairs(self, name: str, pairs: Sequence[tuple[str, str]]) -> None:
        """A sheet of two columns of text."""
        sheet = self._sheet(name)
        for number, width in enumerate(_EVIDENCE_WIDTHS):
            sheet.set_column(number, number, width)
        for row, pair in enumerate(pairs):
            for number, value in enumerate(pair):
                cell = self._format("text", quoted=looks_like_formula(value))
                sheet.write_string(HEADING_ROW + row, number, value, cell)


def _places(shown: str) -> int:
    """Places that a line takes; Chinese characters take two."""
    return sum(1 + (ord(c) > 0x2E80) for c in shown)


def _width(table: Table, number: int, rows: Sequence[Sequence[Value]]) -> int:
    """Enough for the column's texts in these rows, within limits."""
    values = (plain(row[number]) for row in rows)
    longest = max((_places(str(value)) for value in values if value is not None), default=0)
    # A heading's words do not break, unless they are Chinese.
    words = (word for word in table.columns[number].title.split() if word.isascii())
    longest = max([longest, *map(len, words)])
    return min(_WIDTH_MAX, max(_WIDTH_MIN, longest + 2))


def _lines(title: str, width: int) -> int:
    """Lines that a heading takes in a column of a width, with room for words that do not break."""
    return sum(-(-(_places(line) + 2) // width) for line in title.split("\n"))
