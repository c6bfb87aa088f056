"""`taizhang notify`, and `taizhang notices …` for what is held back."""

from typing import Annotated, Any

import typer
from psycopg import Connection

from domain.values.instants import parse_date
from services.commands.console import OUT, Data
from services.commands.language import Commands, zh_en
from services.commands.rebuild import connected
from services.notices import outbox
from services.system import logs
from services.system.errors import NotFoundError
from services.system.settings import load

notices = Commands(
    no_args_is_help=True,
    help=zh_en("通知发件箱中暂缓的：放行、作废", "What the outbox of notices holds back: release, drop."),
)
ChannelName = Annotated[
    str, typer.Argument(help=zh_en("通道文件中的通道名", "the channel's name in the file of channels"))
]


def notify(
    as_of: Annotated[
        str | None,
        typer.Option(
            help=zh_en("按哪一天日终查看，YYYY-MM-DD，默认今天", "the date at whose end it is asked, YYYY-MM-DD; today")
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Send notices to offices by webhook, e-mail and the robots of WeCom and DingTalk, each once, until stopped.

    TAIZHANG_NOTICES_FILE names the channels (deploy/notices.md). What was there before a channel looked for the first
    time is held: see `taizhang notices`. It needs a `taizhang serve` on the same database, whose projections it reads.

    向各单位发送通知，经 Webhook、电子邮件、企业微信和钉钉群机器人，每条一次，直到停止。

    通道写在 TAIZHANG_NOTICES_FILE 所指的文件里（deploy/notices.md）。通道首次启用前已有的先暂缓，
    见 `taizhang notices`。同一数据库上须有 `taizhang serve` 在运行，通知据其投影得出。

    Example: taizhang notify
    """
    from services.notices.worker import notify as run  # noqa: PLC0415 - other commands start without it

    try:
        day = None if as_of is None else parse_date(as_of)
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {as_of!r}: {error}") from None
    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level)
    run(settings, day)


@notices.command("release")
def release(channel: ChannelName, data: Data = None) -> None:
    """Send what a channel holds: what was there before it began, or before a restore.

    放行通道暂缓的通知：通道启用前，或恢复备份前已有的。

    Example: taizhang notices release county-hook
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        _require(connection, channel)
        count = f"{outbox.release(connection, channel):,}"
    OUT.print(zh_en(f"{channel}：{count} 条待发", f"{channel}: {count} wait to be sent"))


@notices.command("drop")
def drop(
    channel: ChannelName,
    notice: Annotated[
        str | None,
        typer.Option(
            "--id",
            help=zh_en(
                "只作废这一条，暂缓或待发均可；默认作废全部暂缓的", "one notice, held or waiting; left out: all held"
            ),
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Never send what a channel holds, or one notice that its receiver does not take.

    作废通道暂缓的通知，或对方不收的某一条，不再发送。

    Example: taizhang notices drop county-hook
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        _require(connection, channel)
        count = f"{outbox.drop(connection, channel, notice):,}"
    OUT.print(zh_en(f"{channel}：{count} 条作废", f"{channel}: {count} dropped"))


def _require(connection: Connection[Any], channel: str) -> None:
    known = [each.name for each in outbox.standings(connection)]
    if channel not in known:
        raise NotFoundError(
            f"no channel {channel!r} has looked at this ledger; there are: {', '.join(known) or 'none'}"
        )
