"""`taizhang reconcile SOURCE FILE --as-of DATE`."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from domain.events.lists import ListProfiled
from domain.fieldwork.list_elsewhere import Elsewhere
from domain.fieldwork.list_statements import read_declared as read_part
from domain.listing.list_places import Places
from domain.values.instants import parse_date
from services.commands.client import Client
from services.commands.console import OUT, AsJson, KnownAt, print_json
from services.commands.language import zh_en
from services.commands.sending import BYTES_MAX
from services.lists.elsewhere import read
from services.lists.plan import TURN_EVENTS_MAX, Ask, Plan
from services.lists.reconcile import Compared, Report, reconcile
from services.lists.scratch import Scratch
from services.system.settings import load

EXIT_REFUSED: Final = 4
EXIT_HELD: Final = 5
_TITLES: Final = {
    "registered": zh_en("新登记", "registered"),
    "changed": zh_en("变更", "changed"),
    "deregistered": zh_en("注销", "deregistered"),
    "unchanged": zh_en("无变化", "unchanged"),
    "kind_differs": zh_en("类型不符", "kind differs"),
}
_KINDS: Final = {
    "registered": zh_en("新登记", "registered"),
    "changed": zh_en("变更", "changed"),
    "deregistered": zh_en("注销", "deregistered"),
    "retracted": zh_en("撤回", "retracted"),
    "brought_back": zh_en("恢复", "brought back"),
    "stated": zh_en("清单", "stated"),
}
_ROWS_SHOWN: Final = 20
_UNREAD: Final = {
    "not_read": zh_en("未读取的列", "columns not read"),
    "set_aside": zh_en("按模板不读取的列", "columns set aside"),
    "personal": zh_en("含个人信息，未读取", "personal data, never read"),
}


def reconcile_list(  # noqa: PLR0917 - typer reads options from parameters
    source: Annotated[
        str, typer.Argument(help=zh_en("谁的名单，与其事件中的来源同名", "whose list it is, as its events name it"))
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help=zh_en(
                "名单文件：.csv（UTF-8、GB18030）、.xlsx、.xlsb 或 .ods",
                "the list: .csv (UTF-8, GB18030), .xlsx, .xlsb or .ods",
            ),
            exists=True,
            dir_okay=False,
        ),
    ],
    as_of: Annotated[
        str,
        typer.Option(
            help=zh_en(
                "截至日：名单说的是这一天终了时，YYYY-MM-DD", "the date whose end the list describes, YYYY-MM-DD"
            )
        ),
    ],
    publish_: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--publish", help=zh_en("把差异作为事件发布", "publish the differences as events"))
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "看过的方案的名称；发布的正是它", "the name of the plan that was looked at; exactly it is published"
            )
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                "名单只含区划代码如此开头的地区，可重复",
                "the list is of regions that begin so, and of no others; repeatable",
            )
        ),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(help=zh_en("分册：名单是共 M 册中的第 N 册，写作 N/M", "the list is page N/M, the N-th of M")),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            help=zh_en(
                "列模板：写明各列、常量等的 JSON 文件；--publish 时为该来源留存",
                "a JSON file of columns, constants …; kept for the source on --publish",
            ),
            exists=True,
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help=zh_en("服务地址；不填为 TAIZHANG_URL", "the service, if not TAIZHANG_URL"))
    ] = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Compare a registry's full list with its facts; with --publish, publish what makes both agree.

    The same list twice publishes nothing the second time. A list of an earlier date may come later, and a list may be
    put right by sending it again. Exit code 0: compared, or published. 4: rows cannot be read. 5: the plan needs
    --confirm, or is another than the one confirmed.

    名单核对：把登记机关的全量名单与其已报的事实相比；给出 --publish 则发布使两者一致的事件。

    同一名单第二次核对，什么也不发布。较早日期的名单可以后到，名单可以重发更正。退出码 0：已核对或已发布。4：
    有行无法读取。5：方案需要 --confirm，或与确认过的不同。

    Example: taizhang reconcile /registry/market-regulation list.xlsx --as-of 2025-03-31 --publish
    """
    try:
        date, part = parse_date(as_of), read_part(region or (), page or "")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with Client(load(url=url)) as client, tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        clocks = {"source": source, "as_of": as_of, "known_at": known_at}
        columns = _profile(client, source, as_of, profile, clocks)
        places = Places(client.get("/v1/lists/places", {"as_of": as_of, "known_at": known_at})["places"].items())
        beside = Compared(client.stream("/v1/lists/facts", clocks), _asking(client, clocks), part)
        report = reconcile(file, source, date, columns, beside, scratch, places)
        hindrance = report.hindrance(confirm)
        if not as_json:
            _show(report, hindrance)
        published = None
        if publish_ and hindrance is None and report.plan is not None:
            kept = [_profiled(source, columns)] if profile is not None and columns is not None else []
            published = _published(client, source, report.plan, kept, scratch)
    if as_json:
        shown = {**report.as_json(), "hindrance": hindrance, "published": published}
        print_json(json.loads(json.dumps(shown, default=str)))
    elif published is not None:
        OUT.print(
            zh_en(
                f"已发布：{'、'.join(f'{name} {count:,}' for name, count in published.items())}",
                f"published: {', '.join(f'{name} {count:,}' for name, count in published.items())}",
            )
        )
    if hindrance is not None:
        raise typer.Exit(EXIT_REFUSED if report.refused else EXIT_HELD)


