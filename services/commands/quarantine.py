"""`taizhang quarantine …`: what was set aside, and its end."""

import base64
from typing import Annotated, Any

import typer
from rich.table import Table

from services.commands.client import Client
from services.commands.console import OUT, AsJson, ask, legible, print_json, shanghai, show
from services.commands.language import Commands, zh_en
from services.system.settings import load

quarantine = Commands(
    no_args_is_help=True,
    help=zh_en("待核数据：列出、查看、重投、废弃", "What was set aside: list, show, redrive, discard."),
)

Number = Annotated[int, typer.Argument(min=1, help=zh_en("隔离号", "the quarantine id"))]


@quarantine.command("list")
def list_(
    state: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "状态：open、accepted、duplicate、discarded", "its state: open, accepted, duplicate or discarded"
            )
        ),
    ] = "open",
    source: Annotated[str | None, typer.Option(help=zh_en("只列此来源的", "of one source only"))] = None,
    rule: Annotated[str | None, typer.Option(help=zh_en("只列因此规则被隔离的", "refused by one rule only"))] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help=zh_en("最多几条", "how many"))] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """The quarantined messages, the newest first.

    列出被隔离的消息，最新的在前。

    Example: taizhang quarantine list --rule uscc_check_character
    """
    answer = ask("/v1/quarantine", {"state": state, "source": source, "rule": rule, "limit": limit})
    show(answer, _messages_table, as_json=as_json)


def _messages_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("隔离号", "id"),
        zh_en("收到", "received"),
        zh_en("来源, 事件", "source, event"),
        zh_en("状态", "state"),
        zh_en("原因", "reasons"),
        show_lines=True,
    )
    for column in table.columns:
        column.overflow = "fold"
    for item in answer["quarantined"]:
        reasons = "\n".join(f"{each['at']} {each['message']}".strip() for each in item["reasons"])
        received = shanghai(item["received_at"])
        table.add_row(
            str(item["quarantine_id"]),
            received,
            f"{item['source'] or '—'}\n{item['id'] or '—'}",
            item["state"],
            reasons,
        )
    return table


@quarantine.command("show")
def show_message(number: Number) -> None:
    """One quarantined message whole, with its bytes as received.

    查看一条被隔离的消息的全部，包括所收到的字节。
    """
    answer = ask(f"/v1/quarantine/{number}")
    raw = base64.b64decode(answer["raw_base64"])
    print_json({name: value for name, value in answer.items() if name != "raw_base64"})
    OUT.print(legible(raw.decode("utf-8", "backslashreplace")), soft_wrap=True)


@quarantine.command()
def redrive(number: Number) -> None:
    """Send a message through intake again, after what was wrong has been fixed.

    重新提交：问题解决之后，使消息再走一遍接收。
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/redrive"))


@quarantine.command()
def discard(
    number: Number, reason: Annotated[str, typer.Option(help=zh_en("理由，永久留存", "why; it is recorded for good"))]
) -> None:
    """Close a message without effect; it stays on record.

    不予采用：关闭一条消息，不生效力；记录仍在。

    Example: taizhang quarantine discard 7 --reason "test message of the registry"
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/discard", {"reason": reason}))


@quarantine.command()
def expire() -> None:
    """Let the bytes go of what held numbers or names of persons and is due; the service does so every hour.

    清除：到期的、含人员号码或姓名的字节不再留存；服务每小时自行清除。
    """
    with Client(load()) as client:
        print_json(client.post("/v1/quarantine/expire"))


@quarantine.command("groups")
def list_groups(as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """The open messages by reason and source, the largest group first.

    按原因和来源分组的未结消息，最大的组在前。
    """
    show(ask("/v1/quarantine/groups"), _groups_table, as_json=as_json)


def _groups_table(answer: dict[str, Any]) -> Table:
    table = Table(
        zh_en("规则", "rule"),
        zh_en("来源", "source"),
        zh_en("条数", "messages"),
        zh_en("最近", "last received"),
        zh_en("例", "example"),
    )
    for each in answer["groups"]:
        example = f"{each['example']}: {each['reason']}"
        received = shanghai(each["last_received_at"])
        table.add_row(each["rule"], each["source"] or "—", str(each["messages"]), received, example)
    return table


@quarantine.command("redrive-group")
def redrive_group(
    rule: Annotated[str | None, typer.Option(help=zh_en("因此规则被隔离的", "refused by this rule"))] = None,
    source: Annotated[str | None, typer.Option(help=zh_en("此来源的", "of this source"))] = None,
    publisher: Annotated[str | None, typer.Option(help=zh_en("此发布者的", "by this publisher"))] = None,
    trial: Annotated[
        str | None,
        typer.Option(
            help=zh_en("试投所给的 trial：照此执行，或什么也不做", "the dry run's `trial`: do exactly that, or nothing")
        ),
    ] = None,
    apply: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option("--apply", help=zh_en("执行；不填则只说明会怎样", "do it; without, only say what would happen")),
    ] = False,
) -> None:
    """Send a whole group through intake again; a dry run unless --apply.

    成组重新提交；不给 --apply 只是试投。

    Example: taizhang quarantine redrive-group --rule type_unknown --apply
    """
    given = {"rule": rule, "source": source, "publisher": publisher, "trial": trial}
    body = {name: value for name, value in given.items() if value}
    path = f"/v1/quarantine/redrive?dry_run={str(not apply).lower()}"
    with Client(load()) as client:
        print_json(client.post(path, body))
