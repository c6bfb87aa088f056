"""The command `taizhang`."""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Final

import typer

from services.commands.console import ERR, OUT
from services.commands.language import LANGUAGE, help_of, zh_en
from services.commands.settings_help import described
from services.system.errors import TaizhangError
from services.system.settings import SettingsError

EXIT_FAULT: Final = 1
EXIT_SETTINGS: Final = 2

#: By name in the order of the help: where the command, or the group of commands, stands.
COMMANDS: Final = {
    "serve": "services.commands.serve:serve",
    "demo": "services.commands.demo:demo",
    "projector": "services.commands.serve:projector",
    "worker": "services.commands.serve:worker",
    "api-key": "services.commands.api_key:api_key",
    "ingest": "services.commands.ingest:ingest",
    "relay": "services.commands.ingest:relay",
    "reminders": "services.commands.ingest:reminders",
    "notify": "services.commands.notices:notify",
    "notices": "services.commands.notices:notices",
    "publish": "services.commands.publish:publish_file",
    "receipt": "services.commands.receipt:receipt",
    "migrate": "services.commands.migrate:migrate",
    "rebuild": "services.commands.rebuild:rebuild",
    "backup": "services.commands.backup:backup",
    "restore": "services.commands.backup:restore",
    "held": "services.commands.held:held",
    "ask": "services.commands.ask:ask",
    "rates": "services.commands.questions:rates",
    "series": "services.commands.over_time:series",
    "compare": "services.commands.over_time:compare",
    "explain": "services.commands.questions:explain",
    "history": "services.commands.questions:history",
    "changes": "services.commands.inspection:changes",
    "vintage": "services.commands.inspection:vintage",
    "signals": "services.commands.inspection:signals",
    "campaigns": "services.commands.assessment:campaigns",
    "assess": "services.commands.assessment:assess",
    "what-if": "services.commands.assessment:what_if",
    "statutory": "services.commands.statutory:statutory",
    "export": "services.commands.assessment:export",
    "reconcile": "services.commands.reconcile:reconcile_list",
    "measures": "services.commands.fieldwork:measures",
    "durations": "services.commands.fieldwork:durations",
    "branches": "services.commands.branches:branches",
    "branch": "services.commands.branches:branch",
    "weak-branches": "services.commands.fieldwork:weak_branches",
    "regions": "services.commands.field:regions",
    "matches": "services.commands.field:matches",
    "decide-match": "services.commands.fieldwork:decide_match",
    "undo-match": "services.commands.fieldwork:undo_match",
    "supervisors": "services.commands.bodies:supervisors",
    "place-supervised": "services.commands.bodies:place_supervised",
    "demo-city": "services.commands.demo:demo_city",
    "demo-list": "services.commands.demo:demo_list",
    "verify": "services.commands.evidence:verify",
    "export-log": "services.commands.copies:export_log_to",
    "archive": "services.commands.archive:archive",
    "replay": "services.commands.archive:replay",
    "export-evidence": "services.commands.copies:export_evidence",
    "prove": "services.commands.prove:prove",
    "province": "services.commands.province:province",
    "log-key": "services.commands.log_key:log_key",
    "witness": "services.commands.witness:witness",
    "mirror": "services.commands.mirror:mirror",
    "survey": "services.commands.field:survey",
    "quarantine": "services.commands.quarantine:quarantine",
    "sign-in-link": "services.commands.access:sign_in_link",
    "access": "services.commands.access:access",
    "persons": "services.commands.persons:persons",
    "reader-login": "services.commands.reader_login:reader_login",
}
#: Which other commands start themselves.
HIDDEN: Final = frozenset({"projector", "worker"})


def _settings_text() -> str:
    """The settings as lines of the help text; every line is a paragraph, so that none is joined to the next."""
    lines = [zh_en("[bold]环境变量中的设置[/bold]", "[bold]Settings, from the environment[/bold]")]
    for each in described():
        given = f" [dim]\\[{each.default}][/dim]" if each.default else ""
        lines.append(f"[cyan]{each.variable}[/cyan]{given} {each.text}")
    return "\n\n".join(lines)


def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help=zh_en("显示版本", "show the version"))] = False,  # noqa: FBT002 - an option
) -> None:
    if show_version:
        OUT.print(version("taizhang"))
        raise typer.Exit
    if context.invoked_subcommand is None:  # pragma: no cover - typer shows the help first
        raise typer.Exit(EXIT_SETTINGS)


def command_line(wanted: str | None = None) -> typer.Typer:
    """The command line with one command, or with all where none of that name is there.

    Most of a short command's time would go into importing what the others need.
    """
    app = typer.Typer(
        name="taizhang",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=zh_en(
            "党的组织和工作覆盖台账：收进事件，给出任一时点的覆盖率。\n\n开始使用：taizhang serve --dev，"
            "再在另一个终端 taizhang publish events.jsonl、taizhang rates --group-by kind",
            "The ledger of Party building coverage: events in, point-in-time rates out.\n\nTo begin: taizhang "
            "serve --dev, then in another shell taizhang publish events.jsonl and taizhang rates --group-by kind",
        ),
        epilog=_settings_text(),
    )
    app.callback(invoke_without_command=True)(_root)
    for name in [wanted] if wanted in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, hidden=name in HIDDEN, help=help_of(found))(found)
    return app


def _frame_in_chinese() -> None:
    """The words that the library puts around a command's help."""
    from typer import rich_utils  # noqa: PLC0415 - English shells start without it

    rich_utils.ARGUMENTS_PANEL_TITLE = "参数"
    rich_utils.OPTIONS_PANEL_TITLE = "选项"
    rich_utils.COMMANDS_PANEL_TITLE = "命令"
    rich_utils.ERRORS_PANEL_TITLE = "有误"
    rich_utils.REQUIRED_LONG_STRING = "[必填]"
    rich_utils.DEFAULT_STRING = "[默认：{}]"
    rich_utils.ABORTED_TEXT = "已中止。"
    rich_utils.RICH_HELP = "用法见 [blue]'{command_path} {help_option}'[/]。"


def main() -> None:
    """Run the command line; faults are told in words, exit code 2 for settings, 1 for others."""
    if LANGUAGE == "zh":
        _frame_in_chinese()
    try:
        command_line(sys.argv[1] if len(sys.argv) > 1 else None)()
    except SettingsError as error:
        ERR.print(zh_en("设置有误", "Wrong settings"), style="red")
        ERR.print(str(error), soft_wrap=True)
        sys.exit(EXIT_SETTINGS)
    except TaizhangError as error:
        ERR.print(zh_en("出错", "Error"), style="red")
        ERR.print(str(error), soft_wrap=True)
        sys.exit(EXIT_FAULT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAULT)
    except Exception as error:
        told = _of_the_database(error)
        if told is None:
            raise
        ERR.print(zh_en("出错", "Error"), style="red")
        ERR.print(told, soft_wrap=True)
        sys.exit(EXIT_FAULT)


def _of_the_database(error: Exception) -> str | None:
    """In words what the database refused; None where it has no part in it."""
    if "psycopg" not in sys.modules:  # most commands ask the service, and never load it
        return None
    from services.postgres.faults import in_words  # noqa: PLC0415 - see above

    return in_words(error)


if __name__ == "__main__":
    main()
