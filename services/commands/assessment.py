"""`taizhang campaigns`, `assess`, `what-if` and `export`: the assessment office's work, from a shell."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from domain.ledger.rates import RATES
from domain.values.terms import FORMATIONS
from services.commands.client import Client
from services.commands.console import (
    ERR,
    RATE_TITLES,
    AsJson,
    AsOf,
    GroupBy,
    KnownAt,
    Parameters,
    ask,
    filtered,
    rate_text,
    shanghai,
    show,
)
from services.commands.language import LANGUAGE, zh_en
from services.system.settings import load

FORMATS: Final = ("xlsx", "csv", "json", "html")


def campaigns(
    campaign: Annotated[
        str | None,
        typer.Argument(help=zh_en("行动，写作 campaign:…；不填则列出全部", "a campaign:…; left out: all of them")),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Campaigns; of one, where each target stands, what is missing, the pace, met or missed on its day.

    攻坚行动；指明某一行动时，列出各目标的现状、尚缺、进度和到期日是否达标。

    Example: taizhang campaigns campaign:2024-coverage --as-of 2024-12-31
    """
    path = "/v1/campaigns" if campaign is None else f"/v1/campaigns/{campaign}"
    answer = ask(path, {"as_of": as_of, "known_at": known_at})
    show(answer, _campaigns if campaign is None else _targets, as_json=as_json)


def _campaigns(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("行动", "campaign"),
        zh_en("名称", "name"),
        zh_en("机关", "office"),
        zh_en("开始", "opened"),
        zh_en("结束", "closed"),
        zh_en("目标", "targets"),
    )
    for each in answer["campaigns"]:
        dates = (each["opened_on"], each["closed_on"] or "—")
        table.add_row(each["campaign"], each["name"], each["office"], *dates, str(len(each["targets"])))
    return table


def _targets(answer: dict[str, Any]) -> Table:
    known = answer["known_at"]
    title = zh_en(
        f"{answer['name']}：截至 {answer['as_of']}，数据时点 {known['position']}",
        f"{answer['name']}: as of {answer['as_of']}, as known at {known['position']}",
    )
    table = Table(
        zh_en("目标", "target"),
        zh_en("指标", "rate"),
        zh_en("要求", "asked"),
        zh_en("截止日", "due"),
        zh_en("责任机关", "office"),
        title=title,
        show_lines=True,
    )
    for heading in (
        zh_en("现状", "now"),
        zh_en("尚缺", "missing"),
        zh_en("每日已进", "per day so far"),
        zh_en("每日需进", "per day needed"),
    ):
        table.add_column(heading, justify="right")
    table.add_column(zh_en("到期日\n当时的数据 → 现在的数据", "on the day\nas known then → now"))
    for each in answer["targets"]:
        sign = "≥" if each["comparator"] == "at_least" else ">"
        missing = "—" if each["missing"] is None else f"{each['missing']:,}"
        paces = [pace["per_day"] if pace else "—" for pace in (each["pace_so_far"], each["pace_needed"])]
        table.add_row(
            each["target"], RATE_TITLES[each["rate"]], f"{sign} {_asked(each)}", each["due_on"], each["office"],
            rate_text(each["now"]), missing, *paces,
            f"{_verdict(each['as_known_then'])} → {_verdict(each['as_known_now'])}",
        )  # fmt: skip
    return table


def _asked(target: dict[str, Any]) -> str:
    """A value; or what a relative target asks for, with its base, the points beyond it and the wording."""
    relative, asked = target["relative"], target["asked"]
    if relative is None:
        return str(target["value"])
    base = asked["base"]["value"] if asked["base"] else None
    of = {"itself": zh_en("自身基数", "its own base"), "city": zh_en("全市", "the city")}[relative["against"]]
    day, points = relative["base_on"] or zh_en("同日", "the same day"), zh_en("个百分点", "points")
    told = f"{asked['ratio'] or '—'}\n{of} {day} {base or '—'} + {asked['points'] or '—'} {points}"
    return f"{told}\n{relative['wording']}" if relative["wording"] else told


