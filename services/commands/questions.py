"""The point-in-time questions from a shell, and what is behind a figure."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from domain.ledger.rates import RATES, Counts
from services.commands.archive import LogKeys, Logs, archived_rates
from services.commands.client import Client
from services.commands.console import (
    ERR,
    OUT,
    RATE_TITLES,
    AsJson,
    AsOf,
    GroupBy,
    KnownAt,
    Parameters,
    ask,
    filtered,
    known_moment,
    print_json,
    rate_text,
    shanghai,
    show,
)
from services.commands.language import zh_en
from services.system.errors import InvalidValueError
from services.system.settings import load

_ROW_FIELDS: Final = (
    "formation", "organization_covered", "work_covered", "excluded", "eligible", "measure",
    "full_members", "probationary_members", "activists", "effectively_covered",
)  # fmt: skip


@filtered
def rates(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help=zh_en(
                "taizhang archive 写出的文件夹，不经服务",
                "instead of a service: the folder that taizhang archive wrote",
            )
        ),
    ] = None,
    logs: Logs = None,
    log_key: LogKeys = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """Coverage rates at any date, as known at any moment.

    任一截至日、任一数据时点的覆盖率。

    Example: taizhang rates --as-of 2024-12-31 --known-at 2025-01-05T09:00:00+08:00 --group-by kind --region 9901
    """
    if archive is not None:
        archived_rates(archive, log_key, logs, (as_of, known_at, group_by), filters, as_json=as_json)
        return
    if logs or log_key:
        raise InvalidValueError("--log and --log-key are for --archive; a service has one log, and its key")
    parameters: Parameters = {
        "as_of": as_of, "known_at": known_at, "group_by": group_by,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates", parameters), rates_table, as_json=as_json)


def rates_table(answer: dict[str, Any]) -> Table:
    """Rates as people read them."""
    several = answer.get("logs", ())
    moments = [f"{each['log']} {known_moment(each['known_at'])}" for each in several]
    moment = "\n".join(moments) if several else known_moment(answer["known_at"])
    table = Table(
        title=zh_en(f"截至 {answer['as_of']}，数据时点 {moment}", f"as of {answer['as_of']}, as known at {moment}"),
        show_lines=True,
        show_footer=bool(answer["group_by"]),
    )
    total = answer["total"]
    for number, dimension in enumerate(answer["group_by"]):
        table.add_column(dimension, footer=zh_en("合计", "total") if number == 0 else "", overflow="fold")
    # Folded, never cut: half a figure is a wrong figure.
    for name, title in (("registered", zh_en("在册", "registered")), ("excluded", zh_en("剔除", "excluded"))):
        table.add_column(title, justify="right", overflow="fold", footer=f"{total['counts'][name]:,}")
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right", overflow="fold", footer=rate_text(total["rates"][name]))
    for group in answer["groups"] or [{"key": {}, **total}]:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        counts = group["counts"]
        cells = [f"{counts['registered']:,}", f"{counts['excluded']:,}"]
        table.add_row(*key, *cells, *(rate_text(group["rates"][name]) for name in RATES))
    return table


def history(
    org: Annotated[
        str, typer.Argument(help=zh_en("单位，写作 uscc:… 或 group:…", "an organization, uscc:… or group:…"))
    ],
    as_of: AsOf = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Every event that touched an organization, and what each changed in its row.

    一企一档的变更记录：涉及某单位的每个事件，各改变了什么。

    Example: taizhang history uscc:9151010452601815XG
    """
    with Client(load()) as client:
        path = f"/v1/organizations/{org}/history"
        answer = client.get(path, {"as_of": as_of})
        events = list(answer["events"])
        page = answer
        while page.get("next"):
            page = client.get(path, {"as_of": answer["as_of"], "cursor": page["next"]})
            events += page["events"]
    if as_json:
        print_json({**answer, "events": events, "next": None})
        return
    table = Table(
        zh_en("位置", "position"),
        zh_en("记录", "recorded"),
        zh_en("生效", "effective"),
        zh_en("类型", "type"),
        zh_en("来源", "source"),
        zh_en("变化", "change"),
        title=zh_en(f"{org}，截至 {answer['as_of']}", f"{org}, as of {answer['as_of']}"),
    )
    for event in events:
        name = event["type"].removeprefix("taizhang.").removesuffix(".v1")
        change = "\n".join(_changes(event["before"], event["after"]))
        table.add_row(
            str(event["position"]), shanghai(event["recorded_at"]), event.get("effective_on") or "—",
            name, event["source"], change,
        )  # fmt: skip
    OUT.print(table)


