"""`taizhang branches` and `taizhang branch`: the branches' ledger, from a shell."""

from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from domain.ledger.living import LACKS
from domain.values.terms import FORMATIONS, TIERS
from services.commands.console import AsJson, AsOf, KnownAt, Limit, Parameters, Region, ask, known_moment, show

_LACKS: Final = {
    "term_over": "任届期满 term over", "without_secretary": "书记空缺 without a secretary",
    "no_meetings": "组织生活 meetings missed", "none_below": "下属均不正常 none below",
}  # fmt: skip
_TIERS: Final = {"committee": "党委", "general_branch": "党总支", "branch": "党支部"}


def branches(  # noqa: PLR0917 - typer reads options from parameters
    as_of: AsOf = None,
    known_at: KnownAt = None,
    q: Annotated[str | None, typer.Option(help="名称或编号 words of the name or identifier")] = None,
    region: Region = None,
    tier: Annotated[str | None, typer.Option(help=", ".join(TIERS))] = None,
    formation: Annotated[str | None, typer.Option(help=", ".join(FORMATIONS))] = None,
    parent: Annotated[str | None, typer.Option(help="隶属于 only those under this branch")] = None,
    body: Annotated[str | None, typer.Option(help="责任主体 only those that cover who answers to this body")] = None,
    in_effect: Annotated[bool | None, typer.Option(help="运转正常 only those in effect, or the others")] = None,
    lacks: Annotated[str | None, typer.Option(help=f"不正常的原因 {', '.join(LACKS)}")] = None,
    term_over: Annotated[bool | None, typer.Option(help="任届期满 only those whose term is over, or not")] = None,
    term_ends_within: Annotated[int | None, typer.Option(help="任期在多少天内届满 days", min=0)] = None,
    formed_after: Annotated[str | None, typer.Option(help="在此日期之后成立 formed after this date")] = None,
    members_from: Annotated[int | None, typer.Option(help="正式党员不少于 full members from", min=0)] = None,
    members_to: Annotated[int | None, typer.Option(help="正式党员不多于 full members to", min=0)] = None,
    sort: Annotated[str, typer.Option(help="顺序 branch, covers, full_members, term_to")] = "branch",
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """党组织台账 The branches' ledger: tier, term, members, whether each is in effect and what it lacks.

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
    title = f"截至 as of {answer['as_of']}, 数据时点 as known at {moment}: {answer['total']:,} 个 branches"
    return _table(answer["branches"], title)


def _table(rows: list[dict[str, Any]], title: str) -> Table:
    table = Table(
        "党组织 branch", "类别 tier", "组建 formation", "地区 region", "覆盖 covers", "党员 full members",
        "届满 term to", "运转正常 in effect", title=title,
    )  # fmt: skip
    for each in rows:
        table.add_row(
            f"{each['name']}\n{each['branch']}", _TIERS[each["tier"]], each["formation"], each["region"],
            f"{each['covers_in_all']:,}", f"{each['full_members']:,}", each["term_to"] or "—", _life(each),
        )  # fmt: skip
    return table


def _life(row: dict[str, Any]) -> str:
    if row["in_effect"] is None:
        return "—"
    return "是 yes" if row["in_effect"] else "\n".join(_LACKS[lack] for lack in row["lacks"])


def branch(
    branch: Annotated[str, typer.Argument(help="党组织 branch:…")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """一支部一档 One branch: what it covers, its terms and meetings, and what was judged of it.

    Example: taizhang branch branch:880107-0001 --as-of 2025-06-30
    """
    show(ask(f"/v1/branches/{branch}", {"as_of": as_of, "known_at": known_at}), _dossier, as_json=as_json)


def _dossier(answer: dict[str, Any]) -> RenderableType:
    title = f"截至 as of {answer['as_of']}, 数据时点 as known at {known_moment(answer['known_at'])}"
    if answer["row"] is None:
        return f"{answer['branch']}: {title}, 未成立 not formed"
    parts: list[RenderableType] = [_table([answer["row"]], title)]
    if answer["judged"] is not None:
        judged = Table("组织生活 meetings", "要求 asked", "各周期 held", "缺 missed", title="评判 judged")
        for each in answer["judged"]["meetings"]:
            held = "\n".join(f"{one['first']} – {one['last']}: {one['held']}" for one in each["periods"])
            missed = each["not_owed"] or ("是 yes" if each["missed"] else "否 no")
            judged.add_row(each["kind"], f"{each['least']} / {each['per']}", held, missed)
        parts.append(judged)
    terms = Table("任期 term", "届满 to", title="历届任期 terms")
    for each in answer["terms"]:
        terms.add_row(each["first"], each["last"] or "—")
    covers = Table(
        "覆盖 covers", "组建 formation", "在册 active", title=f"覆盖 {len(answer['covers']):,} 家 organizations"
    )
    for each in answer["covers"]:
        covers.add_row(
            f"{each['name'] or ''}\n{each['org']}", each["formation"], "是 yes" if each["active"] else "否 no"
        )
    parts += [terms, covers]
    if answer["below"]:
        parts.append(_table(answer["below"], "直接下属 directly below"))
    return Group(*parts)
