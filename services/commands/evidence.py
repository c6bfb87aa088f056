"""`taizhang verify`, and what the commands of the evidence share."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import httpx
import psycopg
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.ledger.rates import Filters
from services.commands.console import ERR, OUT
from services.commands.language import zh_en
from services.evidence.bundles.answers import AnswerError, read_filters
from services.evidence.bundles.bundle import is_bundle
from services.evidence.notes import tlog_proof
from services.evidence.notes.notes import NoteError, VerifierKey, begins_with
from services.evidence.roots import figure_proof
from services.evidence.verifier.asked import Asked, by_policy, file_of
from services.evidence.verifier.audit import audit_bundle, audit_copy, audit_database, audit_figure, audit_receipt
from services.evidence.verifier.report import STATEMENTS, Report
from services.evidence.witness.notary import read_witnesses
from services.postgres.chores import noted
from services.serving.serving import database
from services.system.errors import TaizhangError
from services.system.settings import Settings, SettingsError, load

EXIT_WRONG: Final = 1
EXIT_UNREADABLE: Final = 3
EXIT_NOT_SHOWN_COMPLETE: Final = 4
#: How old a cosignature may be where a running ledger is verified by its address; its witnesses sign each minute.
LIVE_WITHIN_S: Final = 86_400
FAULTS_SHOWN: Final = 20

Data = Annotated[
    Path | None,
    typer.Option(help=zh_en("内置 PostgreSQL 和密钥的数据文件夹", "the folder of the embedded PostgreSQL and of keys")),
]


@contextlib.contextmanager
def progress(what: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar on standard error: (advance, set the total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield (lambda done: bar.advance(task, done)), (lambda total: bar.update(task, total=total))


def read_key(text: str | None) -> VerifierKey | None:
    """A verifier key, given as its text or as a file that holds it."""
    if text is None:
        return None
    path = Path(text)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8").strip() if path.is_file() else text
    try:
        return VerifierKey.parse(text)
    except NoteError as fault:
        raise SettingsError(str(fault)) from None


def verify(  # noqa: PLR0917 -- typer reads options from parameters
    where: Annotated[
        str | None,
        typer.Argument(
            help=zh_en(
                "台账的地址、日志副本、证据包、证明或回执；不填则为数据库",
                "a ledger's address, a copy of its log, a bundle, a proof, a receipt; left out: the database",
            )
        ),
    ] = None,
    log_key: Annotated[
        str | None, typer.Option(help=zh_en("日志的公钥，或存有公钥的文件", "the log's key, or a file with it"))
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help=zh_en("此前留存的检查点，可重复", "a checkpoint kept from before; may repeat")),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help=zh_en("见证人的地址，可重复", "a witness's address; may repeat"))
    ] = None,
    witness_key: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en("见证人的公钥，或存有公钥的文件，可重复", "a witness's key, or a file with it; may repeat")
        ),
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=zh_en(
                "须有多少个见证人签署；不填为全部", "how many of the witnesses must have signed; all if left out"
            ),
        ),
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option(
            help=zh_en(
                "GET /v1/rates 的一份 JSON 回答，要重新算出", "an answer of GET /v1/rates, as JSON, to be made again"
            )
        ),
    ] = None,
    rates_filter: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help=zh_en("回答未写明的筛选条件，如 region=9901", "filters of an answer that names none, as region=9901"),
        ),
    ] = None,
    consistency: Annotated[
        list[Path] | None,
        typer.Option(
            help=zh_en(
                "证据包用：把某检查点与其检查点连起来的一致性证明（JSON），可重复",
                "of a bundle: a proof that joins a checkpoint to its own, as JSON; may repeat",
            )
        ),
    ] = None,
    cosigned_within: Annotated[
        float | None,
        typer.Option(
            min=1,
            help=zh_en(
                "见证签名至多可有多少秒之久；运行中的台账为一天",
                "how many seconds old a cosignature may be; of a running ledger one day",
            ),
        ),
    ] = None,
    key_history: Annotated[
        Path | None,
        typer.Option(
            help=zh_en(
                "证据包或证明用：GET /v1/log/keys 的回答（JSON）",
                "of a bundle or a proof: what GET /v1/log/keys answered, as JSON",
            )
        ),
    ] = None,
    vouched: Annotated[
        list[Path] | None,
        typer.Option(
            help=zh_en(
                "镜像对树根的签署（/roots/N），可重复", "what a mirror signed of the roots (/roots/N); may repeat"
            )
        ),
    ] = None,
    log_only: Annotated[  # noqa: FBT002 -- an option
        bool,
        typer.Option(
            "--log-only",
            help=zh_en(
                "对数据库只核日志，不核日志之外所存", "of the database only the log, not what is kept beside it"
            ),
        ),
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            help=zh_en(
                "核验规则（C2SP tlog-policy）：日志的公钥、见证人及所需人数",
                "a C2SP tlog-policy: the log's key, witnesses and how many of them",
            )
        ),
    ] = None,
    sent: Annotated[
        Path | None,
        typer.Option(help=zh_en("回执用：所发事件的原文，逐字节", "of a receipt: the event, byte by byte as sent")),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help=zh_en("进程数；不填则每核一个", "processes; one for each core if left out")),
    ] = None,
    data: Data = None,
) -> None:
    """Check a log, a copy of it, or an evidence bundle: every hash, proof and signature anew.

    Without an argument it checks the database that the settings name: its log, the trail of reading, the account of
    what arrived, and the ledger's tables row by row against the log folded anew.

    Exit code 0: all holds. 1: something is wrong; the first wrong position is named. 2: wrong usage. 3: what was to be
    checked cannot be read. 4: what a bundle says follows from the log; that nothing was left out is not shown.

    核验日志、日志副本或证据包：逐一重算哈希、证明和签名。

    不填对象时，核验设置所指的数据库：日志、查阅留痕、到达记录，并把日志重新折叠，逐行核对台账各表。

    退出码 0：一切成立。1：有错，并指出首处位置。2：用法有误。3：要核验的内容无法读取。4：证据包所说的可由日志推出，
    但未证明无遗漏。

    Example: taizhang verify http://127.0.0.1:8000 --log-key log.key.pub --checkpoint kept/2024-12-31
    """
    settings = load(data=data)
    asked = Asked(
        read_key(log_key),
        [key for key in map(read_key, witness_key or ()) if key is not None],
        checkpoint or (),
        witness or (),
        answer,
        filters_of(rates_filter),
        workers,
        log_only,
        quorum,
        consistency or (),
        cosigned_within,
        key_history=key_history,
        vouched=vouched or (),
        sent=sent,
    )
    try:
        asked = asked if policy is None else by_policy(asked, file_of(policy))
        report = _audit(where, settings, _completed(asked, where, settings))
    except (TaizhangError, psycopg.Error, httpx.HTTPError) as fault:
        if isinstance(fault, SettingsError):
            raise
        ERR.print(zh_en("无法读取", "Cannot be read"), style="red")
        ERR.print(str(fault), soft_wrap=True)
        raise typer.Exit(EXIT_UNREADABLE) from None
    show_report(report)
    if report.first is not None:
        raise typer.Exit(EXIT_WRONG)
    if report.partial:
        raise typer.Exit(EXIT_NOT_SHOWN_COMPLETE)


def _completed(asked: Asked, where: str | None, settings: Settings) -> Asked:
    """What the settings add: of the database itself its witnesses, of what runs the age of their signatures."""
    if where is None and settings.witnesses and not asked.witnesses and not asked.witness_keys:
        named = read_witnesses(settings.witnesses)
        asked = replace(
            asked,
            witness_keys=[each.key for each in named],
            witnesses=[each.address for each in named],
            within_s=asked.within_s or 2 * settings.checkpoint_seconds,
            configured=True,
        )
    runs = where is None or where.startswith(("http://", "https://"))
    return replace(asked, within_s=LIVE_WITHIN_S) if runs and asked.within_s is None else asked


def filters_of(given: list[str] | None) -> Filters:
    try:
        return read_filters(given or ())
    except AnswerError as fault:
        raise SettingsError(f"--filter: {fault}") from None


def _audit(where: str | None, settings: Settings, asked: Asked) -> Report:
    with progress(zh_en("核验", "verifying")) as (advance, total):
        if where is None:
            with database(settings) as ready, noted(ready.conninfo, "verify") as run:
                report = audit_database(ready.conninfo, ready.log_key_path, asked, advance, total)
                run.fault = None if report.first is None else report.first.english
                return report
        if is_bundle(Path(where)):
            return audit_bundle(Path(where), asked)
        if begins_with(Path(where), tlog_proof.FIRST_LINE):
            return audit_receipt(Path(where), asked)
        if begins_with(Path(where), figure_proof.FIRST_LINE):
            return audit_figure(Path(where), asked)
        key = None if settings.api_key is None else settings.api_key.get_secret_value()
        return audit_copy(where, key, asked, advance, total)


def show_report(report: Report) -> None:
    """Print what holds, what is not shown, and the first faults."""
    for chinese, english in report.good:
        OUT.print(f"[green]✓[/green] {escape(zh_en(chinese, english))}", markup=True, soft_wrap=True)
    for chinese, english in report.unshown:
        OUT.print(f"[yellow]![/yellow] {escape(zh_en(chinese, english))}", markup=True, soft_wrap=True)
    first = report.first
    if first is None:
        _show_statement(report)
        return
    others = [fault for fault in report.faults if fault is not first]
    for fault in [first, *others][:FAULTS_SHOWN]:
        where = "" if fault.position is None else zh_en(f"位置 {fault.position}：", f"position {fault.position}: ")
        words = escape(zh_en(fault.chinese, fault.english))
        OUT.print(f"[red]✗[/red] {where}{words}", markup=True, soft_wrap=True)
    if report.faults_total > FAULTS_SHOWN:
        OUT.print(zh_en(f"共 {report.faults_total} 处", f"{report.faults_total} faults in all"))
    where = (
        ""
        if first.position is None
        else zh_en(f"，首处在位置 {first.position}", f", first at position {first.position}")
    )
    OUT.print(
        zh_en(f"[red]核验不通过{where}[/red]", f"[red]Verification failed{where}[/red]"), markup=True, soft_wrap=True
    )


def _show_statement(report: Report) -> None:
    """The strongest statement that was shown, and what it leaves open."""
    if report.statement is not None:
        words = zh_en(f"结论：{STATEMENTS[report.statement]}（{report.statement}）", f"Statement: {report.statement}")
        OUT.print(words, soft_wrap=True)
    if report.partial:
        words = zh_en("成立，但未证明无遗漏", "Holds; that nothing was left out is not shown")
        OUT.print(f"[yellow]{words}[/yellow]", markup=True, soft_wrap=True)
    else:
        OUT.print(zh_en("核验通过：所核各项均成立", "Everything that was checked holds"), style="green")