def _changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    if before is None and after is None:
        return []
    if after is None:
        return [zh_en("移出台账", "leaves the ledger")]
    changes = [] if before else [zh_en("入台账", "enters the ledger")]
    was = _flat(before) if before else {}
    for name, value in _flat(after).items():
        if was.get(name) != value and (before or value not in (None, 0, False)):
            changes.append(f"{name}: {_shown(was.get(name))} → {_shown(value)}" if before else f"{name}: {value}")
    return changes


def _shown(value: object) -> str:
    return "—" if value is None else str(value)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["attributes"], **{name: row[name] for name in _ROW_FIELDS}}


PAGE_MAX: Final = 200


@filtered
def explain(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    count: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                f"只列计入此数的：{', '.join(Counts._fields)}",
                f"only those that add to this count: {', '.join(Counts._fields)}",
            )
        ),
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                f"只列此率分母中未计入分子的：{', '.join(RATES)}",
                f"only those that this rate is over and not in: {', '.join(RATES)}",
            )
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("某一组，如 region:6=990101，可重复", "a group's key by region, may repeat: region:6=990101")
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help=zh_en("最多列出多少家", "how many organizations at most"))] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """The organizations behind a number, each with the positions of the events that decide it.

    溯源：一个数字背后的单位，各附决定它的事件的位置。

    Example: taizhang explain --as-of 2024-12-31 --kind new_economic --key region:6=990101 --count organization_covered
    """
    parameters: Parameters = {
        "as_of": as_of, "known_at": known_at, "count": count, "missing": missing, **_keys(key or []),
        **filters,
    }  # fmt: skip
    with Client(load()) as client:
        answer = client.get("/v1/rates/explain", {**parameters, "limit": min(limit, PAGE_MAX)})
        listed = list(answer["organizations"])
        while answer["next"] and len(listed) < limit:
            wanted = min(limit - len(listed), PAGE_MAX)
            answer = client.get("/v1/rates/explain", {**parameters, "limit": wanted, "cursor": answer["next"]})
            listed += answer["organizations"]
    answer["organizations"] = listed
    show(answer, _table, as_json=as_json)
    if answer["next"] and not as_json:
        ERR.print(
            zh_en(
                f"还有更多，此处只列 {len(listed):,} 家；可加大 --limit。",
                f"There are more than these {len(listed):,}; ask with a larger --limit.",
            )
        )


def _keys(given: list[str]) -> dict[str, str]:
    keys = dict(each.partition("=")[::2] for each in given)
    for name in keys:
        if not name.startswith("region:"):
            raise InvalidValueError(
                f"--key {name}: a key is region:N=CODE, N one of 2, 4, 6, 9, 12; the other dimensions have options "
                "of their own, as --kind"
            )
    return keys


def _table(answer: dict[str, Any]) -> Table:
    moment = known_moment(answer["known_at"])
    table = Table(
        title=zh_en(f"截至 {answer['as_of']}，数据时点 {moment}", f"as of {answer['as_of']}, as known at {moment}"),
        show_lines=True,
    )
    for title in (zh_en("组织", "organization"), zh_en("计入", "counts"), zh_en("依据", "decided by, positions")):
        table.add_column(title, overflow="fold")
    for each in answer["organizations"]:
        row, counts = each["row"], each["counts"]
        attributes = row["attributes"]
        names = [answer["count"]] if answer["count"] else [name for name, value in counts.items() if value]
        table.add_row(
            f"{attributes['name']}\n{row['org']}\n{attributes['region']}",
            "\n".join(f"{name} {_told(row, counts, name)}" for name in names),
            "\n".join(_decided(row, each["decided_by"])),
        )
    return table


def _decided(row: dict[str, Any], decided_by: dict[str, Any]) -> list[str]:
    """Each value with its positions; the attributes in one line."""
    positions = {p for each in decided_by["attributes"].values() for p in each}
    lines = [f"attributes: {_listed(sorted(positions))}"]
    for name, found in decided_by.items():
        if name != "attributes" and found:
            lines.append(f"{name} = {_told(row, row, name)}: {_listed(found)}")
    return lines


def _told(row: dict[str, Any], of: dict[str, Any], name: str) -> str:
    """A value; of a small unit's members the band."""
    bands = row["bands"] or {}
    if name in bands:
        return {"band_none": zh_en("无", "none"), "band_few": "1–2", "band_three": "≥ 3"}[bands[name]]
    return f"{of[name]:,}" if isinstance(of[name], int) and not isinstance(of[name], bool) else str(of[name])


def _listed(positions: list[int]) -> str:
    return ", ".join(map(str, positions))
