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
from services.system.settings import load

access = typer.Typer(no_args_is_help=True, help="授权 Who has access: list, grant, revoke.")


@access.command("list")
def list_(as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """列出 Every grant there ever was, with what has become of it."""
    show(ask("/v1/access"), _grants_table, as_json=as_json)


def _grants_table(answer: dict[str, Any]) -> Table:
    table = Table(
        "授权\naccess",
        "持有者\nholder",
        "角色\nroles",
        "地区、责任主体\nregions, bodies",
        "自\nsince",
        "至\nuntil",
        "有效\nin force",
    )
    for each in answer["grants"]:
        limits = [", ".join(told) for told in (each["regions"], each["bodies"]) if told is not None]
        within = " 且 and ".join(limits) or "全部 all"
        in_force = "是 yes" if each["in_force"] else f"否 no {each['reason'] or ''}"
        table.add_row(
            each["access"], each["holder"], ", ".join(each["roles"]), within, each["since"], each["until"] or "",
            in_force,
        )  # fmt: skip
    return table


@access.command()
def grant(  # noqa: PLR0917 - a grant's own fields
    holder: Annotated[str, typer.Argument(help="持有者 a machine's name, or a person's pseudonym")],
    role: Annotated[list[str], typer.Option(help=f"角色 may repeat: {', '.join(sorted(ROLES))}")],
    source: Annotated[list[str] | None, typer.Option(help="来源 it may publish; may repeat; left out: any")] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="类型 an event type that it lets say; may repeat; left out: any")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="地区 a division code; may repeat; left out: all")] = None,
    body: Annotated[
        list[str] | None, typer.Option(help="责任主体 what answers to it or below; may repeat; left out: any")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="有效期 its last day")] = None,
    *,
    key: Annotated[bool, typer.Option(help="密钥 make an API key that goes with it")] = True,
) -> None:
    """授予 Grant access; a key is printed once, and the log has only its hash.

    With sources and no types it is a registry's: no rule for the whole city, no other registry's organizations. A topic
    of Kafka is the holder kafka: and its name.

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
    ERR.print(f"已授予 Granted: {answer['access']}")
    if answer["key"] is not None:
        ERR.print("请妥善保存, 不会再显示 Keep the key safe, it is not shown again:")
        sys.stdout.write(f"{answer['key']}\n")


@access.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="ACCESS", help="授权 as access:…")],
    reason: Annotated[str, typer.Option(help="理由 why; it is recorded for good")],
) -> None:
    """撤销 Revoke a grant; it counts within a second.

    Example: taizhang access revoke access:0123456789abcdef --reason "key replaced"
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/access/{name}/revoke", {"reason": reason}))


def sign_in_link(
    role: Annotated[list[str], typer.Option(help=f"角色 may repeat: {', '.join(sorted(ROLES))}")],
    region: Annotated[list[str] | None, typer.Option(help="地区 a division code; may repeat; left out: all")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=LINK_MINUTES_MAX, help="有效分钟 how long it can be used")] = 15,
) -> None:
    """登录链接 Make a link by which somebody signs in, once, without OpenID Connect.

    The grant that goes with it is in the log as any other, and ends tomorrow; `taizhang access revoke` ends it sooner.
    Asks the service as an administrator, by TAIZHANG_API_KEY.

    Example: taizhang sign-in-link --role inspector --region 990101
    """
    with Client(load()) as client:
        answer = client.post("/v1/access/links", {"roles": role, "regions": region or None, "minutes": minutes})
    ERR.print(f"一次有效 Works once, until {answer['until']}; {answer['access']} {answer['holder']}", highlight=False)
    sys.stdout.write(f"{client.url}{answer['path']}\n")
