"""What all commands share: the two consoles, how an answer is shown, and options that several have."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console, RenderableType

from services.system.settings import SHANGHAI

OUT: Final = Console()
ERR: Final = Console(stderr=True)

AsOf = Annotated[str | None, typer.Option(help="生效日 the date whose end is asked for, YYYY-MM-DD; today if left out")]
KnownAt = Annotated[
    str | None, typer.Option(help="已知时点 a position, or an instant as 2025-01-05T09:00:00+08:00; latest if left out")
]
Data = Annotated[Path | None, typer.Option(help="数据目录 the folder of the embedded PostgreSQL")]
AsJson = Annotated[bool, typer.Option("--json", help="原样输出 print the service's answer as JSON")]


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON
    """Print JSON, coloured on a terminal, plain in a pipe."""
    OUT.print_json(data=value, ensure_ascii=False)


def show(answer: dict[str, Any], drawn: Callable[[dict[str, Any]], RenderableType], *, as_json: bool) -> None:
    """Print the service's answer: as JSON where that is asked for, else as it is drawn for people."""
    if as_json:
        print_json(answer)
    else:
        OUT.print(drawn(answer))


def shanghai(instant: str | None) -> str:
    """An RFC 3339 instant as people here read it: date and time in Asia/Shanghai."""
    if instant is None:
        return ""
    return datetime.fromisoformat(instant).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
