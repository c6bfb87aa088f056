"""`taizhang serve`, and the projector as a process of its own."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from services.commands.console import ERR, Data
from services.serving.serving import answer_on
from services.serving.serving import serve as serve_until_stopped
from services.system import logs
from services.system.settings import Settings, load
from services.system.supervision import die_with

Port = Annotated[int | None, typer.Option(help="端口 the port; 0 takes a free one")]
Host = Annotated[str | None, typer.Option(help="地址 the address to listen on")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=16, help="工作进程数 processes that answer, each with the ledger in memory")
]
Dev = Annotated[bool, typer.Option("--dev", help="开发模式 no sign-in, every caller has every role; this machine only")]


def serve(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    workers: Workers = None,
    dev: Dev = False,  # noqa: FBT002 - an option
) -> None:
    """启动服务 Serve the HTTP API with its projections, until stopped.

    Without TAIZHANG_DATABASE_URL it starts an embedded PostgreSQL in the data folder. Without --dev every call needs
    an API key, which `taizhang api-key` makes.

    Example: taizhang serve --dev --data .data --port 8000
    """
    settings = load(data=data, port=port, host=host, workers=workers, dev=dev or None)
    run(settings, lambda address: banner(settings, address))


def run(settings: Settings, when_ready: Callable[[str], None]) -> None:
    """Serve until stopped, and end the command."""
    logs.configure(settings.log_format, settings.log_level)
    raise typer.Exit(serve_until_stopped(settings, when_ready))


def banner(settings: Settings, address: str) -> None:
    """Tell where the service answers, and who may call."""
    lines: list[str | tuple[str, str]] = [(f"{address}\n", "bold"), f"接口文档 OpenAPI: {address}/openapi.json"]
    if settings.dev:
        words = (
            "\n开发模式: 不需登录, 人人都有一切权限, 只在本机可达.\n"
            "--dev: no sign-in, every caller has every role, reachable from this machine only."
        )
        lines.append((words, "yellow"))
    elif not settings.api_keys_path.exists():
        words = (
            f"\n尚无接口密钥, 一切调用都被拒绝 (401): 用 taizhang api-key 生成.\n"
            f"No API keys in {settings.api_keys_path}: every call is refused (401). "
            "Make one with taizhang api-key."
        )
        lines.append((words, "yellow"))
    ERR.print(Panel(Text.assemble(*lines), title="台账 Taizhang", expand=False))


def worker(
    parent: Annotated[int, typer.Option(help="end when this process ends")],
    listener: Annotated[int, typer.Option(help="the socket to answer on, an open file")],
    ready: Annotated[int, typer.Option(help="a pipe to tell that it answers, an open file")],
) -> None:
    """工作进程 Answer on a socket beside others; `serve --workers` starts these itself."""
    die_with(parent)
    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    raise typer.Exit(answer_on(settings, listener, ready))


def projector(parent: Annotated[int | None, typer.Option(help="end when this process ends")] = None) -> None:
    """投影 Keep the projections up to date; `serve` starts this itself."""
    if parent is not None:
        die_with(parent)
    from services.ledger.projector import main as run  # noqa: PLC0415 - a parent that ends meanwhile must not be missed

    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    run(settings)
