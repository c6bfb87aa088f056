"""`taizhang publish FILE`."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.commands.client import Client
from services.commands.console import ERR, OUT
from services.commands.language import zh_en
from services.commands.sending import Outcome, publish, read_events
from services.system.settings import Settings, load

EXIT_QUARANTINED: Final = 3


def publish_file(
    file: Annotated[
        Path,
        typer.Argument(
            help=zh_en(
                "事件文件：每行一个 JSON，或 CloudEvents 的 JSON 数组；- 为标准输入",
                "JSON lines, or a JSON array of CloudEvents; - for standard input",
            )
        ),
    ],
    url: Annotated[
        str | None, typer.Option(help=zh_en("服务地址；不填为 TAIZHANG_URL", "the service, if not TAIZHANG_URL"))
    ] = None,
    reasons: Annotated[
        int, typer.Option(min=0, help=zh_en("列出多少条被隔离的", "how many quarantined events to list"))
    ] = 20,
    kafka: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--kafka",
            help=zh_en("改发往 TAIZHANG_KAFKA_BOOTSTRAP 的 Kafka", "send to TAIZHANG_KAFKA_BOOTSTRAP instead"),
        ),
    ] = False,
    topic: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "与 --kafka 同用：主题；不填为 TAIZHANG_KAFKA_TOPICS 的第一个",
                "with --kafka: the topic, if not the first of TAIZHANG_KAFKA_TOPICS",
            )
        ),
    ] = None,
    *,
    history: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "带入此名称的历史，按来源所称的时间得知；限数据管理员",
                "bring a history of this name: learned when its sources said it; stewards only",
            )
        ),
    ] = None,
) -> None:
    """Send a file of events to a running service, or to Kafka.

    Each event is sent with its bytes as they stand in the file, in order, in batches. A line that is no JSON is sent
    too and kept in quarantine. Sending a file again does no harm: what is known is a duplicate.

    Exit code 0: everything is accepted or duplicate. 3: something is in quarantine, which is kept whole and can be
    redriven. 1: the service refused or could not be reached; send the file again.

    With --history NAME the file is a history that others recorded: each event counts as learned when its sources said
    it (the latest `time` so far), not today. Send it in the order in which it was said; a steward's key is needed.

    把事件文件发给运行中的服务，或发往 Kafka。

    事件逐字节照文件原样，依次分批发出。不是 JSON 的行照样发出，留在隔离区。文件重发无害：已知的算作重复。

    退出码 0：全部接受或重复。3：有隔离的，完整留存，可以重投。1：服务拒绝或无法到达，请再发一次。

    给出 --history 名称 时，文件是他人记下的历史：每个事件按其来源所称的时间得知（取至此最晚的 time），而不是今天。
    应按当时说的先后发送；须有数据管理员的密钥。

    Examples:
        taizhang publish events.jsonl
        taizhang publish --history "2019-2024" history.jsonl
    """
    settings = load(url=url)
    if kafka and history is not None:
        raise typer.BadParameter("--history goes over HTTP; leave --kafka away")
    with _open(file) as stream:
        size = None if file == Path("-") else file.stat().st_size
        if kafka:
            _publish_to_kafka(settings, topic or settings.kafka_topics.partition(",")[0], stream, size)
            return
        with Client(settings, history=history) as client:
            outcome = publish_stream(client, stream, size)
    show(outcome, reasons)
    if outcome.dispositions["quarantined"]:
        raise typer.Exit(EXIT_QUARANTINED)


def _open(file: Path) -> BinaryIO:
    if file == Path("-"):
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"cannot read {file}: {error.strerror}") from error


def _publish_to_kafka(settings: Settings, topic: str, stream: BinaryIO, size: int | None) -> None:
    from services.kafka import publishing  # noqa: PLC0415 - only here

    with _progress(size) as advance:
        count = publishing.publish(settings, topic, read_events(stream), advance)
    OUT.print(
        zh_en(
            f"已发往 {topic}：{count} 条；结果见 taizhang quarantine list、/v1/sources",
            f"sent to {topic}: {count} events; what became of them: taizhang quarantine list, /v1/sources",
        )
    )


def publish_stream(client: Client, stream: BinaryIO, size: int | None) -> Outcome:
    """Publish with a progress bar over `size` bytes."""
    with _progress(size) as advance:
        return publish(client, read_events(stream), advance)


@contextlib.contextmanager
def _progress(size: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar over `size` bytes, advanced by events and bytes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn(zh_en("{task.fields[events]:,} 条", "{task.fields[events]:,} events")),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, transient=not ERR.is_terminal) as bar:
        task = bar.add_task(zh_en("发布中", "publishing"), total=size, events=0)
        sent = 0

        def advance(events: int, bytes_: int) -> None:
            nonlocal sent
            sent += events
            bar.update(task, advance=bytes_, events=sent)

        yield advance


def show(outcome: Outcome, reasons_max: int) -> None:
    """Print the sum of dispositions, and the first quarantined events with their reasons."""
    counts = outcome.dispositions
    OUT.print(
        zh_en(
            f"已收 {outcome.total} = 接受 {counts['accepted']} + 重复 {counts['duplicate']} + 隔离 "
            f"{counts['quarantined']}",
            f"received {outcome.total} = accepted {counts['accepted']} + duplicate {counts['duplicate']} + "
            f"quarantined {counts['quarantined']}",
        )
    )
    if outcome.position:
        OUT.print(zh_en(f"最高位置 {outcome.position}", f"highest position {outcome.position}"))
    if not outcome.quarantined or not reasons_max:
        return
    table = Table(
        zh_en("第几条", "event"),
        zh_en("隔离号", "quarantine id"),
        zh_en("原因", "reasons"),
        title=zh_en("隔离", "Quarantined"),
    )
    for number, quarantine_id, words in outcome.quarantined[:reasons_max]:
        table.add_row(str(number), str(quarantine_id), words)
    OUT.print(table)
    left = counts["quarantined"] - min(reasons_max, len(outcome.quarantined))
    if left > 0:
        OUT.print(zh_en(f"另有 {left} 条：taizhang quarantine list", f"and {left} more: taizhang quarantine list"))
