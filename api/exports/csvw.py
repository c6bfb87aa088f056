"""A document as CSV with its metadata: a ZIP of one file for each table and `csv-metadata.json`.

The metadata is CSV on the Web (W3C Recommendation of 2015-12-17, Metadata Vocabulary for Tabular Data): the columns'
names, titles, datatypes and definitions, the clocks, the evidence and the notes. Files are RFC 4180 in UTF-8, with the
byte order mark that Excel asks for.
"""

import csv
import io
import zipfile
from datetime import date
from typing import Any, Final

import orjson

from api.exports.document import WITHHELD, Column, Document, Kind, Table, Value, Withheld, looks_like_formula
from api.site.texts import TAGS


def to_json(document: Document) -> bytes:
    """UTF-8, indented; a withheld count is the text `*`, a ratio its four places as text."""
    made = {
        "title": document.title,
        "lang": document.lang,
        "sentence": document.sentence,
        "tables": {table.name: _table(table) for table in document.tables},
        "evidence": dict(document.evidence),
        "notes": list(document.notes),
    }
    return orjson.dumps(made, option=orjson.OPT_INDENT_2)


def _table(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return {
        "title": table.title,
        "columns": [column._asdict() for column in table.columns],
        "rows": [dict(zip(names, map(plain, row), strict=True)) for row in table.rows],
        "totals": table.totals,
    }


def plain(value: Value) -> str | int | None:
    """A value as JSON and CSV have it."""
    if isinstance(value, Withheld):
        return value.mark
    return value.isoformat() if isinstance(value, date) else value


METADATA: Final = "csv-metadata.json"
_DATATYPES: Final[dict[Kind, Any]] = {
    "text": "string", "count": "integer", "percent": "decimal", "points": "decimal", "date": "date",
}  # fmt: skip
# A ZIP's own date would make each export of one state another file.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def to_csv(document: Document) -> bytes:
    """A ZIP; the same document gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in document.tables:
            archive.writestr(zipfile.ZipInfo(f"{table.name}.csv", _EPOCH), _csv(table))
        archive.writestr(
            zipfile.ZipInfo(METADATA, _EPOCH), orjson.dumps(_metadata(document), option=orjson.OPT_INDENT_2)
        )
    return packed.getvalue()


def _csv(table: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([_cell(column, value) for column, value in zip(table.columns, row, strict=True)])
    return text.getvalue().encode("utf-8-sig")


def _cell(column: Column, value: Value) -> str | int:
    shown = plain(value)
    if shown is None:
        return ""
    return f"'{shown}" if column.kind == "text" and looks_like_formula(str(shown)) else shown


def _metadata(document: Document) -> dict[str, Any]:
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": TAGS[document.lang]}],
        "dc:title": document.title,
        "dc:description": document.sentence,
        "notes": [{"evidence": dict(document.evidence)}, *({"note": note} for note in document.notes)],
        "tables": [
            {
                "url": f"{table.name}.csv",
                "dc:title": table.title,
                "dialect": {"header": True, "encoding": "utf-8"},
                "tableSchema": {"columns": [_column(column) for column in table.columns]},
            }
            for table in document.tables
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    made = {
        "name": column.name.replace(":", "_"), "titles": [column.name, column.title],
        "datatype": _DATATYPES[column.kind], "null": ["", WITHHELD.mark],
    }  # fmt: skip
    return {**made, "dc:description": column.definition} if column.definition else made
