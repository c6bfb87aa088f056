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
from services.commands.language import Commands, zh_en

Name = Annotated[str, typer.Argument(help=zh_en("排查，如 survey:880107-2024", "the survey, as survey:880107-2024"))]

survey = Commands(
    help=zh_en("走访排查：进度、差异、抽样、准确率", "The survey: progress, discrepancies, sample, accuracy."),
    no_args_is_help=True,
)


@survey.command()
def progress(
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    by: Annotated[
        str,
        typer.Option(help=zh_en("区划的 6、9 或 12 位；或 grid（网格）", "6, 9 or 12 digits of the region; or grid")),
    ] = "9",
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Visits beside the list to be visited.

    排查进度：对照应走访清单的走访情况。

    Example: taizhang survey progress survey:880107-2024 --as-of 2024-10-17
    """
    answer = ask(f"/v1/surveys/{name}/progress", {"as_of": as_of, "known_at": known_at, "by": by})
    show(answer, _progress_table, as_json=as_json)


def _progress_table(answer: dict[str, Any]) -> Group:
    total = answer["total"]
    table = Table(
        zh_en("地区或网格", "region or grid"),
        zh_en("应走访", "listed"),
        zh_en("已走访", "visited"),
        zh_en("六清", "clear"),
        zh_en("查无", "not found"),
        title=zh_en(
            f"{answer['survey']['name']}，截至 {answer['as_of']}：{total['visited']:,} / {total['listed']:,}",
            f"{answer['survey']['name']}, as of {answer['as_of']}: {total['visited']:,} / {total['listed']:,}",
        ),
    )
    for each in [*answer["groups"], {**total, "key": zh_en("合计", "total")}]:
        counts = (each["listed"], each["visited"], each["clear"], each["not_found"])
        table.add_row(each["key"], *("—" if count is None else f"{count:,}" for count in counts))
    return Group(
        table,
        zh_en(
            f"清单外：{answer['beside']}；未登记：{len(answer['unknown'])}",
            f"beside the list: {answer['beside']}; known to no registry: {len(answer['unknown'])}",
        ),
    )


@survey.command()
def discrepancies(
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """What was found otherwise than the ledger has it, with a proposal.

    差异：走访所见与台账不同之处，附处理建议。

    Example: taizhang survey discrepancies survey:880107-2024
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "limit": limit}
    show(ask(f"/v1/surveys/{name}/discrepancies", clocks), _discrepancies_table, as_json=as_json)


def _discrepancies_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("组织", "organization"),
        zh_en("项", "finding"),
        zh_en("走访", "found"),
        zh_en("台账", "ledger"),
        zh_en("建议", "proposal"),
        title=f"{answer['total']:,}",
    )
    for each in answer["discrepancies"]:
        table.add_row(each["org"], each["finding"], str(each["found"]), str(each["ledger"]), each["proposal"])
    return table


