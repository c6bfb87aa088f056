"""`taizhang quarantine …`: what was set aside, and its end."""

import base64
from typing import Annotated

import typer
from rich.table import Table

from services.client import Client
from services.commands.console import OUT, AsJson, print_json, shanghai
from services.settings import load

quarantine = typer.Typer(no_args_is_help=True, help="隔离区 What was set aside: list, show, redrive, discard.")

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
    with Client(load()) as client:
        answer = client.get("/v1/quarantine", {"state": state, "source": source, "rule": rule, "limit": limit})
    if as_json:
        print_json(answer)
        return
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
    OUT.print(table)


@quarantine.command()
def show(number: Number) -> None:
    """查看 One quarantined message whole, with its bytes as received."""
    with Client(load()) as client:
        answer = client.get(f"/v1/quarantine/{number}")
    raw = base64.b64decode(answer["raw_base64"])
    print_json({name: value for name, value in answer.items() if name != "raw_base64"})
    OUT.print(raw.decode("utf-8", "backslashreplace"), markup=False, highlight=False)


@quarantine.command()
def redrive(number: Number) -> None:
    """重投 Send a message through intake again, after what was wrong has been fixed."""
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/redrive"))


@quarantine.command()
def discard(number: Number, reason: Annotated[str, typer.Option(help="理由 why; it is recorded for good")]) -> None:
    """弃置 Close a message without effect; it stays on record.

    Example: taizhang quarantine discard 7 --reason "test message of the registry"
    """
    with Client(load()) as client:
        print_json(client.post(f"/v1/quarantine/{number}/discard", {"reason": reason}))
