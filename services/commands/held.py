"""`taizhang held …`: the events that are accepted and have no part in the ledger."""

from typing import Annotated

import typer
from rich.table import Table

from services.commands.console import OUT, AsJson, Data, print_json
from services.commands.rebuild import connected
from services.commands.rebuild import rebuild as rebuild_now
from services.ledger import held as work
from services.system import logs
from services.system.settings import load

EXIT_HELD = 3

held = typer.Typer(no_args_is_help=True, help="未计入台账的事件 Events that could not be applied: list, retry.")


@held.command("list")
def list_(
    data: Data = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="最多几条 how many")] = 100,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """列出 The events that the ledger holds, in order of position, each with its fault.

    Exit code 3: there are some.

    Example: taizhang held list
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        number, found = work.count(connection), work.held(connection, limit)
    if as_json:
        print_json({"held": number, "events": [{**each._asdict(), "waits": each.waits} for each in found]})
    elif not found:
        OUT.print("没有 None: every event is applied")
    else:
        _show(found, number)
    if number:
        raise typer.Exit(EXIT_HELD)


@held.command("retry")
def retry(data: Data = None) -> None:
    """再试 Try held events again, after an upgrade: builds the ledger anew beside the version in use, and swaps.

    What cannot be applied by the new program either is held again. Exit code 3: some are.

    Example: taizhang held retry
    """
    rebuild_now(data=data)
    list_(data=data, limit=100, as_json=False)


def _show(found: list[work.Held], number: int) -> None:
    table = Table("位置\nposition", "来源, 事件\nsource, event", "对象\nsubject", "原因\nfault", show_lines=True)
    for column in table.columns:
        column.overflow = "fold"
    for each in found:
        table.add_row(str(each.position), f"{each.source}\n{each.id}", each.entity, each.fault)
    OUT.print(table)
    if number > len(found):
        OUT.print(f"另有 and {number - len(found)} 条 more")
