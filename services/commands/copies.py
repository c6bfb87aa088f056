"""`taizhang export-log` and `taizhang export-evidence`: the log, or what decides a figure, as files to take away."""

import contextlib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from domain.values.instants import parse_date
from services.commands.console import ERR, OUT
from services.commands.evidence import Data, filters_of, progress
from services.commands.language import zh_en
from services.evidence.bundles.answers import fold, no_garbage_collection
from services.evidence.bundles.bundle import Contents, Question, Roots, write_bundle
from services.evidence.bundles.relevant import relevant
from services.evidence.copies.copies import export_log
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes.signing import signer_for
from services.log.tree import LOG
from services.serving.serving import database
from services.system.settings import SHANGHAI, SettingsError, load


def export_log_to(
    folder: Annotated[
        Path,
        typer.Argument(
            help=zh_en("写入的文件夹；已有的导出会续到最新", "where to write; an earlier export is brought up to date")
        ),
    ],
    data: Data = None,
) -> None:
    """Copy the whole log into a folder: checkpoint, tiles, entries and events as received.

    The copy can be checked anywhere with `taizhang verify FOLDER`, by hand or by any tool for C2SP tlog-tiles.

    导出日志：把整个日志复制到文件夹：检查点、瓦片、条目和所收到的事件原文。

    副本在任何地方都能用 taizhang verify 文件夹 核验，也可手工或用任何支持 C2SP tlog-tiles 的工具核验。

    Example: taizhang export-log /mnt/evidence/2024-12-31
    """
    settings = load(data=data)
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        signer = signer_for(ready.log_key_path, ready.log_origin)
        with progress(zh_en("导出中", "exporting")) as (advance, total):
            total(LOG.size(connection))
            size = export_log(connection, signer, folder, advance)
    OUT.print(
        zh_en(f"{size:,} 个事件已导出到 {folder}", f"{size:,} events written to {folder}"),
        highlight=False,
        soft_wrap=True,
    )


def export_evidence(  # noqa: PLR0917 -- typer reads options from parameters
    output: Annotated[Path, typer.Option("--output", "-o", help=zh_en("写入的 ZIP 文件", "the ZIP file to write"))],
    organizations: Annotated[
        list[str] | None,
        typer.Argument(
            help=zh_en("组织，写作 uscc:… 或 group:…，可重复", "an organization, uscc:… or group:…; may repeat")
        ),
    ] = None,
    rates_filter: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help=zh_en(
                "改为一组：某筛选条件下的全部，如 region=9901，可重复",
                "instead: all that a filter means, as region=9901; may repeat",
            ),
        ),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help=zh_en("截至日 YYYY-MM-DD；不填为今天", "as of, YYYY-MM-DD; today if left out"))
    ] = None,
    known_at: Annotated[
        int | None,
        typer.Option(
            min=0, help=zh_en("数据时点的位置；不填为最新", "as known at: a position; the latest if left out")
        ),
    ] = None,
    complete: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--complete",
            help=zh_en(
                "证明事件无遗漏，以日志最近公布的树根为准",
                "show that the events are all, as the log last states its roots",
            ),
        ),
    ] = False,
    data: Data = None,
) -> None:
    """The events behind organizations' rows, with proofs, to be checked offline by `taizhang verify`.

    导出证据包：单位各行背后的事件及其证明，可用 taizhang verify 离线核验。

    Example: taizhang export-evidence uscc:9151010452601815XG --as-of 2024-12-31 -o evidence.zip
    """
    settings = load(data=data)
    day = datetime.now(SHANGHAI).date() if as_of is None else _date(as_of)
    filters = filters_of(rates_filter) if rates_filter else None
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        size = LOG.size(connection)
        roots = Roots.last(connection, ready.roots_path, known_at) if complete else None
        at = min(size if known_at is None else known_at, size) if roots is None else roots.stated.known_at
        question = Question(day, at, organizations or (), filters)
        signer = signer_for(ready.log_key_path, ready.log_origin)
        with (
            contextlib.closing(DatabaseLog(ready.conninfo)) as log,
            ERR.status(zh_en("正在读取日志", "reading the log")),
        ):
            count = write_bundle(connection, signer, log, _contents(log, question, roots), output)
    OUT.print(
        zh_en(f"{count:,} 个事件已写入 {output}", f"{count:,} events written to {output}"),
        highlight=False,
        soft_wrap=True,
    )


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
