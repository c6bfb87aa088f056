"""`taizhang access …`: who has access, granted and revoked by an administrator."""

import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from domain.events.access import ROLES
from services.access.sessions import LINK_MINUTES_MAX
from services.commands.client import Client
from services.commands.console import ERR, AsJson, ask, print_json, show
from services.commands.language import Commands, zh_en
from services.system.settings import load

access = Commands(no_args_is_help=True, help=zh_en("授权：列出、授予、撤销", "Who has access: list, grant, revoke."))


@access.command("list")
def list_(as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Every grant there ever was, with what has become of it.

    列出所有授权，包括已终止的及其缘由。
    """
    show(ask("/v1/access"), _grants_table, as_json=as_json)


def _grants_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("授权", "access"),
        zh_en("持有者", "holder"),
        zh_en("角色", "roles"),
        zh_en("地区、责任主体", "regions, bodies"),
        zh_en("自", "since"),
        zh_en("至", "until"),
        zh_en("有效", "in force"),
    )
    for each in answer["grants"]:
        limits = [", ".join(told) for told in (each["regions"], each["bodies"]) if told is not None]
        within = zh_en(" 且 ", " and ").join(limits) or zh_en("全部", "all")
        in_force = (
            zh_en("是", "yes")
            if each["in_force"]
            else zh_en(f"否 {each['reason'] or ''}", f"no {each['reason'] or ''}")
        )
        table.add_row(
            each["access"], each["holder"], ", ".join(each["roles"]), within, each["since"], each["until"] or "",
            in_force,
        )  # fmt: skip
    return table


@access.command()
def grant(  # noqa: PLR0917 - a grant's own fields
    holder: Annotated[
        str,
        typer.Argument(
            help=zh_en("持有者：机器的名称，或人员的化名", "the holder: a machine's name, or a person's pseudonym")
        ),
    ],
    role: Annotated[
        list[str],
        typer.Option(
            help=zh_en(f"角色，可重复：{', '.join(sorted(ROLES))}", f"role, may repeat: {', '.join(sorted(ROLES))}")
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("可发布的来源，可重复；不填则不限", "a source that it may publish; may repeat; left out: any")
        ),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help=zh_en(
                "可发布的事件类型，可重复；不填则不限", "an event type that it lets say; may repeat; left out: any"
            ),
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("地区的区划代码，可重复；不填则不限", "a region's division code; may repeat; left out: all")
        ),
    ] = None,
    body: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                "责任主体：限于由它及其下级负责的单位，可重复；不填则不限",
                "a body: what answers to it or below; may repeat; left out: any",
            )
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help=zh_en("有效期的最后一天", "its last day"))
    ] = None,
    *,
    key: Annotated[bool, typer.Option(help=zh_en("同时生成接口密钥", "make an API key that goes with it"))] = True,
) -> None:
    """Grant access; a key is printed once, and the log has only its hash.

    With sources and no types it is a registry's: no rule for the whole city, no other registry's organizations. A topic
    of Kafka is the holder kafka: and its name.

    授予权限；密钥只显示一次，日志中只有它的哈希。

    填了来源而未填类型的，是登记机关的授权：不得为全市作出规定，也不得涉及其他登记机关的单位。Kafka
    主题的持有者写作 kafka: 加主题名。

    Example: taizhang access grant county-990101 --role operator --region 990101
    Example: taizhang access grant park-1 --role operator --body body:park-1
    Example: taizhang access grant kafka:taizhang.events --role publisher --source /registry/market --no-key
    """
    given = {
        "holder": holder, "roles": role, "sources": source or None, "types": type_ or None,
        "regions": region or None, "bodies": body or None,
        "until": None if until is None else until.date().isoformat(), "key": key,
    }  # fmt: skip
    with Client(load()) as client:
        answer = client.post("/v1/access", given)
    ERR.print(zh_en(f"已授予：{answer['access']}", f"Granted: {answer['access']}"))
    if answer["key"] is not None:
        ERR.print(zh_en("请妥善保存，密钥不会再次显示：", "Keep the key safe, it is not shown again:"))
        sys.stdout.write(f"{answer['key']}\n")


@access.command()
def revoke(
    name: Annotated[
        str, typer.Argument(metavar="ACCESS", help=zh_en("授权的编号，形如 access:…", "the grant, as access:…"))
    ],
    reason: Annotated[str, typer.Option(help=zh_en("理由，永久留存", "why; it is recorded for good"))],
) -> None:
    """Revoke a grant; it counts within a second.

    撤销授权，一秒内生效。

    Example: taizhang access revoke access:0123456789abcdef --reason "key replaced"
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/access/{name}/revoke", {"reason": reason}))


def sign_in_link(
    role: Annotated[
        list[str],
        typer.Option(
            help=zh_en(f"角色，可重复：{', '.join(sorted(ROLES))}", f"role, may repeat: {', '.join(sorted(ROLES))}")
        ),
    ],
    region: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("地区的区划代码，可重复；不填则不限", "a region's division code; may repeat; left out: all")
        ),
    ] = None,
    minutes: Annotated[
        int,
        typer.Option(
            min=1, max=LINK_MINUTES_MAX, help=zh_en("链接在多少分钟内有效", "for how many minutes it can be used")
        ),
    ] = 15,
) -> None:
    """Make a link by which somebody signs in, once, without OpenID Connect.

    The grant that goes with it is in the log as any other, and ends tomorrow; `taizhang access revoke` ends it sooner.
    Asks the service as an administrator, by TAIZHANG_API_KEY.

    生成登录链接：不用 OpenID Connect，凭链接登录一次。

    相应的授权与其他授权一样记入日志，次日终止；taizhang access revoke 可提前终止。
    须以管理员身份（TAIZHANG_API_KEY）向服务提出。

    Example: taizhang sign-in-link --role inspector --region 990101
    """
    with Client(load()) as client:
        answer = client.post("/v1/access/links", {"roles": role, "regions": region or None, "minutes": minutes})
    ERR.print(
        zh_en(
            f"一次有效，{answer['until']} 前可用；{answer['access']} {answer['holder']}",
            f"Works once, until {answer['until']}; {answer['access']} {answer['holder']}",
        ),
        highlight=False,
    )
    sys.stdout.write(f"{client.url}{answer['path']}\n")
