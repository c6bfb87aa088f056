"""Full lists for tests: a small stock, written as registries write it."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from domain.events.facts import Event
from domain.events.lists import ListProfiled
from domain.fieldwork.list_elsewhere import DEREGISTERED, Elsewhere
from domain.fieldwork.list_statements import STATED, WHOLE, Part
from domain.fieldwork.lists import NOWHERE, Listed
from domain.listing.list_places import Places
from services.demo_city.chance import credit_code
from services.lists.elsewhere import read
from services.lists.facts import plain
from services.lists.reconcile import Compared, Report, reconcile
from services.lists.scratch import Scratch
from tests.histories import as_events

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


def compared(  # noqa: PLR0917 - as `reconcile` takes
    folder: Path,
    content: bytes,
    as_of: str,
    events: list[Event],
    profile: ListProfiled | None = None,
    places: Places = NOWHERE,
) -> tuple[Report, list[dict[str, Any]], list[Listed]]:
    """A list beside the events of its source: the report, the differences that it would publish, its rows as read."""
    report, published, read = planned(folder, content, as_of, events, profile=profile, places=places)
    return report, [event for event in published if event["type"] != STATED], read


def planned(  # noqa: PLR0917 - one question
    folder: Path,
    content: bytes,
    as_of: str,
    events: list[Event],
    part: Part = WHOLE,
    profile: ListProfiled | None = None,
    source: str = SOURCE,
    places: Places = NOWHERE,
) -> tuple[Report, list[dict[str, Any]], list[Listed]]:
    """As `compared`, all that it would publish, beside the events of other sources too."""
    path = folder / "list"
    path.write_bytes(content)
    (folder / "scratch.sqlite").unlink(missing_ok=True)

    def ask(orgs: Sequence[str]) -> Elsewhere:
        asked = [e for e in events if not e.is_fact or e.data.get("org") in orgs]
        acts = [e for e in events if e.is_fact and e.type == STATED and e.source != source]
        return read({"events": [plain(e) for e in asked], "lists": [plain(e) for e in acts]}, source)

    with Scratch(folder) as scratch:
        beside = Compared(lines_of(events, source), ask, part)
        report = reconcile(path, source, date.fromisoformat(as_of), profile, beside, scratch, places)
        if report.refused:
            scratch.attach_list()
        rows = [listed for _, listed in scratch.rows()]
        return report, [json.loads(raw) for raw in scratch.events()], rows


def lines_of(events: list[Event], source: str = SOURCE) -> Iterator[bytes]:
    """What the service tells of a source, from events as the log would hold them."""
    said = [e for e in events if e.is_fact and e.source == source]
    keys = {e.key for e in said}
    yield _line({"head": max((e.position for e in events), default=0)})
    for word in events:
        if not word.is_fact and word.target in keys:
            yield _line({"word": plain(word)})
    for act in said:
        if act.type == STATED:
            yield _line({"list": plain(act)})
    yield _line({"ended": [e.data["org"] for e in events if e.type == DEREGISTERED and e.source != source]})
    for event in said:
        if event.type.startswith("taizhang.organization."):
            named = {"source": event.source, "id": event.id, "type": event.type, "data": dict(event.data)}
            yield _line({"position": event.position, "event": {**named, "time": _instant(event)}})


def _instant(event: Event) -> str:
    return f"{datetime.fromtimestamp(event.time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{event.time_ns % 10**9:09}Z"


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, default=str).encode() + b"\n"


def taken(events: list[dict[str, Any]]) -> list[Event]:
    """Events as the log would hold them."""
    return as_events(events)


def profiled(**given: Any) -> ListProfiled:  # noqa: ANN401 - any JSON
    """A profile of these tests' source."""
    return ListProfiled.model_validate({"effective_on": "2024-01-01", "list": SOURCE, **given})


def table(*rows: str, encoding: str = "utf-8") -> bytes:
    """Lines of CSV."""
    return "".join(f"{row}\r\n" for row in rows).encode(encoding)


CODES = [row[0] for row in stock(6)]
# By number of the organization: name, region, head count.
Rows = Mapping[int, tuple[str, str, str]]


def content(rows: Rows) -> bytes:
    """A list as its registry sends it; without head counts where no row has one."""
    counted = any(count for _, _, count in rows.values()) or not rows
    headings = [HEADINGS[n] for n in ((0, 1, 2, 3, 5) if counted else (0, 1, 2, 3))]
    lines = [
        ",".join([CODES[n], name, "私营企业", region, *([count] if counted else [])])
        for n, (name, region, count) in rows.items()
    ]
    return "\n".join([",".join(headings), *lines]).encode()


def own(number: int, day: str, what: str, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - an event's data
    """An event that the registry tells by itself."""
    org = f"uscc:{CODES[number]}"
    return {
        "specversion": "1.0", "id": f"own-{number}-{day}-{what}", "source": SOURCE, "time": f"{day}T09:00:00+08:00",
        "type": f"taizhang.organization.{what}.v1", "data": {"effective_on": day, "org": org, **data},
    }  # fmt: skip


REGISTERED: dict[str, Any] = {
    "kind": "new_economic", "category": "private_enterprise", "name": "丙", "region": "880107",
    "supervisor": "市工商联",
}  # fmt: skip
