"""`taizhang quarantine …`: what was set aside, and its end."""

import base64
from typing import Annotated, Any

import typer
from rich.table import Table

from services.commands.client import Client
from services.commands.console import OUT, AsJson, ask, legible, print_json, shanghai, show
from services.system.settings import load

quarantine = typer.Typer(no_args_is_help=True, help="待核数据 What was set aside: list, show, redrive, discard.")

Number = Annotated[int, typer.Argument(min=1, help="隔离号 the quarantine id")]


@quarantine.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="状态 open, accepted, duplicate or discarded")] = "open",
    source: Annotated[str | None, typer.Option(help="来源 of one source only")] = None,
    rule: Annotated[str | None, typer.Option(help="规则 refused by one rule only")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最多几条 how many")] = 50,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """列出 The quarantined messages, the newest first.

    Example: taizhang quarantine list --rule uscc_check_character
    """
    answer = ask("/v1/quarantine", {"state": state, "source": source, "rule": rule, "limit": limit})
    show(answer, _messages_table, as_json=as_json)


def _messages_table(answer: dict[str, Any]) -> Table:
    table = Table(
        "隔离号\nid", "收到\nreceived", "来源, 事件\nsource, event", "状态\nstate", "原因\nreasons", show_lines=True
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
    """查看 One quarantined message whole, with its bytes as received."""
    answer = ask(f"/v1/quarantine/{number}")
    raw = base64.b64decode(answer["raw_base64"])
    print_json({name: value for name, value in answer.items() if name != "raw_base64"})
    OUT.print(legible(raw.decode("utf-8", "backslashreplace")), soft_wrap=True)


@quarantine.command()
def redrive(number: Number) -> None:
    """重新提交 Send a message through intake again, after what was wrong has been fixed."""
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/redrive"))


@quarantine.command()
def discard(number: Number, reason: Annotated[str, typer.Option(help="理由 why; it is recorded for good")]) -> None:
    """不予采用 Close a message without effect; it stays on record.

    Example: taizhang quarantine discard 7 --reason "test message of the registry"
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/discard", {"reason": reason}))


@quarantine.command()
def expire() -> None:
    """清除 Let the bytes go of what held numbers or names of persons and is due; the service does so every hour."""
    with Client(load()) as client:
        print_json(client.post("/v1/quarantine/expire"))


@quarantine.command("groups")
def list_groups(as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """分组 The open messages by reason and source, the largest group first."""
    show(ask("/v1/quarantine/groups"), _groups_table, as_json=as_json)


def _groups_table(answer: dict[str, Any]) -> Table:
    table = Table("规则\nrule", "来源\nsource", "条数\nmessages", "最近\nlast received", "例\nexample")
    for each in answer["groups"]:
        example = f"{each['example']}: {each['reason']}"
        received = shanghai(each["last_received_at"])
        table.add_row(each["rule"], each["source"] or "—", str(each["messages"]), received, example)
    return table


@quarantine.command("redrive-group")
def redrive_group(
    rule: Annotated[str | None, typer.Option(help="规则 refused by this rule")] = None,
    source: Annotated[str | None, typer.Option(help="来源 of this source")] = None,
    publisher: Annotated[str | None, typer.Option(help="发布者 by this publisher")] = None,
    trial: Annotated[str | None, typer.Option(help="试投 the dry run's `trial`: do exactly that, or nothing")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="执行 do it; without, only say what would happen")] = False,  # noqa: FBT002 - an option
) -> None:
    """成组重新提交 Send a whole group through intake again; a dry run unless --apply.

    Example: taizhang quarantine redrive-group --rule type_unknown --apply
    """
    given = {"rule": rule, "source": source, "publisher": publisher, "trial": trial}
    body = {name: value for name, value in given.items() if value}
    path = f"/v1/quarantine/redrive?dry_run={str(not apply).lower()}"
    with Client(load()) as client:
        print_json(client.post(path, body))
