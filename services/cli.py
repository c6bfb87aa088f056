"""The command `taizhang`."""

import os
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.panel import Panel

from services import logs
from services.api_keys import add_key
from services.commands.access import access
from services.commands.assessment import assess, campaigns, export, what_if
from services.commands.console import ERR, OUT
from services.commands.daily import durations, measures, weak_branches
from services.commands.explain import explain
from services.commands.field import matches, regions, survey
from services.commands.ingest import ingest, relay, reminders
from services.commands.inspection import changes, signals, vintage
from services.commands.over_time import compare, series
from services.commands.persons import persons
from services.commands.publish import publish_file
from services.commands.quarantine import quarantine
from services.commands.questions import history, rates
from services.commands.rebuild import rebuild
from services.commands.reconcile import reconcile_list
from services.demo_city.command import demo_city
from services.demo_city.sample_list import demo_list
from services.errors import TaizhangError
from services.evidence.command import app as evidence
from services.holders import ROLES
from services.postmaster import EmbeddedPostgresError
from services.settings import Settings, SettingsError, described, load

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_FAULT: Final = 1
EXIT_SETTINGS: Final = 2


def _settings_text() -> str:
    """The settings as lines of the help text; every line is a paragraph, so that none is joined to the next."""
    lines = ["[bold]环境变量 Settings, from the environment[/bold]"]
    for name, default, description in described():
        given = f" [dim]\\[{default}][/dim]" if default else ""
        lines.append(f"[cyan]{name}[/cyan]{given} {description}")
    return "\n\n".join(lines)


app = typer.Typer(
    name="taizhang",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="台账 The ledger of Party building coverage: events in, point-in-time rates out.\n\n"
    "开始 To begin: taizhang serve --dev, then in another shell taizhang publish events.jsonl and "
    "taizhang rates --group-by kind",
    epilog=_settings_text(),
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="版本 the version")] = False,  # noqa: FBT002 - an option
) -> None:
    if show_version:
        OUT.print(version("taizhang"))
        raise typer.Exit
    if context.invoked_subcommand is None:  # pragma: no cover - typer shows the help first
        raise typer.Exit(EXIT_SETTINGS)


Data = Annotated[Path | None, typer.Option(help="数据目录 the folder of the embedded PostgreSQL")]
Port = Annotated[int | None, typer.Option(help="端口 the port; 0 takes a free one")]
Host = Annotated[str | None, typer.Option(help="地址 the address to listen on")]
Dev = Annotated[bool, typer.Option("--dev", help="开发模式 no sign-in, every caller has every role; this machine only")]


@app.command()
def serve(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    dev: Dev = False,  # noqa: FBT002 - an option
) -> None:
    """启动服务 Serve the HTTP API with its projections, until stopped.

    Without TAIZHANG_DATABASE_URL it starts an embedded PostgreSQL in the data folder. Without --dev every call needs
    an API key, which `taizhang api-key` makes.

    Example: taizhang serve --dev --data .data --port 8000
    """
    settings = load(data=data, port=port, host=host, dev=dev or None)
    _serve(settings, lambda address: _banner(settings, address))


def _serve(settings: Settings, when_ready: "Callable[[str], None]") -> None:
    from services.serving import serve as serve_until_stopped  # noqa: PLC0415 - other commands start without a server

    logs.configure(settings.log_format, settings.log_level)
    raise typer.Exit(serve_until_stopped(settings, when_ready))


def _banner(settings: Settings, address: str) -> None:
    lines = [f"[bold]{address}[/bold]", f"接口文档 OpenAPI: {address}/openapi.json"]
    if settings.dev:
        lines.append(
            "[yellow]开发模式: 不需登录, 人人都有一切权限, 只在本机可达.[/yellow]\n"
            "[yellow]--dev: no sign-in, every caller has every role, reachable from this machine only.[/yellow]"
        )
    elif not settings.api_keys_path.exists():
        lines.append(
            f"[yellow]尚无接口密钥, 一切调用都被拒绝 (401): 用 taizhang api-key 生成.\n"
            f"No API keys in {settings.api_keys_path}: every call is refused (401). "
            "Make one with taizhang api-key.[/yellow]"
        )
    ERR.print(Panel("\n".join(lines), title="台账 Taizhang", expand=False))