def _asking(client: Client, clocks: dict[str, Any]) -> Ask:
    """Asks the service what other sources have of some organizations."""

    def ask(orgs: Sequence[str]) -> Elsewhere:
        found = client.post("/v1/lists/elsewhere", {"orgs": list(orgs)}, clocks)
        return read(found, clocks["source"])

    return ask


def _published(client: Client, source: str, plan: Plan, profile: list[bytes], scratch: Scratch) -> dict[str, int]:
    """Publish a plan, a turn's worth at a time, the profile before it; the differences by disposition.

    Raises:
        ServiceError: something came since, and this part and all after it were not published.
    """
    events = scratch.events()
    counts: Counter[str] = Counter(accepted=0, duplicate=0, quarantined=0)
    position = plan.position
    about = {"about": sorted(plan.about), "sources": sorted(plan.sources)}
    batch = profile or _turn(events)
    while batch:
        body = b'{"events":[%b],%b' % (b",".join(batch), orjson.dumps(about)[1:])
        answer = client.post_bytes("/v1/lists/turn", body, {"source": source, "decided_at": position})
        counts.update({} if batch is profile else answer["published"])
        position, batch = answer["position"], _turn(events)
    counts["accepted"] -= plan.publishes["stated"]
    return dict(counts)


def _turn(events: Iterator[bytes]) -> list[bytes]:
    """What one request takes."""
    batch: list[bytes] = []
    size = 0
    for event in events:
        batch.append(event)
        size += len(event)
        if len(batch) == TURN_EVENTS_MAX or size > BYTES_MAX:
            break
    return batch


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
    OUT.print(
        zh_en(
            f"名单 {report.file['name']}（{report.file['encoding']}），截至 {report.as_of}；行：{rows}",
            f"list {report.file['name']} ({report.file['encoding']}), as of {report.as_of}; rows: {rows}",
        )
    )
    _show_columns(shown)
    OUT.print(zh_en(f"来源 {report.source} 现有：{report.active:,}", f"active of {report.source}: {report.active:,}"))
    if report.refusals:
        table = Table(
            zh_en("行", "row"),
            zh_en("列", "column"),
            zh_en("值", "value"),
            zh_en("原因与办法", "rule and remedy"),
            title=zh_en(f"不可读 {report.refused}", f"refused {report.refused}"),
        )
        for refusal in report.refusals[:_ROWS_SHOWN]:
            where = f"{refusal.sheet}!{refusal.cell or refusal.row}" if refusal.sheet else str(refusal.row)
            table.add_row(where, refusal.column, refusal.value, refusal.message)
        OUT.print(table)
    else:
        table = Table(zh_en("差异", "difference"), zh_en("数", "organizations"), zh_en("例", "samples"))
        for name, title in _TITLES.items():
            samples = [f"{s['org']} {s['name']} {s['after'] or ''}" for s in report.samples.get(name, ())[:3]]
            table.add_row(f"{title} {name}", f"{report.differences[name]:,}", "\n".join(samples))
        OUT.print(table)
        _show_plan(report)
    if hindrance is not None:
        OUT.print(Text.assemble((zh_en("不能发布：", "Not to be published:"), "yellow"), f" {hindrance}"))


def _show_plan(report: Report) -> None:
    """What the plan would publish, who stays elsewhere, and whom the ledger lacks."""
    plan = report.plan
    if plan is None:
        return
    counts = ", ".join(f"{title} {name} {plan.publishes[name]:,}" for name, title in _KINDS.items())
    OUT.print(zh_en(f"方案 {plan.name}：{counts}", f"plan {plan.name}: {counts}"))
    if plan.elsewhere:
        OUT.print(
            zh_en(
                f"名单未列而他源仍有，不注销：{plan.elsewhere:,}",
                f"left out, but another source has them, so they stay: {plan.elsewhere:,}",
            )
        )
    if plan.lacking_count:
        OUT.print(
            zh_en(f"台账中不在册：{plan.lacking_count:,}", f"the ledger does not have active: {plan.lacking_count:,}")
        )
        for each in plan.lacking:
            OUT.print(f"  {each.org}: {each.remedy()}")


def _show_columns(shown: dict[str, Any]) -> None:
    """What is not read, by name, before anything that would be published."""
    for each in shown["sheets"]:
        if each["what"] not in ("read", "empty"):
            OUT.print(
                zh_en(
                    f"工作表未读取：{each['sheet']}（{each['what']}）",
                    f"sheet not read: {each['sheet']} ({each['what']})",
                ),
                markup=False,
            )
    for what, title in _UNREAD.items():
        names = [
            "!".join(filter(None, (each["sheet"], each["heading"] or each["column"])))
            for each in shown["columns"]
            if each["what"] == what
        ]
        if names:
            OUT.print(f"{title}: {', '.join(names)}", markup=False)
