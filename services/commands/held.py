"""`taizhang held …`: the events that are accepted and have no part in the ledger."""

from typing import Annotated

import typer
from rich.table import Table

from services.commands.console import OUT, AsJson, Data, print_json
from services.commands.language import Commands, zh_en
from services.commands.rebuild import connected
from services.commands.rebuild import rebuild as rebuild_now
from services.ledger import held as work
from services.system import logs
from services.system.settings import load

EXIT_HELD = 3

held = Commands(
    no_args_is_help=True, help=zh_en("未能计入台账的事件：列出、重试", "Events that could not be applied: list, retry.")
)


@held.command("list")
def list_(
    data: Data = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=zh_en("最多几条", "how many"))] = 100,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """The events that the ledger holds, in order of position, each with its fault.

    Exit code 3: there are some.

    列出未能计入台账的事件，按位置排列，附各自的原因。

    退出码 3：有这样的事件。

    Example: taizhang held list
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        number, found = work.count(connection), work.held(connection, limit)
    if as_json:
        print_json({"held": number, "events": [{**each._asdict(), "waits": each.waits} for each in found]})
    elif not found:
        OUT.print(zh_en("没有：所有事件都已计入", "None: every event is applied"))
    else:
        _show(found, number)
    if number:
        raise typer.Exit(EXIT_HELD)


@held.command("retry")
def retry(data: Data = None) -> None:
    """Try held events again, after an upgrade: builds the ledger anew beside the version in use, and swaps.

    What cannot be applied by the new program either is held again. Exit code 3: some are.

    重试挂起的事件，用于升级之后：在现用版本旁重建台账，然后切换。

    新程序仍不能计入的继续挂起。退出码 3：还有挂起的。

    Example: taizhang held retry
    """
    rebuild_now(data=data)
    list_(data=data, limit=100, as_json=False)


def _show(found: list[work.Held], number: int) -> None:
    table = Table(
        zh_en("位置", "position"),
        zh_en("来源, 事件", "source, event"),
        zh_en("对象", "subject"),
        zh_en("原因", "fault"),
        show_lines=True,
    )
    for column in table.columns:
        column.overflow = "fold"
    for each in found:
        table.add_row(str(each.position), f"{each.source}\n{each.id}", each.entity, each.fault)
    OUT.print(table)
    if number > len(found):
        OUT.print(zh_en(f"另有 {number - len(found)} 条", f"and {number - len(found)} more"))
