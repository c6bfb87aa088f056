"""`taizhang statutory`: the statistical tables that offices owe, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from domain.figures.statutory import TABLES, TOTAL
from services.commands.console import AsJson, AsOf, KnownAt, Limit, Parameters, Region, ask, known_moment, show
from services.commands.language import zh_en

_OPEN: Final = zh_en("留空", "left open")
_HOLDS: Final = {
    True: zh_en("成立", "holds"),
    False: zh_en("不成立", "does not hold"),
    None: zh_en("不能判定", "cannot be judged"),
}


def statutory(  # noqa: PLR0917 - typer reads options from parameters
    table: Annotated[str, typer.Argument(help=zh_en(f"报表：{', '.join(TABLES)}", f"the table: {', '.join(TABLES)}"))],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    region: Region = None,
    body: Annotated[
        str | None,
        typer.Option(help=zh_en("只计由此责任主体及其下级负责的", "only what answers to this body or below it")),
    ] = None,
    elected_since: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "报告期的起始日，换届从此日算；不填为当年第一天",
                "elections count from this day on; the year's first if left out",
            )
        ),
    ] = None,
    line: Annotated[
        int | None,
        typer.Option(
            help=zh_en("改为列出此行次背后的单位或党组织", "instead of the table who stands behind this line"), min=1
        ),
    ] = None,
    column: Annotated[str, typer.Option(help=zh_en("与 --line 同用：哪一列", "of which column, with --line"))] = TOTAL,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """A statistical table that offices owe, its check sums, or who stands behind one of its cells.

    As a workbook in the offices' layout: taizhang ask statutory/enterprises as_of=2024-12-31 -o table.xlsx

    统计报表、其校验关系，或某一格背后的单位。

    按机关所用版式的工作簿：taizhang ask statutory/enterprises as_of=2024-12-31 -o table.xlsx

    Example: taizhang statutory enterprises --as-of 2024-12-31 --line 9
    """
    asked: Parameters = {
        "as_of": as_of, "known_at": known_at, "region": region, "body": body, "elected_since": elected_since,
    }  # fmt: skip
    if line is None:
        show(ask(f"/v1/statutory/{table}", asked), _table, as_json=as_json)
    else:
        more: Parameters = {**asked, "line": line, "column": column, "limit": limit}
        show(ask(f"/v1/statutory/{table}/behind", more), _behind, as_json=as_json)


def _title(answer: dict[str, Any]) -> str:
    moment = known_moment(answer["known_at"])
    return zh_en(
        f"{answer['table']}，截至 {answer['as_of']}，数据时点 {moment}",
        f"{answer['table']}, as of {answer['as_of']}, as known at {moment}",
    )


def _table(answer: dict[str, Any]) -> RenderableType:
    drawn = Table(zh_en("行次", "line"), zh_en("项目", "item"), title=_title(answer))
    for column in answer["columns"]:
        drawn.add_column(column, justify="right")
    for line in answer["lines"]:
        name = f"{line['stub'] or ''} {line['name']}".strip()
        drawn.add_row(str(line["line"]), name, *(_cell(line["cells"][column]) for column in answer["columns"]))
    checks = [check["holds"] for check in answer["checks"]]
    failed = Table(zh_en("校验", "check sum"), zh_en("左", "left"), zh_en("右", "right"), zh_en("结果", "result"))
    for check in answer["checks"]:
        if not check["holds"]:
            sides = (_side(check["left"]), _side(check["right"]))
            failed.add_row(
                f"{sides[0]} {check['relation']} {sides[1]}", f"{check['left_sum']:,}", f"{check['right_sum']:,}",
                _HOLDS[check["holds"]],
            )  # fmt: skip
    said = zh_en(
        f"校验：{len(checks):,} 项中 {checks.count(True):,} 项成立",
        f"check sums: {checks.count(True):,} / {len(checks):,} hold",
    )
    return Group(drawn, said, *([failed] if failed.row_count else []))


def _cell(cell: dict[str, Any]) -> str:
    if cell["value"] is None:
        return _OPEN
    more = zh_en(f"\n另 {cell['unknown']:,} 不详", f"\n{cell['unknown']:,} unknown") if cell["unknown"] else ""
    return f"{cell['value']:,}{more}"


def _side(cells: list[dict[str, Any]]) -> str:
    return " + ".join(f"{cell['line']}:{cell['column']}" for cell in cells)


def _behind(answer: dict[str, Any]) -> RenderableType:
    title = zh_en(
        f"{_title(answer)}：{answer['line']}，{answer['column']}，共 {answer['total']:,} 个",
        f"{_title(answer)}: {answer['line']}, {answer['column']}, {answer['total']:,} in all",
    )
    drawn = Table(
        zh_en("单位或党组织", "behind"),
        zh_en("地区", "region"),
        zh_en("计入", "adds"),
        zh_en("事件", "events"),
        title=title,
    )
    for each in answer["behind"]:
        adds = zh_en("不详", "unknown") if each["adds"] is None else f"{each['adds']:,}"
        drawn.add_row(f"{each['name']}\n{each['subject']}", each["region"], adds, " ".join(map(str, each["positions"])))
    return drawn
