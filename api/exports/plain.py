"""A document as JSON."""

from datetime import date
from typing import Any

import orjson

from api.exports.document import Document, Table, Value, Withheld


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
