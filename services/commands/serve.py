"""`taizhang serve`, and the projector as a process of its own."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from services.commands.console import ERR, Data
from services.commands.language import zh_en
from services.serving.serving import answer_on
from services.serving.serving import serve as serve_until_stopped
from services.system import logs
from services.system.settings import Settings, load
from services.system.supervision import die_with

Port = Annotated[int | None, typer.Option(help=zh_en("端口；0 为任一空闲端口", "the port; 0 takes a free one"))]
Host = Annotated[str | None, typer.Option(help=zh_en("监听的地址", "the address to listen on"))]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=16,
        help=zh_en("应答的进程数，各自在内存中持有台账", "processes that answer, each with the ledger in memory"),
    ),
]
Dev = Annotated[
    bool,
    typer.Option(
        "--dev",
        help=zh_en(
            "开发模式：不需登录，人人都有一切权限；只限本机",
            "no sign-in, every caller has every role; this machine only",
        ),
    ),
]


def serve(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    workers: Workers = None,
    dev: Dev = False,  # noqa: FBT002 - an option
) -> None:
    """Serve the HTTP API with its projections, until stopped.

    Without TAIZHANG_DATABASE_URL it starts an embedded PostgreSQL in the data folder. Without --dev every call needs
    an API key, which `taizhang api-key` makes.

    启动服务：HTTP 接口及其投影，直到停止。

    未设 TAIZHANG_DATABASE_URL 时，启动数据文件夹中内置的 PostgreSQL。不给 --dev 时，每次调用都须有接口密钥，由
    taizhang api-key 生成。

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
    lines: list[str | tuple[str, str]] = [
        (f"{address}\n", "bold"),
        zh_en(f"接口文档 OpenAPI：{address}/openapi.json", f"OpenAPI: {address}/openapi.json"),
    ]
    if settings.dev:
        words = zh_en(
            "\n开发模式：不需登录，人人都有一切权限，只在本机可达。",
            "\n--dev: no sign-in, every caller has every role, reachable from this machine only.",
        )
        lines.append((words, "yellow"))
    elif not settings.api_keys_path.exists():
        words = zh_en(
            f"\n尚无接口密钥（{settings.api_keys_path}），一切调用都被拒绝（401）：用 taizhang api-key 生成。",
            f"\nNo API keys in {settings.api_keys_path}: every call is refused (401). Make one with taizhang api-key.",
        )
        lines.append((words, "yellow"))
    ERR.print(Panel(Text.assemble(*lines), title=zh_en("台账", "Taizhang"), expand=False))


def worker(
    parent: Annotated[int, typer.Option(help=zh_en("此进程结束时一同结束", "end when this process ends"))],
    listener: Annotated[
        int, typer.Option(help=zh_en("应答所用的套接字，已打开的文件号", "the socket to answer on, an open file"))
    ],
    ready: Annotated[
        int,
        typer.Option(help=zh_en("告知已能应答的管道，已打开的文件号", "a pipe to tell that it answers, an open file")),
    ],
) -> None:
    """Answer on a socket beside others; `serve --workers` starts these itself.

    工作进程：与其他进程一起在套接字上应答；由 serve --workers 自行启动。
    """
    die_with(parent)
    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    raise typer.Exit(answer_on(settings, listener, ready))


def projector(
    parent: Annotated[
        int | None, typer.Option(help=zh_en("此进程结束时一同结束", "end when this process ends"))
    ] = None,
) -> None:
    """Keep the projections up to date; `serve` starts this itself.

    投影：使各投影保持最新；由 serve 自行启动。
    """
    if parent is not None:
        die_with(parent)
    from services.ledger.projector import main as run  # noqa: PLC0415 - a parent that ends meanwhile must not be missed

    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    run(settings)
