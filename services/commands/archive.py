"""The commands `archive` and `replay`, and what `rates --archive` does: the ledger as Parquet, without a database."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.commands.console import ERR, OUT, AsJson, AsOf, Data, GroupBy, KnownAt, Parameters, filtered, show
from services.commands.language import zh_en
from services.system.errors import TaizhangError
from services.system.settings import load

if TYPE_CHECKING:
    from services.archive.figures import Question

Folder = Annotated[
    Path,
    typer.Option(
        "--archive", help=zh_en("taizhang archive 写出的归档文件夹", "the folder that taizhang archive wrote")
    ),
]
LogKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--log-key",
        help=zh_en(
            "日志的公钥，或存有公钥的文件，可重复；不填则用归档自带的",
            "the log's key, or a file with it; may repeat; else the folder's own",
        ),
    ),
]
Logs = Annotated[
    list[str] | None,
    typer.Option(
        "--log", help=zh_en("只取此日志（以其来源标识指明），可重复", "only this log, by its origin; may repeat")
    ),
]


class ExtraMissingError(TaizhangError):
    """What the command needs is not installed."""


def archive(
    folder: Annotated[Path, typer.Argument(help=zh_en("写入的文件夹", "where to write"))], data: Data = None
) -> None:
    """Write the log and the ledger's entries as Parquet: what is new since the last time.

    The same checkpoint gives the same bytes. The archive answers without a database (taizhang rates --archive, taizhang
    replay) and is read by any engine that reads Parquet; several logs' archives may lie in one folder.

    把日志和台账写成 Parquet 归档：只写上次以后新增的部分。

    检查点相同，写出的字节就相同。归档不经数据库就能回答（taizhang rates --archive、taizhang replay），凡能读
    Parquet 的引擎都能读；几个日志的归档可放在同一文件夹。

    Example: taizhang archive /srv/archive
    """
    _require("pyarrow", "archive")
    import psycopg  # noqa: PLC0415 - other commands start without it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    from services.archive.writing import archive_log  # noqa: PLC0415 - as above
    from services.evidence.notes.signing import signer_for  # noqa: PLC0415 - as above
    from services.log.tree import LOG  # noqa: PLC0415 - as above
    from services.serving.serving import database  # noqa: PLC0415 - as above

    settings = load(data=data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with database(settings) as ready, psycopg.connect(ready.conninfo, autocommit=True) as connection:
        signer = signer_for(ready.log_key_path, ready.log_origin)
        key = signer.key(connection)
        with Progress(*columns, console=ERR, transient=True) as bar:
            task = bar.add_task(zh_en("归档中", "archiving"), total=LOG.size(connection))
            written = archive_log(
                connection, ready.conninfo, key, signer, folder, lambda done: bar.update(task, completed=done)
            )
    OUT.print(
        zh_en(
            f"{written.log}：{written.size:,} 个事件已归档到 {folder}，写了 {written.files} 个文件",
            f"{written.log}: {written.size:,} events archived in {folder}, {written.files} files written",
        ),
        highlight=False,
        soft_wrap=True,
    )


@filtered
def replay(  # noqa: PLR0917 - typer reads options from parameters
    folder: Folder,
    engine: Annotated[
        Literal["local", "spark"],
        typer.Option(
            help=zh_en(
                "计算引擎。local：在本进程内；spark：在 Spark 主节点上",
                "local: in this process; spark: on a Spark master",
            )
        ),
    ] = "local",
    master: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "Spark 主节点，如 spark://…；不填则用本机所有核",
                "the Spark master, as spark://…; all cores here if left out",
            )
        ),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    group_by: GroupBy = None,
    logs: Logs = None,
    log_key: LogKeys = None,
    as_json: AsJson = False,  # noqa: FBT002 - an option
    *,
    filters: Parameters,
) -> None:
    """Rates by folding an archive's events anew, every hash checked: nothing rests on the archived entries.

    把归档中的事件重放一遍得出覆盖率，逐一核对哈希：不依赖归档中已算好的内容。

    Example: taizhang replay --archive /srv/archive --as-of 2024-12-31 --known-at 2025-01-05T09:00:00+08:00
    """
    _require("pyarrow" if engine == "local" else "pyspark", "archive" if engine == "local" else "spark")

    def count(asked: "Question") -> dict[str, Any]:
        if engine == "local":
            from services.archive.folding import replay as local  # noqa: PLC0415 - needs the extra

            return local(asked)
        from services.archive.spark import replay as spark  # noqa: PLC0415 - needs the extra

        return spark(asked, master)

    answer_from(count, folder, log_key, logs, (as_of, known_at, group_by), filters, as_json=as_json)


def archived_rates(
    folder: Path,
    log_key: list[str] | None,
    logs: list[str] | None,
    asked: tuple[str | None, str | None, list[str] | None],
    filters: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Rates from an archive, printed."""
    _require("duckdb", "archive")

    def count(asked: "Question") -> dict[str, Any]:
        from services.archive.rates import rates as counted  # noqa: PLC0415 - needs the extra

        return counted(asked)

    answer_from(count, folder, log_key, logs, asked, filters, as_json=as_json)


def answer_from(  # noqa: PLR0917 - one question and how it is answered
    count: "Callable[[Question], dict[str, Any]]",
    folder: Path,
    log_key: list[str] | None,
    logs: list[str] | None,
    asked: tuple[str | None, str | None, list[str] | None],
    filters: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Ask an archive, and print its answer as that of the service is printed."""
    from services.archive.figures import question  # noqa: PLC0415 - needs the extra
    from services.archive.opening import open_archive  # noqa: PLC0415 - as above
    from services.commands.evidence import read_key  # noqa: PLC0415 - other commands start without a server
    from services.commands.questions import rates_table  # noqa: PLC0415 - imports this module

    keys = [key for key in map(read_key, log_key or ()) if key is not None]
    as_of, known_at, group_by = asked
    opened = open_archive(folder, keys, logs or ())
    answer = count(question(opened, as_of, known_at, group_by or (), filters))
    show(answer, rates_table, as_json=as_json)


def _require(module: str, extra: str) -> None:
    from importlib.util import find_spec  # noqa: PLC0415 - here alone

    if find_spec(module) is None:
        raise ExtraMissingError(
            f"this needs {module}, which is not installed: make setup-{extra} in a clone, or "
            f"pip install 'taizhang[{extra}]'"
        )
