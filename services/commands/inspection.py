"""`taizhang changes`, `taizhang vintage` and `taizhang signals`: an inspector's questions, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.console import Group
from rich.table import Table

from domain.inspection.signals import SIGNALS
from domain.ledger.rates import RATES
from domain.values.periods import STEPS
from services.commands.console import (
    RATE_TITLES,
    AsJson,
    AsOf,
    GroupBy,
    KnownAt,
    Limit,
    Parameters,
    ask,
    filtered,
    rate_text,
    shanghai,
    show,
)
from services.commands.language import zh_en

# What a table shows of one organization's or hit's events; --json has them all.
_POSITIONS_SHOWN: Final = 8
#: As the pages name them, in both languages.
SIGNAL_TITLES: Final = {
    "backdated": ("截止日后补报", "Backdated"),
    "short_lived_branch": ("成立后短期内撤销", "Short-lived branch"),
    "never_met": ("成立后未报会议", "Never met"),
    "moved_in_and_out": ("截止日前后党员转入转出", "Moved in and out"),
    "branch_without_members": ("所覆盖单位无党员", "Branch without members"),
    "exclusion_spike": ("集中剔除", "Spike of exclusions"),
    "correction_spike": ("更正异常", "Spike of corrections"),
    "assigned_on_paper": ("选派后未报联系", "Assigned on paper"),
}


@filtered
def changes(  # noqa: PLR0917 - typer reads options from parameters
    since: Annotated[
        str,
        typer.Option(
            help=zh_en("起于哪个数据时点：位置或时刻", "the earlier state of knowledge: a position or an instant")
        ),
    ],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """What changed about a date between two states of knowledge: rates, who moved, by which events, how late.

    变动：两个数据时点之间，同一截至日的数字有何变化：率、哪些单位、由哪些事件引起、迟了多久。

    Example: taizhang changes --as-of 2024-12-31 --since 2025-01-05T09:00:00+08:00 --group-by region:6
    """
    parameters: Parameters = {
        "since": since, "as_of": as_of, "known_at": known_at, "group_by": group_by, "limit": limit,
        **filters,
    }  # fmt: skip
    show(ask("/v1/changes", parameters), _changes_tables, as_json=as_json)


def _changes_tables(answer: dict[str, Any]) -> Group:
    return Group(_sides_table(answer), _sources_table(answer), _moved_table(answer))


def _sides_table(answer: dict[str, Any]) -> Table:
    known = f"{answer['since']['position']} → {answer['known_at']['position']}"
    table = Table(
        title=zh_en(f"截至 {answer['as_of']}，数据时点 {known}", f"as of {answer['as_of']}, as known at {known}"),
        show_lines=True,
    )
    for title in answer["group_by"]:
        table.add_column(title, overflow="fold")
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right", overflow="fold")
    groups = answer["groups"] if answer["group_by"] else [{"key": {}, **answer["total"]}]
    for group in groups:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        table.add_row(*key, *(_sides(group, name) for name in RATES))
    return table


def _sides(group: dict[str, Any], name: str) -> str:
    before, after = (rate_text(side["rates"][name]) if side else "—" for side in (group["before"], group["after"]))
    points = group["difference"]["rates"][name]
    return f"{before}\n→ {after}\n{'—' if points is None else zh_en(f'{points} 个百分点', f'{points} points')}"


def _sources_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("来源", "source"),
        zh_en("事件", "events"),
        zh_en("组织", "organizations"),
        zh_en("迟报天数\nmin / median / max", "days late\nmin / median / max"),
        title=zh_en(
            f"共 {answer['organizations_moved']:,} 个单位有变", f"{answer['organizations_moved']:,} organizations moved"
        ),
    )
    for each in answer["sources"]:
        late = " / ".join("—" if days is None else str(days) for days in each["days_late"].values())
        table.add_row(each["source"], f"{each['events']:,}", f"{each['organizations']:,}", late)
    return table


def _moved_table(answer: dict[str, Any]) -> Table:
    table = Table(zh_en("组织", "organization"), zh_en("变动", "moved"), zh_en("事件", "events"), show_lines=True)
    for each in answer["organizations"]:
        moved = "\n".join(f"{name} {by:+d}" for name, by in each["moved"].items())
        events = [_event(answer["events"][str(p)]) for p in each["positions"][:_POSITIONS_SHOWN]]
        table.add_row(each["org"], moved, "\n".join(events + _more(each["positions"])))
    return table


def _event(event: dict[str, Any]) -> str:
    name = event["type"].removeprefix("taizhang.").removesuffix(".v1")
    late = (
        ""
        if event["days_late"] is None
        else zh_en(f"，迟 {event['days_late']} 天", f", {event['days_late']} days late")
    )
    return f"{event['position']} {name}, {event['source']}, {event['effective_on'] or '—'}{late}"


def _more(positions: list[int]) -> list[str]:
    hidden = len(positions) - _POSITIONS_SHOWN
    return [zh_en(f"… 另有 {hidden} 个（--json）", f"… and {hidden} more (--json)")] if hidden > 0 else []


@filtered
def vintage(  # noqa: PLR0917 - typer reads options from parameters
    first: Annotated[str, typer.Option("--from", help=zh_en("起始日期 YYYY-MM-DD", "the first date, YYYY-MM-DD"))],
    last: Annotated[str, typer.Option("--to", help=zh_en("终止日期 YYYY-MM-DD", "the last date, YYYY-MM-DD"))],
    rate: Annotated[
        str, typer.Option(help=zh_en(f"哪个率：{', '.join(RATES)}", f"which rate: {', '.join(RATES)}"))
    ] = "organization_coverage",
    step: Annotated[
        str, typer.Option(help=zh_en(f"间隔：{', '.join(STEPS)}", f"how far apart: {', '.join(STEPS)}"))
    ] = "month",
    known: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("横排的数据时点：位置或时刻，可重复", "positions or instants that go across; may repeat")
        ),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """A rate at period ends down, as known at period ends across: what was good at the deadline and fell later.

    版本表：竖排为各期末的率，横排为各期末所知：截止日时达标、后来又降的，一望可知。

    Example: taizhang vintage --from 2024-07-31 --to 2024-12-31 --rate organization_coverage --region 9901
    """
    parameters: Parameters = {
        "from": first, "to": last, "rate": rate, "step": step, "known": known,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates/vintage", parameters), lambda answer: _vintage_table(answer, rate), as_json=as_json)


def _vintage_table(answer: dict[str, Any], rate: str) -> Table:
    table = Table(
        title=zh_en(
            f"{RATE_TITLES[rate].replace(chr(10), ' ')}：竖排为截至日，横排为数据时点",
            f"{RATE_TITLES[rate].replace(chr(10), ' ')}: as of down, as known at across",
        ),
        show_lines=True,
    )
    table.add_column(zh_en("截至", "as of"), overflow="fold")
    for each in answer["known"]:
        day = shanghai(each["recorded_at"])[:10]
        table.add_column(f"{each['position']}\n{day}", justify="right", overflow="fold")
    for row in answer["rows"]:
        table.add_row(row["as_of"], *("" if cell is None else rate_text(cell) for cell in row["cells"]))
    return table


def signals(  # noqa: PLR0917 - as above
    signal: Annotated[
        list[str] | None,
        typer.Option(help=zh_en(f"预警，可重复：{', '.join(SIGNALS)}", f"a signal, may repeat: {', '.join(SIGNALS)}")),
    ] = None,
    deadline: Annotated[
        list[str] | None, typer.Option(help=zh_en("期限 YYYY-MM-DD，可重复", "a deadline, YYYY-MM-DD; may repeat"))
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 100,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Patterns that an inspector should look at, each with its events.

    预警：值得督查人员看一看的情形，各附事件。

    Example: taizhang signals --as-of 2025-03-31 --deadline 2024-12-31 --signal short_lived_branch
    """
    parameters: Parameters = {
        "signal": signal, "deadline": deadline, "as_of": as_of, "known_at": known_at, "limit": limit,
    }  # fmt: skip
    show(ask("/v1/signals", parameters), _signals_table, as_json=as_json)


def _signals_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("预警", "signal"),
        zh_en("期限", "deadline"),
        zh_en("对象", "subject"),
        zh_en("数字", "figures"),
        zh_en("事件", "events"),
        title=zh_en(
            f"截至 {answer['as_of']}，数据时点 {answer['known_at']['position']}",
            f"as of {answer['as_of']}, as known at {answer['known_at']['position']}",
        ),
        show_lines=True,
    )
    for hit in answer["hits"]:
        figures = "\n".join(f"{name}: {value}" for name, value in hit["detail"].items())
        events = [_event(answer["events"][str(p)]) for p in hit["positions"][:_POSITIONS_SHOWN]]
        title = f"{zh_en(*SIGNAL_TITLES[hit['signal']])}\n{hit['signal']}"
        table.add_row(
            title, hit["deadline"] or "—", hit["subject"], figures, "\n".join(events + _more(hit["positions"]))
        )
    return table
