"""Daily work from a shell."""

from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Group
from rich.table import Table

from services.commands.client import Client
from services.commands.console import OUT, AsJson, AsOf, Kind, KnownAt, Limit, Parameters, Region, ask, show
from services.commands.language import zh_en
from services.fieldwork.match_decisions import SOURCE, Answer
from services.system.settings import load

Office = Annotated[
    str | None, typer.Option(help=zh_en("只列由此机关负责的", "only those that this office answers for"))
]
_TITLES: Final = {
    "establish_large": zh_en("建立（规上）", "set up (large)"),
    "establish": zh_en("单独组建", "standalone"),
    "combine": zh_en("联合组建", "joint"),
    "instruct": zh_en("选派指导员", "instructor"),
}


def measures(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    office: Office = None,
    state: Annotated[
        str | None,
        typer.Option(
            help=zh_en("open 未结、due 将到期（30 天内）、overdue 逾期", "open, due (within 30 days), overdue")
        ),
    ] = None,
    region: Region = None,
    kind: Kind = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Measures open at uncovered organizations, by due date, with the office that answers.

    工作清单：未覆盖单位的未结措施，按到期日排列，附责任单位。

    Example: taizhang measures --as-of 2025-01-01 --state overdue
    """
    answer = ask(
        "/v1/measures",
        {"as_of": as_of, "known_at": known_at, "office": office, "state": state, "region": region, "kind": kind,
         "limit": limit},
    )  # fmt: skip
    show(answer, _work_tables, as_json=as_json)


def _work_tables(answer: dict[str, Any]) -> Group:
    title = zh_en(
        f"截至 {answer['as_of']}：{answer['total']:,} 项", f"as of {answer['as_of']}: {answer['total']:,} measures"
    )
    tallies = Table(
        zh_en("责任单位", "office"),
        zh_en("措施", "measure"),
        zh_en("未结", "open"),
        zh_en("将到期", "due"),
        zh_en("逾期", "overdue"),
        title=title,
    )
    for each in answer["offices"]:
        numbers = (f"{each[name]:,}" for name in ("open", "due", "overdue"))
        tallies.add_row(each["office"] or "—", _TITLES[each["measure"]], *numbers)
    table = Table(
        zh_en("组织", "organization"),
        zh_en("措施", "measure"),
        zh_en("起", "opened"),
        zh_en("到期", "due"),
        zh_en("逾期天数", "days over"),
        zh_en("责任单位", "office"),
    )
    for each in answer["items"]:
        late = str(each["overdue_days"] or "")
        named = f"{each['name']}\n{each['org']}"
        table.add_row(
            named, _TITLES[each["measure"]], each["opened_on"], each["due_on"] or "—", late, each["office"] or "—"
        )
    return Group(tallies, table)


def durations(
    as_of: AsOf = None,
    known_at: KnownAt = None,
    measure: Annotated[str, typer.Option(help=", ".join(_TITLES))] = "establish",
    region_digits: Annotated[
        str,
        typer.Option(
            help=zh_en("区划位数：0（全市）、2、4、6、9、12", "digits of the region: 0 (all), 2, 4, 6, 9, 12")
        ),
    ] = "6",
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """How many days a measure takes, by region; what is still open counts as such (Kaplan-Meier).

    用时：各地区一项措施用多少天；未结的按未结计（Kaplan-Meier）。

    Example: taizhang durations --measure establish --as-of 2025-06-30
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "measure": measure, "region_digits": region_digits}
    title = _TITLES[measure]
    show(ask("/v1/measures/durations", clocks), lambda answer: _durations_table(answer, title), as_json=as_json)


def _durations_table(answer: dict[str, Any], title: str) -> Table:
    table = Table(
        zh_en("地区", "region"),
        zh_en("已完成", "met"),
        zh_en("未完成或另止", "censored"),
        zh_en("中位天数", "median days"),
        title=title,
    )
    for each in answer["groups"]:
        median = "—" if each["median_days"] is None else f"{each['median_days']:g}"
        table.add_row(each["region"] or zh_en("全部", "all"), f"{each['ended']:,}", f"{each['censored']:,}", median)
    return table


