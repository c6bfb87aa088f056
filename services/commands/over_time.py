"""`taizhang series` and `taizhang compare`: rates at many dates, and at two pairs of clocks."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from domain.ledger.rates import RATES
from domain.values.periods import STEPS
from services.commands.console import (
    RATE_TITLES,
    AsJson,
    AsOf,
    GroupBy,
    KnownAt,
    Parameters,
    ask,
    filtered,
    known_moment,
    rate_text,
    show,
)
from services.commands.language import zh_en

# How a point's rates moved, as `/v1/rates/series` names it.
_MOVED: Final = ("month_on_month", "year_on_year")


@filtered
def series(  # noqa: PLR0917 - typer reads options from parameters
    first: Annotated[str, typer.Option("--from", help=zh_en("起始日期 YYYY-MM-DD", "the first date, YYYY-MM-DD"))],
    last: Annotated[str, typer.Option("--to", help=zh_en("终止日期 YYYY-MM-DD", "the last date, YYYY-MM-DD"))],
    step: Annotated[
        str, typer.Option(help=zh_en(f"间隔：{', '.join(STEPS)}", f"how far apart: {', '.join(STEPS)}"))
    ] = "month",
    known_at: KnownAt = None,
    known: Annotated[
        str,
        typer.Option(
            help=zh_en(
                "now：按 --known-at 的数据时点；then：各点按当天终了时所知",
                "now: as known at --known-at; then: each point as known when its day ended",
            )
        ),
    ] = "now",
    group_by: GroupBy = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """Coverage rates at the end of every day, week, month, quarter or year, and how they moved (points).

    走势：每日、周、月、季或年末的覆盖率及其升降（百分点）。

    Example: taizhang series --from 2023-01-01 --to 2024-12-31 --step quarter --group-by kind
    """
    parameters: Parameters = {
        "from": first, "to": last, "step": step, "known_at": known_at, "known": known, "group_by": group_by,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates/series", parameters), _series_table, as_json=as_json)


def _series_table(answer: dict[str, Any]) -> Table:
    table = Table(
        title=zh_en(
            f"{answer['from']} – {answer['to']}，间隔 {answer['step']}，数据时点 {answer['known']}",
            f"{answer['from']} – {answer['to']}, {answer['step']}, known {answer['known']}",
        ),
        show_lines=True,
    )
    for title in (zh_en("截至", "as of"), *answer["group_by"]):
        table.add_column(title, overflow="fold")
    for title in (zh_en("在册", "registered"), *RATE_TITLES.values()):
        table.add_column(title, justify="right", overflow="fold")
    for point in answer["points"]:
        date = point["as_of"] if point["complete"] else f"{point['as_of']}\n{zh_en('未完', 'open')}"
        whole = not answer["group_by"]
        for number, group in enumerate([{"key": {}, **point["total"]}] if whole else point["groups"]):
            key = [group["key"].get(name) or "—" for name in answer["group_by"]]
            moved = [
                point[each]["groups"][number]["rates"] if group["key"] else point[each]["total"] for each in _MOVED
            ]
            figures = [_moving(group["rates"][name], *(each[name]["points"] for each in moved)) for name in RATES]
            table.add_row(date, *key, f"{group['counts']['registered']:,}", *figures)
    return table


def _moving(rate: dict[str, Any], month: str | None, year: str | None) -> str:
    """A rate, and how it moved in percentage points."""
    return zh_en(
        f"{rate_text(rate)}\n环比 {month or '—'}\n同比 {year or '—'}",
        f"{rate_text(rate)}\nm/m {month or '—'}\ny/y {year or '—'}",
    )


@filtered
def compare(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    other_as_of: Annotated[
        str | None,
        typer.Option(help=zh_en("对比的截至日；不填与 --as-of 相同", "the other date; as --as-of if left out")),
    ] = None,
    other_known_at: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "对比的数据时点；不填与 --known-at 相同", "the other state of knowledge; as --known-at if left out"
            )
        ),
    ] = None,
    group_by: GroupBy = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """Coverage rates at two pairs of clocks, and the differences in percentage points.

    对比：两组时钟下的覆盖率及其差（百分点）。

    Example: taizhang compare --as-of 2024-12-31 --other-as-of 2023-12-31 --group-by region:6
    """
    parameters: Parameters = {
        "as_of": as_of, "known_at": known_at, "other_as_of": other_as_of, "other_known_at": other_known_at,
        "group_by": group_by,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates/compare", parameters), _comparison_table, as_json=as_json)


def _side(side: dict[str, Any]) -> str:
    return zh_en(
        f"{side['as_of']}，数据时点 {known_moment(side['known_at'])}",
        f"{side['as_of']}, as known at {known_moment(side['known_at'])}",
    )


def _comparison_table(answer: dict[str, Any]) -> Table:
    table = Table(
        title=zh_en(
            f"{_side(answer['this'])}\n对比 {_side(answer['other'])}",
            f"{_side(answer['this'])}\nagainst {_side(answer['other'])}",
        ),
        show_lines=True,
    )
    for dimension in answer["group_by"]:
        table.add_column(dimension, overflow="fold")
    for title in RATE_TITLES.values():
        table.add_column(title, justify="right", overflow="fold")
    groups = answer["groups"] if answer["group_by"] else []
    for group in [*groups, {"key": {}, **answer["total"]}]:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        if not group["key"] and key:
            key[0] = zh_en("合计", "total")
        table.add_row(*key, *(_compared(group, name) for name in RATES))
    return table


def _compared(group: dict[str, Any], rate: str) -> str:
    """This side's rate, the other's, and the difference in percentage points."""
    points = group["differences"]["rates"][rate]
    sides = [rate_text(side["rates"][rate]) if side else "—" for side in (group["this"], group["other"])]
    return "\n".join([*sides, "—" if points is None else zh_en(f"{points} 个百分点", f"{points} pp")])
