"""The command `taizhang demo-city`."""

import sys
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from services.demo_city.plan import SCALE_MAX, SCALE_MIN
from services.demo_city.world import EVENTS_AT_SCALE_1, events

_STEP = 5_000
"""Lines between two looks at the progress bar."""


def demo_city(
    scale: Annotated[
        float,
        typer.Option(
            min=SCALE_MIN, max=SCALE_MAX, help="规模 How large a city: 1 is the launch speech's, about 418,000 events."
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="随机种子 Another seed is another city with the same figures.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="输出文件 The file to write; left out, standard output.")
    ] = None,
) -> None:
    """演示城市 Write an invented city's events as JSON lines, in order of arrival.

    The same scale and seed always give the same bytes. About one line in 500 is broken on purpose, as
    real feeds are: an intake quarantines it. Progress goes to standard error.

    Examples:
        taizhang demo-city --scale 0.1 --output city.jsonl
        taizhang publish city.jsonl
    """
    if output is None:
        written = _write(sys.stdout.buffer, scale, seed)
        sys.stdout.buffer.flush()
    else:
        with output.open("wb") as file:
            written = _write(file, scale, seed)
    Console(stderr=True).print(f"{written:,} lines")


def _write(file: IO[bytes], scale: float, seed: int) -> int:
    """Number of lines written."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    written = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("demo city", total=EVENTS_AT_SCALE_1 * scale)
        for written, line in enumerate(events(scale, seed), 1):
            file.write(line)
            if written % _STEP == 0:
                progress.update(task, completed=written)
    return written
