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
from services.evidence.verifier.asked import Asked
from services.evidence.verifier.audit import audit_database
from services.evidence.witness.notary import read_witnesses
from services.postgres.chores import noted
from services.serving.serving import database, server
from services.system import logs
from services.system.settings import load

Keys = Annotated[
    Path | None, typer.Option(help="密钥文件 the file of the sealed keys; left out: DIR.keys beside the folder")
]


def backup(
    folder: Annotated[Path, typer.Argument(help="目标文件夹 a new folder for this backup")],
    keys: Keys = None,
    without_keys: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--without-keys", help="不含密钥 leave the keys out: they are kept otherwise")
    ] = False,
    data: Data = None,
) -> None:
    """备份 Copy all that cannot be made again, from one snapshot, while the service runs.

    The folder gets the log and everything else that was recorded; the ledger itself is built from the log again. The
    keys go into a file apart, sealed with TAIZHANG_BACKUP_PASSPHRASE: keep it elsewhere than the folder, and the
    passphrase elsewhere than both.

    Example: taizhang backup /mnt/backups/2026-01-31
    """
    settings, began = load(data=data), time.monotonic()
    logs.configure(settings.log_format, "warning")
    if not without_keys:
        making.passphrase(settings)
    with (
        database(settings) as ready,
        noted(ready.conninfo, "backup") as run,
        ERR.status("备份 backing up") as status,
    ):
        try:
            made = making.backup(
                ready, folder, keys, lambda name: status.update(f"备份 copying {name}"), with_keys=not without_keys
            )
        except OSError as error:
            raise BackupError(f"{folder}: {error.strerror or error}; nothing half-made is left") from None
        run.done = made.size
    size = sum(each.bytes for each in made.tables)
    OUT.print(
        f"已备份 {made.size:,} 个事件 events backed up to {folder}: {size / 2**20:,.1f} MiB in "
        f"{time.monotonic() - began:.1f} s, root {made.root_hash}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if made.keys:
        where = keys or making.keys_file(folder)
        OUT.print(f"密钥另存 the keys are apart, keep them elsewhere: {where}", highlight=False, soft_wrap=True)


def restore(  # noqa: PLR0917 - typer reads options from parameters
    folder: Annotated[Path, typer.Argument(help="备份 the folder of a backup")],
    keys: Keys = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="留存的检查点 a checkpoint kept from before; may repeat")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(help="见证人地址 a witness or mirror to ask; left out: those of TAIZHANG_WITNESSES; may repeat"),
    ] = None,
    without_keys: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--without-keys", help="没有密钥 restore without the keys")
    ] = False,
    accept_loss: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--accept-loss", help="接受缺失 restore though others have seen more")
    ] = False,
    data: Data = None,
) -> None:
    """恢复 Bring a backup back into an empty database, and verify it.

    It is compared with every checkpoint that can be had: those beside the log's key, those given, and those of
    witnesses. Where one of them has seen more than the copy holds, or cannot be asked, nothing is restored unless
    --accept-loss says so. Then the ledger is built from the log, and all of it verified.

    Exit code 0: restored, and everything holds. 1: it does not, or nothing was restored; the reason is told.

    Example: taizhang restore /mnt/backups/2026-01-31 --keys /mnt/safe/2026-01-31.keys
    """
    settings = load(data=data)
    logs.configure(settings.log_format, "warning")
    named = [each.address for each in read_witnesses(settings.witnesses)] if settings.witnesses else []
    asked = restoring.Asked(keys, checkpoint or (), witness or named, without_keys, accept_loss)
    with server(settings) as ready, ERR.status("恢复 restoring") as status:
        done = restoring.restore(ready, folder, asked, status.update)
        status.update("核验 verifying")
        report = audit_database(ready.conninfo, ready.log_key_path, Asked(), lambda _: None, lambda _: None)
    for each in done.lost:
        OUT.print(f"[yellow]![/yellow] 已接受缺失 accepted as lost: {each}", highlight=False, soft_wrap=True)
    show_report(report)
    if report.first is not None:
        raise typer.Exit(EXIT_WRONG)
    OUT.print(
        f"已恢复 {done.manifest.size:,} 个事件 events restored, as of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC; "
        f"{done.keys} 个密钥文件 files of keys. 下一步 Next: taizhang serve, and taizhang ingest for what came since",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
