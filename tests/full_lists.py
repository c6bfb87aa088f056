"""Full lists for tests: a small stock, written as registries write it."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from domain.events.facts import Event, Fact, standing_facts
from domain.events.lists import ListProfiled
from domain.fieldwork.lists import Listed
from services.demo_city.chance import credit_code
from services.lists.reconcile import Report, reconcile
from services.lists.scratch import Scratch
from tests.histories import as_events, fits

SOURCE = "/registry/lists"
HEADINGS = ["统一社会信用代码", "企业名称", "企业类型", "行政区划代码", "行业代码", "从业人数", "住所"]
FIELDS = ["org", "name", "category", "region", "industry", "employees", "address"]
Stock = list[list[Any]]


def stock(count: int) -> Stock:
    """Rows of private enterprises, all fields given, as text."""
    return [
        [credit_code("private_enterprise", "880107", n).removeprefix("uscc:"), f"瑞达{n}商贸有限公司", "私营企业",
         f"88010700{1 + n % 6}", f"F51{n % 7 + 1}", str(n % 90), f"高朗区景川路{n}号"]
        for n in range(1, count + 1)
    ]  # fmt: skip


def as_csv(rows: Stock, encoding: str = "utf-8", **options: Any) -> bytes:  # noqa: ANN401 - csv.writer's
    """The rows below their headings as CSV."""
    out = io.StringIO()
    csv.writer(out, **options).writerows([HEADINGS, *rows])
    return out.getvalue().encode(encoding)


def as_xlsx(rows: Stock, headings: list[Any] | None = None) -> Workbook:
    """The rows below their headings as a workbook."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(headings or HEADINGS)
    for row in rows:
        sheet.append(row)
    return book


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def compared(
    folder: Path, content: bytes, as_of: str, events: list[Event], profile: ListProfiled | None = None
) -> tuple[Report, list[dict[str, Any]], list[Listed]]:
    """A list beside the events of its source: the report, the events that it would publish, and its rows as read."""
    path = folder / "list"
    path.write_bytes(content)
    (folder / "scratch.sqlite").unlink(missing_ok=True)
    day = date.fromisoformat(as_of)
    with Scratch(folder) as scratch:
        report = reconcile(path, SOURCE, day, profile, _facts(events, day), scratch)
        if report.refused:
            scratch.attach_list()
        read = [listed for _, listed in scratch._listed()]
        return report, [json.loads(raw) for raw in scratch.events()], read


def _facts(events: list[Event], day: date) -> list[Fact]:
    facts = [f for f in standing_facts(events, fits)[0] if f.type.startswith("taizhang.organization.")]
    return [f for f in facts if f.source == SOURCE and f.effective_on <= day]


def taken(events: list[dict[str, Any]]) -> list[Event]:
    """Events as the log would hold them."""
    return as_events(events)