@survey.command()
def sample(
    name: Name,
    seed: Annotated[
        str,
        typer.Option(
            help=zh_en(
                "当众抽取的随机种子；种子相同，样本相同", "the seed, drawn in public; the same gives the same sample"
            )
        ),
    ],
    size: Annotated[int, typer.Option(min=1, max=2_000, help=zh_en("样本量", "how many are drawn"))] = 100,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> None:
    """A reproducible random sample of the visits, to be made again.

    复核抽样：可复现的随机样本，供再次走访。

    Example: taizhang survey sample survey:880107-2024 --seed 2024-10-18 --size 168
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "seed": seed, "size": size}
    print_json(ask(f"/v1/surveys/{name}/sample", clocks))


@survey.command()
def accuracy(name: Name, as_of: AsOf = None, known_at: KnownAt = None) -> None:
    """How often the visits made again found the same, with the Wilson interval at 95 %.

    准确率：复核与首访一致的比例，附 95 % 的 Wilson 区间。

    Example: taizhang survey accuracy survey:880107-2024 --as-of 2024-11-30
    """
    answer = ask(f"/v1/surveys/{name}/accuracy", {"as_of": as_of, "known_at": known_at})
    table = Table(
        zh_en("项", "finding"), zh_en("一致", "agreed"), zh_en("复核", "revisited"), zh_en("准确率", "share"), "95 %"
    )
    for each in answer["accuracy"]:
        interval = "—" if each["low"] is None else f"{each['low']:.4f} – {each['high']:.4f}"
        table.add_row(each["finding"], str(each["agreed"]), str(each["revisited"]), str(each["share"]), interval)
    OUT.print(table)


def regions(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    regions_at: Annotated[
        str | None, typer.Option(help=zh_en("按哪一天的区划", "the date whose regions are meant"))
    ] = None,
    compare_with: Annotated[
        str | None, typer.Option(help=zh_en("另一日期，按同样的区划", "another date, in the same regions"))
    ] = None,
    digits: Annotated[str, typer.Option(help="2, 4, 6, 9, 12")] = "6",
    kind: Kind = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Rates by the regions as they were, or mapped to those of another date.

    按当时区划的覆盖率，或换算到另一日期的区划。

    Example: taizhang regions --as-of 2025-12-31 --regions-at 2024-12-31 --compare-with 2024-12-31
    """
    answer = ask(
        "/v1/regions/rates",
        {"as_of": as_of, "known_at": known_at, "regions_at": regions_at, "compare_with": compare_with,
         "digits": digits, "kind": kind},
    )  # fmt: skip
    show(answer, _regions_table, as_json=as_json)


def _regions_table(answer: dict[str, Any]) -> Group:
    title = zh_en(
        f"截至 {answer['as_of']}，按 {answer['regions_at']} 的区划",
        f"as of {answer['as_of']}, by the regions of {answer['regions_at']}",
    )
    table = Table(
        zh_en("区划", "region"),
        zh_en("组织覆盖率", "organization coverage"),
        str(answer["compare_with"] or ""),
        title=title,
    )
    for each in answer["groups"]:
        table.add_row(f"{each['region']} {each['name'] or ''}", _coverage(each), _coverage(each["before"]))
    unmapped = [("", answer["unmapped"]), ("before ", answer["unmapped_before"])]
    for side, name in (("", "undivided"), ("before ", "undivided_before")):
        unmapped.append((side, {" / ".join(each["regions"]): each["organizations"] for each in answer[name]}))
    return Group(
        table,
        *(
            Text.assemble((zh_en(f"无法对应 {side}", f"not mapped {side}"), "yellow"), f": {found}")
            for side, found in unmapped
            if found
        ),
    )


def _coverage(figures: dict[str, Any] | None) -> str:
    return "" if figures is None else rate_text(figures["rates"]["organization_coverage"])


def matches(  # noqa: PLR0917 - as above
    region: Annotated[str, typer.Argument(help=zh_en("县级区划代码，或其下的", "a county's code, or one below it"))],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    name_min: Annotated[
        float,
        typer.Option(min=50, max=100, help=zh_en("名称相似度下限，满分 100", "the least likeness of names, of 100")),
    ] = 80.0,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Records of one county that may be the same organization; a person decides: decide-match, undo-match.

    疑似同一：某县内可能是同一单位的记录，由人认定：decide-match、undo-match。

    Example: taizhang matches 880107 --as-of 2024-10-17
    """
    answer = ask(
        "/v1/matches/candidates",
        {"region": region, "as_of": as_of, "known_at": known_at, "name_min": str(name_min), "limit": limit},
    )
    show(answer, _matches_table, as_json=as_json)


def _matches_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("相似", "score"),
        zh_en("甲", "left"),
        zh_en("乙", "right"),
        title=zh_en(f"{answer['total']:,} 对", f"{answer['total']:,} pairs"),
    )
    for each in answer["candidates"]:
        sides = (f"{side['name']}\n{side['record']}" for side in (each["left"], each["right"]))
        table.add_row(str(each["score"]), *sides)
    return table