def _verdict(verdict: dict[str, Any] | None) -> str:
    if verdict is None or verdict["reached"] is None:
        return "—"
    rate = verdict["rate"]
    word = zh_en("达标", "met") if verdict["reached"] else zh_en("未达标", "missed")
    return f"{word} {rate['numerator']:,}/{rate['denominator']:,}"


def assess(  # noqa: PLR0917 - typer reads options from parameters
    assessment: Annotated[str, typer.Argument(help=zh_en("报告，写作 assessment:…", "the report, as assessment:…"))],
    campaign: Annotated[
        str | None, typer.Option(help=zh_en("行动；填写即封存报告", "the campaign; with it the report is sealed"))
    ] = None,
    title: Annotated[
        str | None, typer.Option(help=zh_en("封存的报告的标题", "the title of the report to seal"))
    ] = None,
    office: Annotated[
        str | None, typer.Option(help=zh_en("封存报告的考核机关，写作 office:…", "the office:… that seals it"))
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    supersedes: Annotated[
        str | None, typer.Option(help=zh_en("取代哪份报告", "an earlier report that this one takes the place of"))
    ] = None,
    reason: Annotated[str | None, typer.Option(help=zh_en("取代的理由", "why it takes its place"))] = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Seal a report with --campaign; without, render a sealed one again and say whether it is identical.

    考核报告：给出 --campaign 即封存一份；否则把已封存的重新生成一遍，说明是否一致。

    Examples:
        taizhang assess assessment:a --campaign campaign:2024-coverage --title 考核 --office office:a --as-of 2024-12-31
        taizhang assess assessment:a
    """
    with Client(load()) as client:
        if campaign is not None:
            wanted = {
                "assessment": assessment, "campaign": campaign, "title": title, "office": office, "as_of": as_of,
                "known_at": known_at, "group_by": group_by, "supersedes": supersedes, "reason": reason,
            }  # fmt: skip
            given = {name: value for name, value in wanted.items() if value is not None}
            sealed = client.post("/v1/assessments", given)
            ERR.print(zh_en(f"已封存，位置 {sealed['position']}", f"Sealed at position {sealed['position']}"))
            known_at = None
        answer = client.get(f"/v1/assessments/{assessment}", {"known_at": known_at})
    show(answer, _report, as_json=as_json)


def _report(answer: dict[str, Any]) -> Group:
    sealed, since = answer["sealed"], answer["since"]
    lines = [
        zh_en(
            f"{sealed['title']}：截至 {sealed['as_of']}，数据时点 {sealed['known_at']}",
            f"{sealed['title']}: as of {sealed['as_of']}, as known at {sealed['known_at']}",
        ),
        zh_en(
            f"封存于位置 {answer['position']}，{shanghai(answer['recorded_at'])}",
            f"sealed at position {answer['position']}, {shanghai(answer['recorded_at'])}",
        ),
        zh_en("与封存时一致", "identical") if answer["identical"] else zh_en("与封存时不同", "differs"),
        *(f"{each['at']}: {each['sealed']} → {each['rendered']}" for each in answer["differences"]),
    ]
    if answer["superseded"]:
        lines.append(
            zh_en(
                f"已被 {answer['superseded']['by']} 取代：{answer['superseded']['reason']}",
                f"superseded by {answer['superseded']['by']}: {answer['superseded']['reason']}",
            )
        )
    table = Table(
        zh_en("计数", "count"),
        zh_en("封存", "sealed"),
        zh_en("进", "in"),
        zh_en("出", "out"),
        title=zh_en("封存后变动", "known since"),
    )
    for name, moved in since["counts"].items():
        table.add_row(name, f"{sealed['total'][name]:,}", f"{moved['into']:,}", f"{moved['out']:,}")
    return Group(*(Text(line) for line in lines), table)


@filtered
def what_if(  # noqa: PLR0917 - as above
    full_members: Annotated[
        int | None,
        typer.Option(help=zh_en("应建党组织所需的正式党员数", "full members from which an organization is eligible")),
    ] = None,
    employees: Annotated[
        int | None, typer.Option(help=zh_en("力争建立党组织所需的从业人员数", "employees from which it is large"))
    ] = None,
    count_formation: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                f"计入覆盖的组建方式，可重复：{', '.join(FORMATIONS)}",
                f"a formation that counts, may repeat: {', '.join(FORMATIONS)}",
            )
        ),
    ] = None,
    ignore_exclusions: Annotated[bool, typer.Option(help=zh_en("剔除的也计入", "count the excluded too"))] = False,  # noqa: FBT002 - as above
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
    *,
    filters: Parameters,
) -> None:
    """The same history under another policy, beside the policy in force; nothing is stored.

    假设分析：同一段历史按另一套口径计算，与现行口径并列；什么也不存。

    Example: taizhang what-if --full-members 5 --count-formation standalone --as-of 2024-12-31 --group-by kind
    """
    parameters: Parameters = {
        "full_members_for_branch": full_members, "employees_for_branch": employees,
        "formations_counted": count_formation,
        "exclusions_ignored": ignore_exclusions, "as_of": as_of, "known_at": known_at, "group_by": group_by,
        **filters,
    }  # fmt: skip
    show(ask("/v1/rates/what-if", parameters), _supposed_table, as_json=as_json)


def _supposed_table(answer: dict[str, Any]) -> Table:
    table = Table(
        *answer["group_by"],
        title=zh_en(f"截至 {answer['as_of']}：现行 → 假设", f"as of {answer['as_of']}: in force → supposed"),
        show_lines=True,
    )
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right")
    groups = answer["groups"] if answer["group_by"] else []
    for group in [*groups, {"key": {}, **answer["total"]}]:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        if not group["key"] and key:
            key[0] = zh_en("合计", "total")
        table.add_row(*key, *(_both(group, name) for name in RATES))
    return table


def _both(group: dict[str, Any], name: str) -> str:
    sides = [rate_text(side["rates"][name]) if side else "—" for side in (group["in_force"], group["supposed"])]
    points = group["differences"]["rates"][name]
    return "\n→ ".join(sides) + f"\n{'—' if points is None else zh_en(f'{points} 个百分点', f'{points} pp')}"


@filtered
def export(  # noqa: PLR0917 - as above
    output: Annotated[Path, typer.Option("--output", "-o", help=zh_en("输出文件", "the file to write"))],
    assessment: Annotated[
        str | None, typer.Option(help=zh_en("封存的报告；不填则导出覆盖率", "a sealed report; left out: the rates"))
    ] = None,
    form: Annotated[
        str,
        typer.Option("--format", help=zh_en(f"格式：{', '.join(FORMATS)}", f"the file's format: {', '.join(FORMATS)}")),
    ] = "xlsx",
    lang: Annotated[str, typer.Option(help=zh_en("语言：zh、en", "the file's language: zh, en"))] = LANGUAGE,
    publication: Annotated[  # noqa: FBT002 - as above
        bool,
        typer.Option(help=zh_en("供公开：人数过小的格子不写出", "for the public: withhold small counts of people")),
    ] = False,
    organizations: Annotated[bool, typer.Option(help=zh_en("附单位名单", "list the organizations too"))] = False,  # noqa: FBT002 - as above
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    *,
    filters: Parameters,
) -> None:
    """Rates, or a sealed report, as a workbook, as CSV with its metadata (a ZIP), as JSON or as HTML to print.

    导出覆盖率或封存的报告：工作簿、带元数据的 CSV（ZIP）、JSON 或供打印的 HTML。

    Example: taizhang export --as-of 2024-12-31 --group-by kind --group-by region:6 --output rates.xlsx
    """
    common: Parameters = {
        "format": form, "lang": lang, "publication": publication, "known_at": known_at, "organizations": organizations,
    }  # fmt: skip
    if assessment is None:
        path = "/v1/rates/export"
        common |= {"as_of": as_of, "group_by": group_by, **filters}
    else:
        path = f"/v1/assessments/{assessment}/export"
    with Client(load()) as client:
        written = output.write_bytes(b"".join(client.stream(path, common)))
    ERR.print(f"{output}: {written:,} bytes", markup=False)
