"""A document as a file that is sent: written whole to a file beside, so that it is sent whole or refused in words."""

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Literal
from urllib.parse import quote

from starlette.responses import StreamingResponse

from api.exports.csvw import to_csv, to_json
from api.exports.document import Document
from api.exports.html import to_html
from api.exports.xlsx import to_xlsx

Format = Literal["xlsx", "csv", "json", "html"]
# The ending of a file of each format, and its media type.
ENDINGS: Final[dict[str, tuple[str, str]]] = {
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": ("zip", "application/zip"),
    "json": ("json", "application/json"),
    "html": ("html", "text/html; charset=utf-8"),
}
_PIECE_BYTES: Final = 1 << 16
# What is smaller stays in memory.
_HELD_BYTES: Final = 4 << 20


def media_type(form: str) -> str:
    """The media type of a format's files, without its parameters, as the OpenAPI document names it."""
    return ENDINGS[form][1].partition(";")[0]


def as_file(document: Document, form: Format, draw: Callable[[dict[str, Any]], str]) -> StreamingResponse:
    """The document in a format; `draw` makes the SVG of its chart."""
    file = tempfile.SpooledTemporaryFile(_HELD_BYTES)  # noqa: SIM115 - open until it is sent
    try:
        match form:
            case "xlsx":
                to_xlsx(document, file)
            case "csv":
                to_csv(document, file)
            case "json":
                to_json(document, file)
            case "html":
                to_html(document, draw, file)
        length = file.seek(0, os.SEEK_END)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    ending, kind = ENDINGS[form]
    name = quote(f"{document.name}.{ending}")
    # As a file: the pages' content security policy leaves a document that is shown in place without its style.
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(length)}
    return StreamingResponse(_pieces(file), headers=headers, media_type=kind)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
