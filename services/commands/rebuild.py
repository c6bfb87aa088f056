"""`taizhang rebuild`."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Final

import typer
from psycopg import Connection
from psycopg.rows import TupleRow
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from services.commands.console import ERR, Data
from services.commands.language import zh_en
from services.ledger import rebuild as work
from services.postgres.database import connect
from services.system import logs
from services.system.errors import InvalidValueError
from services.system.settings import Settings, load

PROJECTIONS: Final = ("ledger",)
EXIT_CANCELLED: Final = 130
REPORT_S: Final = 10.0
# Of the rebuild's processes, as nice(2) counts.
NICENESS: Final = 10
# The signals to stop that have come.
_STOPPING: Final[list[int]] = []


def rebuild(
    projection: Annotated[
        str, typer.Argument(help=zh_en(f"投影：{', '.join(PROJECTIONS)}", f"the projection: {', '.join(PROJECTIONS)}"))
    ] = PROJECTIONS[0],
    data: Data = None,
    abandon: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--abandon",
            help=zh_en(
                "放弃中断的重建所留下的，不另建", "drop what a rebuild that was cut off has left, and build nothing"
            ),
        ),
    ] = False,
    if_due: Annotated[bool, typer.Option("--if-due", hidden=True)] = False,  # noqa: FBT002 - an option
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Rebuild a projection from the log, beside the version in use, and swap.

    Everyone goes on reading the version in use until the new one has caught up; then all read the new one. Works while
    the service runs and while it does not. Ctrl-C stops it, and the next call goes on from there; --abandon drops the
    unfinished version. The version before is kept until the next rebuild, so the tables take their room twice, and
    three times while a rebuild runs.

    由日志重建投影，在现用版本旁进行，然后切换。

    新版本赶上之前，大家读的都是现用版本；赶上之后都读新版本。服务运行或停止时都可以做。Ctrl-C 可停，
    再次执行会接着做；--abandon 丢弃未完成的版本。前一版本留到下次重建，所以各表占两份空间，重建时占三份。

    Example: taizhang rebuild
    """
    if projection not in PROJECTIONS:
        raise InvalidValueError(f"no projection is named {projection!r}: it is one of {', '.join(PROJECTIONS)}")
    if parent is not None:
        from services.system.supervision import die_with  # noqa: PLC0415 - only here

        die_with(parent)
    # Whoever asks or publishes meanwhile goes first; what is left of both cores is the rebuild's.
    os.nice(NICENESS)
    settings = load(data=data)
    logs.configure(settings.log_format, settings.log_level if if_due else "warning")
    if abandon:
        _abandon(settings)
    elif if_due:
        _if_due(settings)
    else:
        _rebuild(settings)


def _if_due(settings: Settings) -> None:
    """As the service's own child: only where the rules have changed, and told in its log."""
    reported = time.monotonic()

    def report(position: int, head: int) -> None:
        nonlocal reported
        if time.monotonic() - reported >= REPORT_S:
            reported = time.monotonic()
            logs.logger().info("rebuilding", position=position, of=head)

    with connect(settings.conninfo, "rebuild") as connection, suppress(work.NotDueError):
        work.rebuild(connection, report, if_due=True)


def _rebuild(settings: Settings) -> None:
    _stopped_between_batches()
    began = time.monotonic()
    try:
        with connected(settings) as connection:
            done = _with_bar(connection)
            seconds = time.monotonic() - began
    except KeyboardInterrupt:
        ERR.print(
            zh_en(
                "已取消，在用版本未动。\n继续：taizhang rebuild    放弃已建部分：taizhang rebuild --abandon",
                "Cancelled; the version in use is as it was.\nTo go on: taizhang rebuild    To drop what was "
                "built: taizhang rebuild --abandon",
            )
        )
        raise typer.Exit(EXIT_CANCELLED) from None
    count = done.version.position - done.resumed_at
    ERR.print(
        zh_en(
            f"版本 {done.version.number} 已启用，位置 {done.version.position:,}（{count:,} 个事件，{seconds:.1f} "
            f"秒，每秒 {count / max(seconds, 1e-3):,.0f} 个）；规则 {done.version.ruleset[:12]}",
            f"Version {done.version.number} is in use, at position {done.version.position:,} ({count:,} events in "
            f"{seconds:.1f} s, {count / max(seconds, 1e-3):,.0f} events/s); rules {done.version.ruleset[:12]}",
        )
    )
    if done.held:
        ERR.print(
            zh_en(
                f"{done.held} 个事件未能计入，与其后的一并挂起：见 taizhang held list",
                f"{done.held} events could not be applied, and are held with those behind them: see taizhang held list",
            ),
            style="yellow",
        )


@contextmanager
def connected(settings: Settings) -> Iterator[Connection[TupleRow]]:
    """A connection to the database of these settings, which is started where it is embedded and does not run."""
    from services.serving.serving import database  # noqa: PLC0415 - other commands start without a server

    with database(settings) as ready, connect(ready.conninfo, "rebuild") as connection:
        yield connection


def _with_bar(connection: Connection[TupleRow]) -> work.Rebuilt:
    columns = (TextColumn("{task.description}"), BarColumn(), _Count(), _Speed(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(zh_en("正在重建台账", "rebuilding the ledger"), total=None)

        def report(position: int, head: int) -> None:
            bar.update(task, completed=position, total=head)
            if _STOPPING:
                raise KeyboardInterrupt

        return work.rebuild(connection, report)


def _abandon(settings: Settings) -> None:
    with connected(settings) as connection:
        dropped = work.abandon(connection)
    ERR.print(
        zh_en(f"已放弃 {dropped} 个未完成的版本", f"Dropped: {dropped} unfinished")
        if dropped
        else zh_en("没有未完成的版本", "Nothing is unfinished")
    )


def _stopped_between_batches() -> None:
    """The first SIGINT or SIGTERM stops the work once its batch is durable, a second one at once.

    An interrupt in the middle of a call to the database may come back as the database's own error.
    """

    def note(number: int, frame: FrameType | None) -> None:
        if _STOPPING:
            signal.default_int_handler(number, frame)
        _STOPPING.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{int(task.total):,}"
        return Text(f"{int(task.completed):,}/{total}")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} events/s")
