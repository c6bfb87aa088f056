"""`taizhang branches` and `taizhang branch`: the branches' ledger, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from domain.ledger.living import LACKS
from domain.values.terms import FORMATIONS, TIERS
from services.commands.console import AsJson, AsOf, KnownAt, Limit, Parameters, Region, ask, known_moment, show
from services.commands.language import zh_en

_LACKS: Final = {
    "term_over": zh_en("任届期满", "term over"), "without_secretary": zh_en("书记空缺", "without a secretary"),
    "no_meetings": zh_en("组织生活", "meetings missed"), "none_below": zh_en("下属均不正常", "none below"),
}  # fmt: skip
_TIERS: Final = {
    "committee": zh_en("党委", "committee"),
    "general_branch": zh_en("党总支", "general branch"),
    "branch": zh_en("党支部", "branch"),
}


def branches(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    q: Annotated[str | None, typer.Option(help=zh_en("名称或编号中的字", "words of the name or identifier"))] = None,
    region: Region = None,
    tier: Annotated[str | None, typer.Option(help=", ".join(TIERS))] = None,
    formation: Annotated[str | None, typer.Option(help=", ".join(FORMATIONS))] = None,
    parent: Annotated[
        str | None, typer.Option(help=zh_en("只列隶属于此党组织的", "only those under this branch"))
    ] = None,
    body: Annotated[
        str | None,
        typer.Option(
            help=zh_en("只列覆盖了由此责任主体负责的单位的", "only those that cover who answers to this body")
        ),
    ] = None,
    in_effect: Annotated[
        bool | None, typer.Option(help=zh_en("只列运转正常的，或不正常的", "only those in effect, or the others"))
    ] = None,
    lacks: Annotated[
        str | None,
        typer.Option(help=zh_en(f"不正常的原因：{', '.join(LACKS)}", f"why it is not in effect: {', '.join(LACKS)}")),
    ] = None,
    term_over: Annotated[
        bool | None, typer.Option(help=zh_en("只列任期已届满的，或未届满的", "only those whose term is over, or not"))
    ] = None,
    term_ends_within: Annotated[
        int | None, typer.Option(help=zh_en("任期在多少天内届满", "terms that end within so many days"), min=0)
    ] = None,
    formed_after: Annotated[str | None, typer.Option(help=zh_en("在此日期之后成立", "formed after this date"))] = None,
    members_from: Annotated[int | None, typer.Option(help=zh_en("正式党员不少于", "full members from"), min=0)] = None,
    members_to: Annotated[int | None, typer.Option(help=zh_en("正式党员不多于", "full members to"), min=0)] = None,
    sort: Annotated[
        str,
        typer.Option(
            help=zh_en("顺序：branch、covers、full_members、term_to", "order: branch, covers, full_members, term_to")
        ),
    ] = "branch",
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """The branches' ledger: tier, term, members, whether each is in effect and what it lacks.

    党组织名单：类别、组建方式、地区、覆盖、任期，是否运转正常及其原因。

    Example: taizhang branches --as-of 2025-06-30 --tier branch --term-ends-within 90 --sort term_to
    """
    asked: Parameters = {
        "as_of": as_of, "known_at": known_at, "q": q, "region": region, "tier": tier, "formation": formation,
        "parent": parent, "body": body, "in_effect": in_effect, "lacks": lacks, "term_over": term_over,
        "term_ends_within": term_ends_within, "formed_after": formed_after, "members_from": members_from,
        "members_to": members_to, "sort": sort, "limit": limit,
    }  # fmt: skip
    show(ask("/v1/branches", asked), _list, as_json=as_json)


def _list(answer: dict[str, Any]) -> Table:
    moment = known_moment(answer["known_at"])
    title = zh_en(
        f"截至 {answer['as_of']}，数据时点 {moment}：{answer['total']:,} 个党组织",
        f"as of {answer['as_of']}, as known at {moment}: {answer['total']:,} branches",
    )
    return _table(answer["branches"], title)


def _table(rows: list[dict[str, Any]], title: str) -> Table:
    table = Table(
        zh_en("党组织", "branch"),
        zh_en("类别", "tier"),
        zh_en("组建", "formation"),
        zh_en("地区", "region"),
        zh_en("覆盖", "covers"),
        zh_en("党员", "full members"),
        zh_en("届满", "term to"),
        zh_en("运转正常", "in effect"),
        title=title,
    )
    for each in rows:
        table.add_row(
            f"{each['name']}\n{each['branch']}", _TIERS[each["tier"]], each["formation"], each["region"],
            f"{each['covers_in_all']:,}", f"{each['full_members']:,}", each["term_to"] or "—", _life(each),
        )  # fmt: skip
    return table


def _life(row: dict[str, Any]) -> str:
    if row["in_effect"] is None:
        return "—"
    return zh_en("是", "yes") if row["in_effect"] else "\n".join(_LACKS[lack] for lack in row["lacks"])


def branch(
    branch: Annotated[str, typer.Argument(help=zh_en("党组织，写作 branch:…", "a branch:…"))],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """One branch: what it covers, its terms and meetings, and what was judged of it.

    一支部一档：覆盖哪些单位，历届任期和组织生活，以及评判。

    Example: taizhang branch branch:880107-0001 --as-of 2025-06-30
    """
    show(ask(f"/v1/branches/{branch}", {"as_of": as_of, "known_at": known_at}), _dossier, as_json=as_json)


def _dossier(answer: dict[str, Any]) -> RenderableType:
    title = zh_en(
        f"截至 {answer['as_of']}，数据时点 {known_moment(answer['known_at'])}",
        f"as of {answer['as_of']}, as known at {known_moment(answer['known_at'])}",
    )
    if answer["row"] is None:
        return zh_en(f"{answer['branch']}：{title}，未成立", f"{answer['branch']}: {title}, not formed")
    parts: list[RenderableType] = [_table([answer["row"]], title)]
    if answer["judged"] is not None:
        judged = Table(
            zh_en("组织生活", "meetings"),
            zh_en("要求", "asked"),
            zh_en("各周期", "held"),
            zh_en("缺", "missed"),
            title=zh_en("评判", "judged"),
        )
        for each in answer["judged"]["meetings"]:
            held = "\n".join(f"{one['first']} – {one['last']}: {one['held']}" for one in each["periods"])
            missed = each["not_owed"] or (zh_en("是", "yes") if each["missed"] else zh_en("否", "no"))
            judged.add_row(each["kind"], f"{each['least']} / {each['per']}", held, missed)
        parts.append(judged)
    terms = Table(zh_en("任期", "term"), zh_en("届满", "to"), title=zh_en("历届任期", "terms"))
    for each in answer["terms"]:
        terms.add_row(each["first"], each["last"] or "—")
    covers = Table(
        zh_en("覆盖", "covers"),
        zh_en("组建", "formation"),
        zh_en("在册", "active"),
        title=zh_en(f"覆盖 {len(answer['covers']):,} 家", f"covers {len(answer['covers']):,} organizations"),
    )
    for each in answer["covers"]:
        covers.add_row(
            f"{each['name'] or ''}\n{each['org']}",
            each["formation"],
            zh_en("是", "yes") if each["active"] else zh_en("否", "no"),
        )
    parts += [terms, covers]
    if answer["below"]:
        parts.append(_table(answer["below"], zh_en("直接下属", "directly below")))
    return Group(*parts)
