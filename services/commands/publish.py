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
from services.commands.sending import Outcome, publish, read_events
from services.system.settings import Settings, load

EXIT_QUARANTINED: Final = 3


def publish_file(
    file: Annotated[
        Path, typer.Argument(help="事件文件 JSON lines, or a JSON array of CloudEvents; - for standard input")
    ],
    url: Annotated[str | None, typer.Option(help="服务地址 the service, if not TAIZHANG_URL")] = None,
    reasons: Annotated[int, typer.Option(min=0, help="列出多少条隔离原因 how many quarantined events to list")] = 20,
    kafka: Annotated[bool, typer.Option("--kafka", help="发往 Kafka send to TAIZHANG_KAFKA_BOOTSTRAP instead")] = False,  # noqa: FBT002 - an option
    topic: Annotated[
        str | None, typer.Option(help="主题 with --kafka: the topic, if not the first of TAIZHANG_KAFKA_TOPICS")
    ] = None,
    *,
    history: Annotated[
        str | None,
        typer.Option(help="带入历史 bring a history of this name: learned when its sources said it; stewards only"),
    ] = None,
) -> None:
    """发布事件 Send a file of events to a running service, or to Kafka.

    Each event is sent with its bytes as they stand in the file, in order, in batches. A line that is no JSON is sent
    too and kept in quarantine. Sending a file again does no harm: what is known is a duplicate.

    Exit code 0: everything is accepted or duplicate. 3: something is in quarantine, which is kept whole and can be
    redriven. 1: the service refused or could not be reached; send the file again.

    With --history NAME the file is a history that others recorded: each event counts as learned when its sources said
    it (the latest `time` so far), not today. Send it in the order in which it was said; a steward's key is needed.

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
        f"已发往 sent to {topic}: {count} 条 events; 结果见 what became of them: taizhang quarantine list, /v1/sources"
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
        TextColumn("{task.fields[events]:,} 条 events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, transient=not ERR.is_terminal) as bar:
        task = bar.add_task("发布 publishing", total=size, events=0)
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
        f"已收 received {outcome.total} = 接受 accepted {counts['accepted']} + 重复 duplicate {counts['duplicate']} "
        f"+ 隔离 quarantined {counts['quarantined']}"
    )
    if outcome.position:
        OUT.print(f"最高位置 highest position {outcome.position}")
    if not outcome.quarantined or not reasons_max:
        return
    table = Table("第几条 event", "隔离号 quarantine id", "原因 reasons", title="隔离 Quarantined")
    for number, quarantine_id, words in outcome.quarantined[:reasons_max]:
        table.add_row(str(number), str(quarantine_id), words)
    OUT.print(table)
    left = counts["quarantined"] - min(reasons_max, len(outcome.quarantined))
    if left > 0:
        OUT.print(f"另有 and {left} 条 more: taizhang quarantine list")