def weak_branches(  # noqa: PLR0917 - as above
    as_of: AsOf = None,
    known_at: KnownAt = None,
    weakness: Annotated[str | None, typer.Option(help="could_stand_alone, below_threshold")] = None,
    region: Region = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Weak branches: whose firms could stand alone, and with too few full members.

    软弱涣散党组织：所覆盖的单位可以单建的，正式党员过少的。

    Example: taizhang weak-branches --weakness could_stand_alone --region 880107
    """
    clocks: Parameters = {"as_of": as_of, "known_at": known_at, "weakness": weakness, "region": region, "limit": limit}
    show(ask("/v1/weak-branches", clocks), _weak_branches_table, as_json=as_json)


def _weak_branches_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("党组织", "branch"),
        zh_en("组建", "formation"),
        zh_en("覆盖", "covers"),
        zh_en("党员", "full members"),
        zh_en("可单建", "could stand alone"),
        zh_en("整顿", "rectification"),
        title=zh_en(
            f"截至 {answer['as_of']}：{answer['total']:,} 个党组织",
            f"as of {answer['as_of']}: {answer['total']:,} branches",
        ),
    )
    for each in answer["branches"]:
        named = f"{each['name'] or ''}\n{each['branch']}"
        grown = str(len(each["could_stand_alone"]) or "")
        shown = (each["formation"], str(each["covers"]), str(each["full_members"]), grown)
        table.add_row(named, *shown, each["rectification"] or "")
    return table


Org = Annotated[str, typer.Argument(help=zh_en("单位的代码", "the organization, by its code"))]
Other = Annotated[str, typer.Argument(help=zh_en("另一单位，或一次走访", "another organization, or a visit"))]
Reason = Annotated[str, typer.Option(help=zh_en("理由，永久留存", "why; it is recorded for good"))]
Source = Annotated[str, typer.Option(help=zh_en("由谁认定", "whose decision it is"))]


def decide_match(  # noqa: PLR0917 - typer reads options from parameters
    org: Org,
    other: Other,
    answer: Annotated[Literal["same", "different"], typer.Option(help=zh_en("认定两者的关系", "what they are"))],
    reason: Reason,
    as_of: AsOf = None,
    source: Source = SOURCE,
) -> None:
    """Decide that two records are the same organization, or are not; `taizhang matches` shows candidates.

    认定两条记录是同一单位，或不是；候选见 taizhang matches。

    Example: taizhang decide-match uscc:91880107MA0000007X visit:880107-unknown-1 --answer same --reason 同址同人
    """
    _say(org, other, answer, as_of, reason, source)


def undo_match(org: Org, other: Other, reason: Reason, as_of: AsOf = None, source: Source = SOURCE) -> None:
    """Undo the decision of two records that stands; the pair is a candidate again.

    撤销对两条记录的现行认定，重新成为候选。

    Example: taizhang undo-match uscc:91880107MA0000007X visit:880107-unknown-1 --reason 核实为两家
    """
    _say(org, other, "undo", as_of, reason, source)


def _say(org: str, other: str, answer: Answer, as_of: str | None, reason: str, source: str) -> None:  # noqa: PLR0917 - what is said
    with Client(load()) as client:
        # Said on the state of this moment: what others say of the pair from here on is not passed over.
        known_at = client.get("/v1/matches", {"as_of": as_of})["known_at"]["position"]
        said = {
            "org": org, "other": other, "answer": answer, "as_of": as_of, "reason": reason, "source": source,
            "known_at": str(known_at),
        }  # fmt: skip
        position = client.post("/v1/matches", {name: value for name, value in said.items() if value is not None})
    OUT.print(zh_en(f"已记录，位置 {position['position']}", f"Recorded at position {position['position']}"))
