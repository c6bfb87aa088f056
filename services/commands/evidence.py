"""The commands of the evidence: verify, export-log, export-evidence, witness."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import psycopg
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.ledger.rates import Filters
from domain.values.instants import parse_date
from services.commands.console import ERR, OUT
from services.evidence.bundles.answers import AnswerError, fold, no_garbage_collection, read_filters
from services.evidence.bundles.bundle import Contents, Question, Roots, is_bundle, write_bundle
from services.evidence.bundles.relevant import relevant
from services.evidence.copies.copies import export_log
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes import tlog_proof
from services.evidence.notes.notes import NoteError, VerifierKey, begins_with
from services.evidence.notes.signing import signer_for
from services.evidence.roots import figure_proof
from services.evidence.verifier.asked import Asked, by_policy, file_of
from services.evidence.verifier.audit import audit_bundle, audit_copy, audit_database, audit_figure, audit_receipt
from services.evidence.verifier.report import STATEMENTS, Report
from services.evidence.witness.notary import read_witnesses
from services.evidence.witness.remembered import STATE_NAME, key_of
from services.evidence.witness.witness import Witness
from services.evidence.witness.witness_http import create_app, poll_in_words
from services.log.tree import LOG
from services.postgres.chores import noted
from services.serving.serving import database
from services.system import logs
from services.system.errors import TaizhangError
from services.system.settings import SHANGHAI, Settings, SettingsError, load

EXIT_WRONG: Final = 1
EXIT_UNREADABLE: Final = 3
EXIT_NOT_SHOWN_COMPLETE: Final = 4
#: How old a cosignature may be where a running ledger is verified by its address; its witnesses sign each minute.
LIVE_WITHIN_S: Final = 86_400
FAULTS_SHOWN: Final = 20

Data = Annotated[Path | None, typer.Option(help="数据目录 the folder of the embedded PostgreSQL and of keys")]


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
            help="地址, 副本, 证据包, 证明, 回执 a ledger's address, a copy of its log, a bundle, a proof, a receipt; "
            "left out: the database"
        ),
    ] = None,
    log_key: Annotated[str | None, typer.Option(help="日志公钥 the log's key, or a file with it")] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="留存的检查点 a checkpoint kept from before; may repeat")
    ] = None,
    witness: Annotated[list[str] | None, typer.Option(help="见证人地址 a witness's address; may repeat")] = None,
    witness_key: Annotated[
        list[str] | None, typer.Option(help="见证人公钥 a witness's key, or a file with it; may repeat")
    ] = None,
    quorum: Annotated[
        int | None, typer.Option(min=1, help="见证人数 how many of the witnesses must have signed; all if left out")
    ] = None,
    answer: Annotated[
        Path | None, typer.Option(help="答案 an answer of GET /v1/rates, as JSON, to be made again")
    ] = None,
    rates_filter: Annotated[
        list[str] | None, typer.Option("--filter", help="filters of an answer that names none, as region=9901")
    ] = None,
    consistency: Annotated[
        list[Path] | None,
        typer.Option(help="一致性证明 of a bundle: a proof that joins a checkpoint to its own, as JSON; may repeat"),
    ] = None,
    cosigned_within: Annotated[
        float | None,
        typer.Option(min=1, help="见证时限 how many seconds old a cosignature may be; of a running ledger one day"),
    ] = None,
    key_history: Annotated[
        Path | None, typer.Option(help="历任公钥 of a bundle or a proof: what GET /v1/log/keys answered, as JSON")
    ] = None,
    vouched: Annotated[
        list[Path] | None, typer.Option(help="镜像签署 what a mirror signed of the roots (/roots/N); may repeat")
    ] = None,
    log_only: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--log-only", help="只核日志 of the database only the log, not what is kept beside it")
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(help="核验规则 a C2SP tlog-policy: the log's key, witnesses and how many of them")
    ] = None,
    sent: Annotated[Path | None, typer.Option(help="所发原文 of a receipt: the event, byte by byte as sent")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="进程数 processes; one for each core if left out")] = None,
    data: Data = None,
) -> None:
    """核验 Check a log, a copy of it, or an evidence bundle: every hash, proof and signature anew.

    Without an argument it checks the database that the settings name: its log, the trail of reading, the account of
    what arrived, and the ledger's tables row by row against the log folded anew.

    Exit code 0: all holds. 1: something is wrong; the first wrong position is named. 2: wrong usage. 3: what was to be
    checked cannot be read. 4: what a bundle says follows from the log; that nothing was left out is not shown.

    Example: taizhang verify http://127.0.0.1:8000 --log-key log.key.pub --checkpoint kept/2024-12-31
    """
    settings = load(data=data)
    asked = Asked(
        read_key(log_key),
        [key for key in map(read_key, witness_key or ()) if key is not None],
        checkpoint or (),
        witness or (),
        answer,
        _filters(rates_filter),
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
        ERR.print("无法读取 Cannot be read", style="red")
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


def _filters(given: list[str] | None) -> Filters:
    try:
        return read_filters(given or ())
    except AnswerError as fault:
        raise SettingsError(f"--filter: {fault}") from None


def _audit(where: str | None, settings: Settings, asked: Asked) -> Report:
    with progress("核验 verifying") as (advance, total):
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
        OUT.print(f"[green]✓[/green] {escape(chinese)}\n  {escape(english)}", markup=True, soft_wrap=True)
    for chinese, english in report.unshown:
        OUT.print(f"[yellow]![/yellow] {escape(chinese)}\n  {escape(english)}", markup=True, soft_wrap=True)
    first = report.first
    if first is None:
        _show_statement(report)
        return
    others = [fault for fault in report.faults if fault is not first]
    for fault in [first, *others][:FAULTS_SHOWN]:
        where = "" if fault.position is None else f"位置 position {fault.position}: "
        words = f"{where}{escape(fault.chinese)}\n  {escape(fault.english)}"
        OUT.print(f"[red]✗[/red] {words}", markup=True, soft_wrap=True)
    if report.faults_total > FAULTS_SHOWN:
        OUT.print(f"共 {report.faults_total} 处 faults in all")
    where = "" if first.position is None else f", 首处 first at position {first.position}"
    OUT.print(f"[red]核验不通过{where} Verification failed[/red]", markup=True, soft_wrap=True)


def _show_statement(report: Report) -> None:
    """The strongest statement that was shown, and what it leaves open."""
    if report.statement is not None:
        words = f"结论 Statement: {STATEMENTS[report.statement]} {report.statement}"
        OUT.print(words, soft_wrap=True)
    if report.partial:
        words = "成立, 但未证明无遗漏 Holds; that nothing was left out is not shown"
        OUT.print(f"[yellow]{words}[/yellow]", markup=True, soft_wrap=True)
    else:
        OUT.print("核验通过 Everything that was checked holds", style="green")


def export_log_to(
    folder: Annotated[Path, typer.Argument(help="目标文件夹 where to write; an earlier export is brought up to date")],
    data: Data = None,
) -> None:
    """导出日志 Copy the whole log into a folder: checkpoint, tiles, entries and events as received.

    The copy can be checked anywhere with `taizhang verify FOLDER`, by hand or by any tool for C2SP tlog-tiles.

    Example: taizhang export-log /mnt/evidence/2024-12-31
    """
    settings = load(data=data)
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        signer = signer_for(ready.log_key_path, ready.log_origin)
        with progress("导出 exporting") as (advance, total):
            total(LOG.size(connection))
            size = export_log(connection, signer, folder, advance)
    OUT.print(f"{size:,} 个事件已导出 events written to {folder}", highlight=False, soft_wrap=True)


def export_evidence(  # noqa: PLR0917 -- typer reads options from parameters
    output: Annotated[Path, typer.Option("--output", "-o", help="证据包 the ZIP file to write")],
    organizations: Annotated[list[str] | None, typer.Argument(help="组织 uscc:… or group:…; may repeat")] = None,
    rates_filter: Annotated[
        list[str] | None,
        typer.Option("--filter", help="一组 instead: all that a filter means, as region=9901; may repeat"),
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="生效日 YYYY-MM-DD; today if left out")] = None,
    known_at: Annotated[int | None, typer.Option(min=0, help="数据时点 a position; the latest if left out")] = None,
    complete: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--complete", help="无遗漏 show that the events are all, as the log last states its roots")
    ] = False,
    data: Data = None,
) -> None:
    """导出证据包 The events behind organizations' rows, with proofs, to be checked offline by `taizhang verify`.

    Example: taizhang export-evidence uscc:9151010452601815XG --as-of 2024-12-31 -o evidence.zip
    """
    settings = load(data=data)
    day = datetime.now(SHANGHAI).date() if as_of is None else _date(as_of)
    filters = _filters(rates_filter) if rates_filter else None
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        size = LOG.size(connection)
        roots = Roots.last(connection, ready.roots_path, known_at) if complete else None
        at = min(size if known_at is None else known_at, size) if roots is None else roots.stated.known_at
        question = Question(day, at, organizations or (), filters)
        signer = signer_for(ready.log_key_path, ready.log_origin)
        with contextlib.closing(DatabaseLog(ready.conninfo)) as log, ERR.status("读取日志 reading the log"):
            count = write_bundle(connection, signer, log, _contents(log, question, roots), output)
    OUT.print(f"{count:,} 个事件已写入 events written to {output}", highlight=False, soft_wrap=True)


def _contents(log: DatabaseLog, question: Question, roots: Roots | None) -> Contents:
    """Which organizations and events, from the whole log and from nothing else."""
    with no_garbage_collection():
        events = list(log.known(question.known_at))
        state = fold(events, question.as_of)
        organizations = question.with_group(row.org for row in state.rows() if question.means(row))
        return Contents(question, organizations, relevant(events, organizations), roots)


def _date(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as fault:
        raise SettingsError(f"--as-of {text!r}: {fault}") from None


def witness(  # noqa: PLR0917 -- typer reads options from parameters
    trust: Annotated[
        list[str], typer.Option(help="日志公钥 the key of a log to witness, or a file with it; may repeat")
    ],
    ledger: Annotated[
        list[str] | None, typer.Option(help="台账地址 a ledger to ask for its checkpoints; may repeat")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="见证人名 the witness's name, for a new key; as office.example/w1")
    ] = None,
    folder: Annotated[Path, typer.Option(help="状态目录 its own folder, with its key and what it saw")] = Path(
        ".witness"
    ),
    host: Annotated[str, typer.Option(help="地址 the address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="端口 the port")] = 8010,
    interval: Annotated[float, typer.Option(min=1, help="间隔 seconds between rounds")] = 60,
    new: Annotated[  # noqa: FBT002 -- an option
        bool,
        typer.Option("--new", help="新设 the key is there and has never signed anything"),
    ] = False,
    once: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--once", help="一轮即止 one round, then end; exit code 1 if a ledger was refused")
    ] = False,
) -> None:
    """见证 Watch ledgers from outside: sign each checkpoint that extends what was seen before, and no other.

    Run it on a machine, and under people, that the ledger's operator does not command. It takes checkpoints over
    HTTP (C2SP tlog-witness, POST /add-checkpoint) and asks ledgers for them by itself.

    Example: taizhang witness --trust log.key.pub --ledger http://ledger.example:8000 --name office.example/w1
    """
    import uvicorn  # noqa: PLC0415 -- other commands start without a server

    logs.configure("console", "info")
    key = key_of(folder, name, is_new=new)
    trusted = [each for each in map(read_key, trust) if each is not None]
    watching = Witness(key, trusted, folder / STATE_NAME)
    ERR.print(f"见证人公钥 the witness's key: {key.verifier}", soft_wrap=True)
    if once:
        refused = [each for each in ledger or () if not poll_in_words(watching, each)]
        raise typer.Exit(EXIT_WRONG if refused else 0)
    uvicorn.run(create_app(watching, ledger or (), interval), host=host, port=port, log_config=None)
