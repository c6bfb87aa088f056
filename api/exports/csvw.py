"""A document as CSV with its metadata: a ZIP of one file for each table and `csv-metadata.json`.

The metadata is CSV on the Web (W3C Recommendation of 2015-12-17, Metadata Vocabulary for Tabular Data): the columns'
names, titles, datatypes and definitions, the clocks, the evidence and the notes. Files are RFC 4180 in UTF-8, with the
byte order mark that Excel asks for.
"""

import csv
import io
import zipfile
from datetime import date
from typing import IO, Any, Final, TextIO

import orjson

from api.exports.document import WITHHELD, Column, Document, Kind, Table, Value, Withheld, looks_like_formula
from api.site.texts import TAGS


def to_json(document: Document, file: IO[bytes]) -> None:
    """UTF-8, a line for each row; a withheld count is the text `*`, a ratio its four places as text."""
    head = {"title": document.title, "lang": document.lang, "sentence": document.sentence}
    file.write(orjson.dumps(head)[:-1] + b',"tables":{')
    for number, table in enumerate(document.tables):
        about = {"title": table.title, "columns": [column._asdict() for column in table.columns]}
        before = b"," if number else b""
        file.write(before + orjson.dumps(table.name) + b":" + orjson.dumps(about)[:-1] + b',"rows":[')
        names = [column.name for column in table.columns]
        for at, row in enumerate(table.rows):
            cells = dict(zip(names, map(plain, row), strict=True))
            file.write((b",\n" if at else b"\n") + orjson.dumps(cells))
        file.write(b'],"totals":%d}' % table.totals)
    rest = {"evidence": dict(document.evidence), "notes": list(document.notes)}
    file.write(b"}," + orjson.dumps(rest)[1:])


def plain(value: Value) -> str | int | float | None:
    """A value as JSON and CSV have it."""
    if isinstance(value, Withheld):
        return value.mark
    return value.isoformat() if isinstance(value, date) else value


METADATA: Final = "csv-metadata.json"
_DATATYPES: Final[dict[Kind, Any]] = {
    "text": "string", "count": "integer", "number": "decimal", "percent": "decimal",
    "points": "decimal", "date": "date",
}  # fmt: skip
# A ZIP's own date would make each export of one state another file.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def to_csv(document: Document, file: IO[bytes]) -> None:
    """A ZIP; the same document gives the same bytes."""
    with zipfile.ZipFile(file, "w") as archive:
        for table in document.tables:
            with (
                _member(archive, f"{table.name}.csv") as member,
                io.TextIOWrapper(member, "utf-8-sig", newline="") as text,
            ):
                _csv(table, text)
        with _member(archive, METADATA) as member:
            member.write(orjson.dumps(_metadata(document), option=orjson.OPT_INDENT_2))


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    about = zipfile.ZipInfo(name, _EPOCH)
    about.compress_type = zipfile.ZIP_DEFLATED
    return archive.open(about, "w")


def _csv(table: Table, text: TextIO) -> None:
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([_cell(column, value) for column, value in zip(table.columns, row, strict=True)])


def _cell(column: Column, value: Value) -> str | int | float:
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
