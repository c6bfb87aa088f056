"""`taizhang log-key …`: the log's public key, how it is changed (deploy/keys.md), and what hides the leaves."""

import sys
from typing import Annotated, Literal

import psycopg
import typer

from services.commands.console import OUT, AsJson, Data, print_json
from services.commands.language import Commands, zh_en
from services.evidence.keys.changing import change_key
from services.evidence.notes.identity import history as keys_of
from services.evidence.notes.key_files import load_key
from services.evidence.notes.key_history import Change
from services.intake.blinded import begin_blinding
from services.intake.intake import Intake
from services.serving.serving import database
from services.system import logs
from services.system.settings import load

log_key = Commands(
    help=zh_en(
        "日志的公钥及其更换：rotate 更换、begin 另启、history 历任；blind 隐藏",
        "The log's public key, and its changes: rotate, begin, history; and blind.",
    )
)


@log_key.callback(invoke_without_command=True)
def show(context: typer.Context, data: Data = None) -> None:
    """Print the log's public key, to be made known elsewhere; the service makes it when it first signs.

    打印日志的公钥，供另行公布；服务首次签署时生成。

    Example: taizhang log-key > log.key.pub
    """
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{load_key(load(data=data).log_key_path).verifier}\n")


@log_key.command("rotate")
def rotate(data: Data = None) -> None:
    """Change the key while the old one is at hand and unharmed: both sign, and verifiers follow.

    The old key's file is kept beside, named epoch-N: destroy it once every witness signs heads of the new one.

    更换密钥，旧密钥在手且完好时用：两把都签，核验方自行跟随。

    旧密钥的文件以 epoch-N 留在旁边：待所有见证人都签了新密钥的检查点后销毁。

    Example: taizhang log-key rotate
    """
    settings = load(data=data)
    logs.configure("console", "warning")
    with database(settings) as ready:
        _tell(change_key(ready.conninfo, ready.log_key_path, "rotated", ready.log_origin))


@log_key.command("begin")
def begin(
    because: Annotated[
        Literal["lost", "leaked", "restored"],
        typer.Option(
            help=zh_en(
                "缘由：lost 丢失、leaked 泄露；restored：从有缺失的备份恢复，此后是另一来源的日志",
                "lost, leaked; restored: a backup with losses, which is a log of another origin",
            )
        ),
    ],
    data: Data = None,
) -> None:
    """Begin a new epoch with a new key that the old one does not vouch for: make it known to all who verify.

    另启一期，用旧密钥不为之担保的新密钥：须告知所有核验的人。

    Example: taizhang log-key begin --because lost
    """
    settings = load(data=data)
    logs.configure("console", "warning")
    with database(settings) as ready:
        _tell(change_key(ready.conninfo, ready.log_key_path, because, ready.log_origin))


@log_key.command("history")
def history(data: Data = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Every key that the log has signed with, and how far each of them signs.

    历任公钥：日志用过的每一把，各签到何处。

    Example: taizhang log-key history --json
    """
    settings = load(data=data)
    logs.configure("console", "warning")
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        found = keys_of(connection)
    if as_json:
        print_json({"first": None, "changes": []} if found is None else found.json())
    elif found is None:
        OUT.print(zh_en("此日志尚未签署过", "Nothing has been signed of this log yet"))
    else:
        for number, epoch in enumerate(found.epochs, 1):
            until = (
                zh_en("现用", "in force")
                if epoch.until is None
                else zh_en(f"至 {epoch.until:,}：{epoch.ended}", f"up to {epoch.until:,}: {epoch.ended}")
            )
            OUT.print(f"{number}  {epoch.key}  {until}", highlight=False, soft_wrap=True)


@log_key.command("blind")
def blind(data: Data = None) -> None:
    """Blind the leaves of a log that was begun without: from now on its open part says nothing of events.

    A new log is blinded from its first event on. Leaves that are there stay as they are, and verify.

    隐藏：使未隐藏的日志从此不再由公开部分透露事件内容。

    新日志从第一个事件起就是隐藏的。已有的叶子保持原样，仍可核验。

    Example: taizhang log-key blind
    """
    settings = load(data=data)
    logs.configure("console", "warning")
    with database(settings) as ready:
        intake = Intake.open(ready.conninfo, "log-key")
        try:
            position = begin_blinding(intake)
        finally:
            intake.close()
    OUT.print(
        zh_en(f"自位置 {position:,} 起隐藏", f"blinded from position {position:,} on"), highlight=False, soft_wrap=True
    )


def _tell(change: Change) -> None:
    rotated = change.because == "rotated"
    follow = (
        zh_en("核验方自行跟随", "verifiers follow")
        if rotated
        else zh_en("须告知所有核验的人", "make it known to all who verify")
    )
    since = zh_en(
        f"第 {change.epoch} 期，自位置 {change.size + 1:,} 起",
        f"epoch {change.epoch}, from position {change.size + 1:,} on",
    )
    OUT.print(f"{since}; {follow}", highlight=False, soft_wrap=True)
    OUT.print(str(change.new), highlight=False, soft_wrap=True)