@app.command()
def demo(
    data: Data = None,
    port: Port = None,
    scale: Annotated[float, typer.Option(min=0.001, max=10, help="规模 of the demo city")] = 0.1,
    seed: Annotated[int, typer.Option(help="随机种子 of the demo city")] = 1,
) -> None:
    """演示 Serve in --dev mode and load the demo city, if the log is still empty.

    Example: taizhang demo --scale 0.1
    """
    from services.commands.demo import load_demo_city  # noqa: PLC0415 - only here

    settings = load(data=data, port=port, dev=True)

    def when_ready(address: str) -> None:
        _banner(settings, address)
        load_demo_city(settings, address, scale, seed)

    _serve(settings, when_ready)


@app.command(hidden=True)
def projector(parent: Annotated[int | None, typer.Option(help="end when this process ends")] = None) -> None:
    """投影 Keep the projections up to date; `serve` starts this itself."""
    from services.supervision import die_with  # noqa: PLC0415 - only here

    if parent is not None:
        die_with(parent)
    from services.projector import main as run  # noqa: PLC0415 - only here

    settings = load()
    logs.configure(settings.log_format, settings.log_level)
    run(settings)


@app.command("api-key")
def api_key(  # noqa: PLR0917 - a key's own fields
    name: Annotated[str, typer.Argument(help="持有者 who will hold it, as market-registry")],
    role: Annotated[list[str], typer.Option(help=f"角色 may repeat: {', '.join(sorted(ROLES))}")],
    source: Annotated[
        list[str] | None, typer.Option(help="来源 a source that it may publish; may repeat; left out: any")
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="地区 a division code that it is limited to; may repeat; left out: all")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="有效期 its last day")] = None,
    data: Data = None,
) -> None:
    """接口密钥 Make an API key; it is printed once, and only its hash is kept.

    Example: taizhang api-key market-registry --role publisher --source /registry/market
    """
    settings = load(data=data)
    path = settings.api_keys_path
    sources, regions = (tuple(given) if given else None for given in (source, region))
    key = add_key(path, name, frozenset(role), sources, regions, None if until is None else until.date())
    ERR.print(f"已写入 Added to {path}. 请妥善保存, 不会再显示 Keep it safe, it is not shown again:")
    sys.stdout.write(f"{key}\n")


app.command("ingest")(ingest)
app.command("relay")(relay)
app.command("reminders")(reminders)
app.command("publish")(publish_file)
app.command("rebuild")(rebuild)
app.command("rates")(rates)
app.command("series")(series)
app.command("compare")(compare)
app.command("explain")(explain)
app.command("history")(history)
app.command("changes")(changes)
app.command("vintage")(vintage)
app.command("signals")(signals)
app.command("campaigns")(campaigns)
app.command("assess")(assess)
app.command("what-if")(what_if)
app.command("export")(export)
app.command("reconcile")(reconcile_list)
app.command("measures")(measures)
app.command("durations")(durations)
app.command("weak-branches")(weak_branches)
app.command("regions")(regions)
app.command("matches")(matches)
app.add_typer(survey, name="survey")
app.command("demo-city")(demo_city)
app.command("demo-list")(demo_list)
app.add_typer(quarantine, name="quarantine")
app.add_typer(access, name="access")
app.add_typer(persons, name="persons")
app.add_typer(evidence)


def main() -> None:
    """Run the command line; faults are told in words, exit code 2 for settings, 1 for others."""
    try:
        app()
    except SettingsError as error:
        ERR.print("[red]设置有误 Wrong settings[/red]")
        ERR.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(EXIT_SETTINGS)
    except (TaizhangError, EmbeddedPostgresError) as error:
        ERR.print("[red]出错 Error[/red]")
        ERR.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(EXIT_FAULT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAULT)


if __name__ == "__main__":
    main()
