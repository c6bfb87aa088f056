"""`taizhang reconcile SOURCE FILE --as-of DATE`."""

import hashlib
import json
import tempfile
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from rich.table import Table

from domain.events.lists import ListProfiled
from domain.values.instants import parse_date
from services.commands.client import Client
from services.commands.console import OUT, AsJson, KnownAt, print_json
from services.commands.publish import show
from services.commands.sending import publish
from services.lists.facts import standing
from services.lists.reconcile import Report, reconcile
from services.lists.scratch import Scratch
from services.system.settings import load

EXIT_REFUSED: Final = 4
EXIT_HELD: Final = 5
_TITLES: Final = {
    "registered": "新登记", "changed": "变更", "deregistered": "注销", "unchanged": "无变化",
    "kind_differs": "类型不符",
}  # fmt: skip
_EVENTS_SHOWN: Final = 20


def reconcile_list(  # noqa: PLR0917 - typer reads options from parameters
    source: Annotated[str, typer.Argument(help="来源 whose list it is, as its events name it")],
    file: Annotated[
        Path, typer.Argument(help="清单 the list: .csv (UTF-8, GB18030) or .xlsx", exists=True, dir_okay=False)
    ],
    as_of: Annotated[str, typer.Option(help="截至日 the date whose end the list describes, YYYY-MM-DD")],
    publish_: Annotated[bool, typer.Option("--publish", help="发布 publish the differences as events")] = False,  # noqa: FBT002 - an option
    confirm: Annotated[
        int | None, typer.Option(min=0, help="确认注销数 the number of deregistrations, if it is over the limit")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="列模板 a JSON file of columns, constants …; kept for the source on --publish", exists=True),
    ] = None,
    url: Annotated[str | None, typer.Option(help="服务地址 the service, if not TAIZHANG_URL")] = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """清单核对 Compare a registry's full list with its facts; with --publish, publish the differences.

    The same list twice publishes nothing the second time. Exit code 0: compared, or published. 4: rows cannot be read.
    5: the deregistrations need --confirm.

    Example: taizhang reconcile /registry/market-regulation list.xlsx --as-of 2025-03-31 --publish
    """
    try:
        date = parse_date(as_of)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {as_of!r}: {error}") from None
    with Client(load(url=url)) as client, tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        clocks = {"source": source, "as_of": as_of, "known_at": known_at}
        columns = _profile(client, source, as_of, profile, clocks)
        facts = standing(client.stream("/v1/lists/facts", clocks), date)
        report = reconcile(file, source, date, columns, facts, scratch)
        hindrance = report.hindrance(confirm)
        if not as_json:
            _show(report, hindrance)
        outcome = None
        if publish_ and hindrance is None:
            kept = [_profiled(source, columns)] if profile is not None and columns is not None else []
            outcome = publish(client, chain(kept, scratch.events()), lambda *_: None)
    if as_json:
        counts = None if outcome is None else dict(outcome.dispositions)
        shown = {**report.as_json(), "hindrance": hindrance, "published": counts}
        print_json(json.loads(json.dumps(shown, default=str)))
    elif outcome is not None:
        show(outcome, _EVENTS_SHOWN)
    if hindrance is not None:
        raise typer.Exit(EXIT_REFUSED if report.refused else EXIT_HELD)


def _profile(client: Client, source: str, as_of: str, file: Path | None, clocks: dict[str, Any]) -> ListProfiled | None:
    """The profile of the file given, or the one kept for the source."""
    if file is None:
        kept = client.get("/v1/lists/profile", clocks)["profile"]
        return ListProfiled.model_validate(kept) if kept else None
    try:
        given = json.loads(file.read_text("utf-8"))
        return ListProfiled.model_validate({"effective_on": as_of, "list": source, **given})
    except (ValueError, TypeError, ValidationError) as error:
        raise typer.BadParameter(f"--profile {file}: {error}") from None


def _profiled(source: str, profile: ListProfiled) -> bytes:
    """The event that keeps a profile; the same profile of the same date gives the same event."""
    data = profile.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    event = {
        "specversion": "1.0", "id": f"profile-{digest[:32]}", "source": source, "subject": source,
        "type": "taizhang.list.profiled.v1", "time": f"{data['effective_on']}T00:00:00+08:00", "data": data,
    }  # fmt: skip
    return json.dumps(event, ensure_ascii=False).encode()


def _show(report: Report, hindrance: str | None) -> None:
    shown = report.as_json()
    rows = ", ".join(f"{name} {count:,}" for name, count in shown["rows"].items())
    OUT.print(f"清单 {report.file['name']} ({report.file['encoding']}), 截至 as of {report.as_of}; 行 rows: {rows}")
    OUT.print(f"来源现有 active of {report.source}: {report.active:,}")
    if report.refusals:
        table = Table(
            "行 row", "列 column", "值 value", "原因与办法 rule and remedy", title=f"不可读 refused {report.refused}"
        )
        for refusal in report.refusals[:_EVENTS_SHOWN]:
            table.add_row(str(refusal.row), refusal.column, refusal.value, refusal.message)
        OUT.print(table)
    else:
        table = Table("差异 difference", "数 organizations", "例 samples")
        for name, title in _TITLES.items():
            samples = [f"{s['org']} {s['name']} {s['after'] or ''}" for s in report.samples.get(name, ())[:3]]
            table.add_row(f"{title} {name}", f"{report.differences[name]:,}", "\n".join(samples))
        OUT.print(table)
    if hindrance is not None:
        OUT.print(f"[yellow]不能发布 Not to be published:[/yellow] {hindrance}")
