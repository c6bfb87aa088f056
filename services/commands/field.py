"""`taizhang survey`, `regions` and `matches`: the survey, changing regions and matching, from a shell."""

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from services.commands.console import (
    OUT,
    AsJson,
    AsOf,
    Kind,
    KnownAt,
    Limit,
    Parameters,
    ask,
    print_json,
    rate_text,
    show,
)

Name = Annotated[str, typer.Argument(help="排查 the survey, as survey:880107-2024")]

survey = typer.Typer(help="走访排查 The survey: progress, discrepancies, sample, accuracy.", no_args_is_help=True)


@survey.command()
def progress(
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    by: Annotated[str, typer.Option(help="6, 9, 12 位区划 digits of the region; grid 网格")] = "9",
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """进度 Visits beside the list to be visited.

    Example: taizhang survey progress survey:880107-2024 --as-of 2024-10-17
    """
    answer = ask(f"/v1/surveys/{name}/progress", {"as_of": as_of, "known_at": known_at, "by": by})
    show(answer, _progress_table, as_json=as_json)


def _progress_table(answer: dict[str, Any]) -> Group:
    total = answer["total"]
    table = Table(
        "地区或网格 region or grid", "应走访 listed", "已走访 visited", "六清 clear", "查无 not found",
        title=f"{answer['survey']['name']}, 截至 as of {answer['as_of']}: {total['visited']:,} / {total['listed']:,}",
    )  # fmt: skip
    for each in [*answer["groups"], {**total, "key": "合计 total"}]:
        counts = (each["listed"], each["visited"], each["clear"], each["not_found"])
        table.add_row(each["key"], *("—" if count is None else f"{count:,}" for count in counts))
    return Group(
        table, f"清单外 beside the list: {answer['beside']}; 未登记 known to no registry: {len(answer['unknown'])}"
    )


@survey.command()
def discrepancies(
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """出入 What was found otherwise than the ledger has it, with a proposal.

    Example: taizhang survey discrepancies survey:880107-2024
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "limit": limit}
    show(ask(f"/v1/surveys/{name}/discrepancies", clocks), _discrepancies_table, as_json=as_json)


def _discrepancies_table(answer: dict[str, Any]) -> Table:
    table = Table(
        "组织 organization", "项 finding", "走访 found", "台账 ledger", "建议 proposal", title=f"{answer['total']:,}"
    )
    for each in answer["discrepancies"]:
        table.add_row(each["org"], each["finding"], str(each["found"]), str(each["ledger"]), each["proposal"])
    return table


@survey.command()
def sample(
    name: Name,
    seed: Annotated[str, typer.Option(help="随机种子 drawn in public; the same gives the same sample")],
    size: Annotated[int, typer.Option(min=1, max=2_000, help="样本量 how many")] = 100,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """复核抽样 A reproducible random sample of the visits, to be made again.

    Example: taizhang survey sample survey:880107-2024 --seed 2024-10-18 --size 168
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "seed": seed, "size": size}
    print_json(ask(f"/v1/surveys/{name}/sample", clocks))


@survey.command()
def accuracy(name: Name, as_of: AsOf = None, known_at: KnownAt = None) -> None:
    """准确率 How often the visits made again found the same, with the Wilson interval at 95 %.

    Example: taizhang survey accuracy survey:880107-2024 --as-of 2024-11-30
    """
    answer = ask(f"/v1/surveys/{name}/accuracy", {"as_of": as_of, "known_at": known_at})
    table = Table("项 finding", "一致 agreed", "复核 revisited", "准确率 share", "95 %")
    for each in answer["accuracy"]:
        interval = "—" if each["low"] is None else f"{each['low']:.4f} – {each['high']:.4f}"
        table.add_row(each["finding"], str(each["agreed"]), str(each["revisited"]), str(each["share"]), interval)
    OUT.print(table)


def regions(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    regions_at: Annotated[str | None, typer.Option(help="按何日区划 the date whose regions are meant")] = None,
    compare_with: Annotated[str | None, typer.Option(help="同比日 another date, in the same regions")] = None,
    digits: Annotated[str, typer.Option(help="2, 4, 6, 9, 12")] = "6",
    kind: Kind = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """区划 Rates by the regions as they were, or mapped to those of another date.

    Example: taizhang regions --as-of 2025-12-31 --regions-at 2024-12-31 --compare-with 2024-12-31
    """
    answer = ask(
        "/v1/regions/rates",
        {"as_of": as_of, "known_at": known_at, "regions_at": regions_at, "compare_with": compare_with,
         "digits": digits, "kind": kind},
    )  # fmt: skip
    show(answer, _regions_table, as_json=as_json)


def _regions_table(answer: dict[str, Any]) -> Group:
    title = f"截至 as of {answer['as_of']}, 按 {answer['regions_at']} 区划 by the regions of that date"
    table = Table("区划 region", "组织覆盖率 organization coverage", str(answer["compare_with"] or ""), title=title)
    for each in answer["groups"]:
        table.add_row(f"{each['region']} {each['name'] or ''}", _coverage(each), _coverage(each["before"]))
    unmapped = [("", answer["unmapped"]), ("before ", answer["unmapped_before"])]
    for side, name in (("", "undivided"), ("before ", "undivided_before")):
        unmapped.append((side, {" / ".join(each["regions"]): each["organizations"] for each in answer[name]}))
    return Group(
        table,
        *(Text.assemble((f"无法对应 not mapped {side}", "yellow"), f": {found}") for side, found in unmapped if found),
    )


def _coverage(figures: dict[str, Any] | None) -> str:
    return "" if figures is None else rate_text(figures["rates"]["organization_coverage"])


def matches(  # noqa: PLR0917 - as above
    region: Annotated[str, typer.Argument(help="县级区划 a county's code, or one below it")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    name_min: Annotated[float, typer.Option(min=50, max=100, help="名称相似度下限 of 100")] = 80.0,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """疑似同一 Records of one county that may be the same organization; a person decides: decide-match, undo-match.

    Example: taizhang matches 880107 --as-of 2024-10-17
    """
    answer = ask(
        "/v1/matches/candidates",
        {"region": region, "as_of": as_of, "known_at": known_at, "name_min": str(name_min), "limit": limit},
    )
    show(answer, _matches_table, as_json=as_json)


def _matches_table(answer: dict[str, Any]) -> Table:
    table = Table("相似 score", "甲 left", "乙 right", title=f"{answer['total']:,} 对 pairs")
    for each in answer["candidates"]:
        sides = (f"{side['name']}\n{side['record']}" for side in (each["left"], each["right"]))
        table.add_row(str(each["score"]), *sides)
    return table
