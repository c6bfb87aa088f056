"""Documents fetched from a service and opened."""

import io
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from tests.folding import World

AS_OF = "2024-12-31"
PATH = "/v1/rates/export"
HEADING = 4  # in Excel's count from 1


def grouped(world: World) -> dict[str, Any]:
    """What is asked, as known at the last of the world's events: what the service appends by itself comes later."""
    return {"as_of": AS_OF, "known_at": world.head, "group_by": ["kind", "region:6"]}


def fetch(world: World, path: str = PATH, **asked: Any) -> bytes:  # noqa: ANN401 - query parameters
    answer = world.service.http.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return answer.content


def workbook(world: World, path: str = PATH, **asked: Any) -> openpyxl.Workbook:  # noqa: ANN401 - as above
    return openpyxl.load_workbook(io.BytesIO(fetch(world, path, format="xlsx", **asked)))


def records(sheet: Worksheet) -> list[dict[str, Any]]:
    """The rows below the headings by heading."""
    headings, *rows = sheet.iter_rows(min_row=HEADING, values_only=True)
    return [dict(zip(map(str, headings), row, strict=True)) for row in rows]
