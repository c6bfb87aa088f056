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
from services.system.settings import load

FORMATS: Final = ("xlsx", "csv", "json", "html")


def campaigns(
    campaign: Annotated[str | None, typer.Argument(help="行动 campaign:…; left out: all of them")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """攻坚行动 Campaigns; of one, where each target stands, what is missing, the pace, met or missed on its day.

    Example: taizhang campaigns campaign:2024-coverage --as-of 2024-12-31
    """
    path = "/v1/campaigns" if campaign is None else f"/v1/campaigns/{campaign}"
    answer = ask(path, {"as_of": as_of, "known_at": known_at})
    show(answer, _campaigns if campaign is None else _targets, as_json=as_json)


def _campaigns(answer: dict[str, Any]) -> Table:
    table = Table("行动 campaign", "名称 name", "机关 office", "开始 opened", "结束 closed", "目标 targets")
    for each in answer["campaigns"]:
        dates = (each["opened_on"], each["closed_on"] or "—")
        table.add_row(each["campaign"], each["name"], each["office"], *dates, str(len(each["targets"])))
    return table


def _targets(answer: dict[str, Any]) -> Table:
    known = answer["known_at"]
    title = f"{answer['name']}: 截至 as of {answer['as_of']}, 数据时点 as known at {known['position']}"
    table = Table(
        "目标\ntarget", "指标\nrate", "要求\nasked", "截止日\ndue", "责任机关\noffice", title=title, show_lines=True
    )
    for heading in ("现状\nnow", "尚缺\nmissing", "每日已进\nper day so far", "每日需进\nper day needed"):
        table.add_column(heading, justify="right")
    table.add_column("到期日 on the day\n当时的数据 → 现在的数据\nas known then → now")
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
    of = {"itself": "基期 base", "city": "全市 city"}[relative["against"]]
    day = relative["base_on"] or "同日 same day"
    told = f"{asked['ratio'] or '—'}\n{of} {day} {base or '—'} + {asked['points'] or '—'} 个百分点 points"
    return f"{told}\n{relative['wording']}" if relative["wording"] else told


def _verdict(verdict: dict[str, Any] | None) -> str:
    if verdict is None or verdict["reached"] is None:
        return "—"
    rate = verdict["rate"]
    word = "达标 met" if verdict["reached"] else "未达标 missed"
    return f"{word} {rate['numerator']:,}/{rate['denominator']:,}"


def assess(  # noqa: PLR0917 - typer reads options from parameters
    assessment: Annotated[str, typer.Argument(help="报告 assessment:…")],
    campaign: Annotated[str | None, typer.Option(help="行动: with it the report is sealed")] = None,
    title: Annotated[str | None, typer.Option(help="标题 of the report to seal")] = None,
    office: Annotated[str | None, typer.Option(help="考核机关 office:… that seals it")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    supersedes: Annotated[str | None, typer.Option(help="取代 an earlier report")] = None,
    reason: Annotated[str | None, typer.Option(help="取代的理由 why")] = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """考核报告 Seal a report with --campaign; without, render a sealed one again and say whether it is identical.

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
            ERR.print(f"已封存 Sealed at position {sealed['position']}")
            known_at = None
        answer = client.get(f"/v1/assessments/{assessment}", {"known_at": known_at})
    show(answer, _report, as_json=as_json)


def _report(answer: dict[str, Any]) -> Group:
    sealed, since = answer["sealed"], answer["since"]
    lines = [
        f"{sealed['title']}: 截至 as of {sealed['as_of']}, 数据时点 as known at {sealed['known_at']}",
        f"封存于 sealed at position {answer['position']}, {shanghai(answer['recorded_at'])}",
        "与封存时一致 identical" if answer["identical"] else "与封存时不同 differs",
        *(f"{each['at']}: {each['sealed']} → {each['rendered']}" for each in answer["differences"]),
    ]
    if answer["superseded"]:
        lines.append(f"已被取代 superseded by {answer['superseded']['by']}: {answer['superseded']['reason']}")
    table = Table("计数 count", "封存 sealed", "进 in", "出 out", title="封存后变动 known since")
    for name, moved in since["counts"].items():
        table.add_row(name, f"{sealed['total'][name]:,}", f"{moved['into']:,}", f"{moved['out']:,}")
    return Group(*(Text(line) for line in lines), table)


@filtered
def what_if(  # noqa: PLR0917 - as above
    full_members: Annotated[
        int | None, typer.Option(help="应建所需正式党员 from which an organization is eligible")
    ] = None,
    employees: Annotated[int | None, typer.Option(help="力争建立所需从业人员 from which it is large")] = None,
    count_formation: Annotated[list[str] | None, typer.Option(help=f"计入 may repeat: {', '.join(FORMATIONS)}")] = None,
    ignore_exclusions: Annotated[bool, typer.Option(help="剔除的也计入 count the excluded too")] = False,  # noqa: FBT002 - as above
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
    *,
    filters: Parameters,
) -> None:
    """假设 The same history under another policy, beside the policy in force; nothing is stored.

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
        *answer["group_by"], title=f"截至 as of {answer['as_of']}: 现行 → 假设 in force → supposed", show_lines=True
    )
    for name in RATES:
        table.add_column(RATE_TITLES[name], justify="right")
    groups = answer["groups"] if answer["group_by"] else []
    for group in [*groups, {"key": {}, **answer["total"]}]:
        key = [group["key"].get(name) or "—" for name in answer["group_by"]]
        if not group["key"] and key:
            key[0] = "合计\ntotal"
        table.add_row(*key, *(_both(group, name) for name in RATES))
    return table


def _both(group: dict[str, Any], name: str) -> str:
    sides = [rate_text(side["rates"][name]) if side else "—" for side in (group["in_force"], group["supposed"])]
    points = group["differences"]["rates"][name]
    return "\n→ ".join(sides) + f"\n{'—' if points is None else f'{points} 个百分点 pp'}"


@filtered
def export(  # noqa: PLR0917 - as above
    output: Annotated[Path, typer.Option("--output", "-o", help="输出文件 the file to write")],
    assessment: Annotated[str | None, typer.Option(help="报告 a sealed report; left out: the rates")] = None,
    form: Annotated[str, typer.Option("--format", help=f"格式 {', '.join(FORMATS)}")] = "xlsx",
    lang: Annotated[str, typer.Option(help="语言 zh, en")] = "zh",
    publication: Annotated[bool, typer.Option(help="供公开 withhold small counts of people")] = False,  # noqa: FBT002 - as above
    organizations: Annotated[bool, typer.Option(help="附单位名单 list the organizations too")] = False,  # noqa: FBT002 - as above
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    *,
    filters: Parameters,
) -> None:
    """导出 Rates, or a sealed report, as a workbook, as CSV with its metadata (a ZIP), as JSON or as HTML to print.

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
