"""`taizhang backup` and `taizhang restore`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from services.backup import backup as making
from services.backup import restore as restoring
from services.backup.tables import BackupError
from services.commands.console import ERR, OUT, Data
from services.commands.evidence import EXIT_WRONG, show_report
from services.commands.language import zh_en
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_database
from services.evidence.witness.notary import read_witnesses
from services.postgres.chores import noted
from services.serving.serving import database, server
from services.system import logs
from services.system.settings import load

Keys = Annotated[
    Path | None,
    typer.Option(
        help=zh_en(
            "封存密钥的文件；不填则为备份文件夹旁的 DIR.keys",
            "the file of the sealed keys; left out: DIR.keys beside the folder",
        )
    ),
]


def backup(
    folder: Annotated[Path, typer.Argument(help=zh_en("存放本次备份的新文件夹", "a new folder for this backup"))],
    keys: Keys = None,
    without_keys: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--without-keys", help=zh_en("不含密钥：密钥另行保管", "leave the keys out: they are kept otherwise")
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Copy all that cannot be made again, from one snapshot, while the service runs.

    The folder gets the log and everything else that was recorded; the ledger itself is built from the log again. The
    keys go into a file apart, sealed with TAIZHANG_BACKUP_PASSPHRASE: keep it elsewhere than the folder, and the
    passphrase elsewhere than both.

    备份：服务运行中，从同一快照复制一切无法重新生成的内容。

    文件夹中是日志和其他记录；台账本身由日志重建。密钥写入另一个文件，以 TAIZHANG_BACKUP_PASSPHRASE 封存：
    密钥文件与文件夹分开存放，口令与两者都分开。

    Example: taizhang backup /mnt/backups/2026-01-31
    """
    settings, began = load(data=data), time.monotonic()
    logs.configure(settings.log_format, "warning")
    if not without_keys:
        making.passphrase(settings)
    with (
        database(settings) as ready,
        noted(ready.conninfo, "backup") as run,
        ERR.status(zh_en("备份中", "backing up")) as status,
    ):
        try:
            made = making.backup(
                ready,
                folder,
                keys,
                lambda name: status.update(zh_en(f"备份中：{name}", f"copying {name}")),
                with_keys=not without_keys,
            )
        except OSError as error:
            raise BackupError(f"{folder}: {error.strerror or error}; nothing half-made is left") from None
        run.done = made.size
    size = sum(each.bytes for each in made.tables)
    OUT.print(
        zh_en(
            f"已备份 {made.size:,} 个事件到 {folder}：{size / 2**20:,.1f} MiB，用时 {time.monotonic() - began:.1f} "
            f"秒，树根 {made.root_hash}",
            f"{made.size:,} events backed up to {folder}: {size / 2**20:,.1f} MiB in "
            f"{time.monotonic() - began:.1f} s, root {made.root_hash}",
        ),
        highlight=False,
        soft_wrap=True,
    )
    if made.keys:
        where = keys or making.keys_file(folder)
        OUT.print(
            zh_en(f"密钥另存，请放在别处：{where}", f"the keys are apart, keep them elsewhere: {where}"),
            highlight=False,
            soft_wrap=True,
        )


def restore(  # noqa: PLR0917 - typer reads options from parameters
    folder: Annotated[Path, typer.Argument(help=zh_en("备份所在的文件夹", "the folder of a backup"))],
    keys: Keys = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help=zh_en("此前留存的检查点，可重复", "a checkpoint kept from before; may repeat")),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(
            help=zh_en(
                "要询问的见证人或镜像的地址，可重复；不填则为 TAIZHANG_WITNESSES 中的",
                "a witness or mirror to ask; left out: those of TAIZHANG_WITNESSES; may repeat",
            )
        ),
    ] = None,
    without_keys: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--without-keys", help=zh_en("没有密钥也恢复", "restore without the keys"))
    ] = False,
    accept_loss: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--accept-loss", help=zh_en("接受缺失：尽管他处见过更多，仍然恢复", "restore though others have seen more")
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Bring a backup back into an empty database, and verify it.

    It is compared with every checkpoint that can be had: those beside the log's key, those given, and those of
    witnesses. Where one of them has seen more than the copy holds, or cannot be asked, nothing is restored unless
    --accept-loss says so. Then the ledger is built from the log, and all of it verified.

    Exit code 0: restored, and everything holds. 1: it does not, or nothing was restored; the reason is told.

    恢复：把备份放回空的数据库，并加以核验。

    与所有能找到的检查点比对：日志密钥旁的、给出的、见证人的。若有一处见过的比备份所含的多，或无法询问，则不恢复，
    除非给出 --accept-loss。然后由日志重建台账，并全部核验。

    退出码 0：已恢复，一切成立。1：不成立，或未恢复，并说明缘由。

    Example: taizhang restore /mnt/backups/2026-01-31 --keys /mnt/safe/2026-01-31.keys
    """
    settings = load(data=data)
    logs.configure(settings.log_format, "warning")
    named = [each.address for each in read_witnesses(settings.witnesses)] if settings.witnesses else []
    asked = restoring.Asked(keys, checkpoint or (), witness or named, without_keys, accept_loss)
    with server(settings) as ready, ERR.status(zh_en("恢复中", "restoring")) as status:
        done = restoring.restore(ready, folder, asked, status.update)
        status.update(zh_en("核验中", "verifying"))
        report = audit_database(ready.conninfo, ready.log_key_path, Asked(), lambda _: None, lambda _: None)
    for each in done.lost:
        OUT.print(
            zh_en(f"[yellow]![/yellow] 已接受缺失：{each}", f"[yellow]![/yellow] accepted as lost: {each}"),
            highlight=False,
            soft_wrap=True,
        )
    show_report(report)
    if report.first is not None:
        raise typer.Exit(EXIT_WRONG)
    OUT.print(
        zh_en(
            f"已恢复 {done.manifest.size:,} 个事件，备份于 {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC；密钥文件 "
            f"{done.keys} 个。下一步：taizhang serve，此后发生的由 taizhang ingest 补上",
            f"{done.manifest.size:,} events restored, as of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC; "
            f"{done.keys} files of keys. Next: taizhang serve, and taizhang ingest for what came since",
        ),
        highlight=False,
        soft_wrap=True,
    )
