"""`taizhang notify`, and `taizhang notices …` for what is held back."""

from typing import Annotated, Any

import typer
from psycopg import Connection

from domain.values.instants import parse_date
from services.commands.console import OUT, Data
from services.commands.rebuild import connected
from services.notices import outbox
from services.system import logs
from services.system.errors import NotFoundError
from services.system.settings import load

notices = typer.Typer(no_args_is_help=True, help="通知发件箱 The outbox of notices: release, drop.")
ChannelName = Annotated[str, typer.Argument(help="通道 the channel's name in the file of channels")]


def notify(
    as_of: Annotated[str | None, typer.Option(help="日期 the date at whose end it is asked, YYYY-MM-DD; today")] = None,
    data: Data = None,
) -> None:
    """发送通知 Send notices to offices by webhook, e-mail, 企业微信 and 钉钉, each once, until stopped.

    TAIZHANG_NOTICES_FILE names the channels (deploy/notices.md). What was there before a channel looked for the first
    time is held: see `taizhang notices`. It needs a `taizhang serve` on the same database, whose projections it reads.

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
    """放行 Send what a channel holds: what was there before it began, or before a restore.

    Example: taizhang notices release county-hook
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        _require(connection, channel)
        OUT.print(f"{channel}: {outbox.release(connection, channel):,} 条待发 now wait to be sent")


@notices.command("drop")
def drop(
    channel: ChannelName,
    notice: Annotated[
        str | None, typer.Option("--id", help="编号 one notice, held or waiting; left out: all held")
    ] = None,
    data: Data = None,
) -> None:
    """作废 Never send what a channel holds, or one notice that it does not take.

    Example: taizhang notices drop county-hook
    """
    logs.configure("console", "warning")
    with connected(load(data=data)) as connection:
        _require(connection, channel)
        OUT.print(f"{channel}: {outbox.drop(connection, channel, notice):,} 条作废 dropped")


def _require(connection: Connection[Any], channel: str) -> None:
    known = [each.name for each in outbox.standings(connection)]
    if channel not in known:
        raise NotFoundError(
            f"no channel {channel!r} has looked at this ledger; there are: {', '.join(known) or 'none'}"
        )
