"""`taizhang mirror`: a second party that copies a log, folds it anew and signs only what it finds right."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from services.commands.console import ERR, OUT
from services.commands.evidence import EXIT_UNREADABLE, EXIT_WRONG, progress, read_key
from services.commands.language import zh_en
from services.evidence.copies.copies import HttpCopy
from services.evidence.mirror.mirror import Mirror
from services.evidence.mirror.mirror_http import create_app, in_words
from services.evidence.witness.remembered import STATE_NAME, WitnessStartError, key_of
from services.evidence.witness.witness import Witness, WitnessForgotError
from services.system import logs
from services.system.errors import TaizhangError
from services.system.settings import SettingsError, load

LOCK_NAME: Final = "mirror.lock"
EXIT_NOT_STARTED: Final = 2


def mirror(  # noqa: PLR0917 - typer reads options from parameters
    ledger: Annotated[str, typer.Argument(help=zh_en("台账的地址", "the ledger's address"))],
    trust: Annotated[str, typer.Option(help=zh_en("日志的公钥，或存有公钥的文件", "the log's key, or a file with it"))],
    name: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "新密钥所用的镜像名，如 office.example/m1", "the mirror's name, for a new key; as office.example/m1"
            )
        ),
    ] = None,
    folder: Annotated[
        Path,
        typer.Option(
            help=zh_en(
                "镜像自己的文件夹，存其密钥、所作判断和日志副本",
                "its own folder: its key, what it judged, and the copy of the log",
            )
        ),
    ] = Path(".mirror"),
    host: Annotated[str, typer.Option(help=zh_en("监听的地址", "the address to listen on"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help=zh_en("监听的端口", "the port"))] = 8011,
    interval: Annotated[float, typer.Option(min=1, help=zh_en("两轮之间的秒数", "seconds between rounds"))] = 60,
    new: Annotated[  # noqa: FBT002 -- an option
        bool,
        typer.Option(
            "--new", help=zh_en("新设：密钥已有，从未签署过", "the key is there and has never signed anything")
        ),
    ] = False,
    once: Annotated[  # noqa: FBT002 -- an option
        bool,
        typer.Option(
            "--once",
            help=zh_en(
                "只做一轮即止，结果以退出码表示", "one round, then end, and say in the exit code what came of it"
            ),
        ),
    ] = False,
) -> None:
    """Keep a copy of a ledger's log, fold it anew, and sign heads and roots that are right, and no others.

    Run it on a machine, and under people, that the ledger's operator does not command. It reads whole events, so that
    TAIZHANG_API_KEY must hold a key of an inspector of the whole ledger. The copy is in FOLDER/copy, as of export-log.

    Exit code of --once: 0 all holds. 1: the log, or roots that it states, are refused; why is printed. 2: not started.
    3: the log does not answer, or the mirror itself cannot go on.

    镜像：保存台账日志的副本，重新折叠；检查点和树根正确的才签署，其余一律不签。

    应运行在台账运维人员管不到的机器上，由他们管不到的人掌管。它读取完整的事件，TAIZHANG_API_KEY
    须为全台账督查员的密钥。副本在 文件夹/copy，与 export-log 的相同。

    --once 的退出码 0：一切成立。1：日志或其公布的树根被拒，并打印缘由。2：未启动。3：日志不应答，
    或镜像自身无法继续。

    Example: taizhang mirror http://ledger.example:8000 --trust log.key.pub --name office.example/m1
    """
    logs.configure("console", "info")
    settings = load()
    key = read_key(trust)
    if key is None or not ledger.startswith(("http://", "https://")):
        raise SettingsError(f"{ledger}: a ledger's address begins with http:// or https://")
    with _only_one(folder):
        try:
            own = key_of(folder, name, is_new=new)
            watching = Witness(own, [key], folder / STATE_NAME)
        except (WitnessStartError, WitnessForgotError) as fault:
            raise _not_started(fault) from None
        api_key = None if settings.api_key is None else settings.api_key.get_secret_value()
        found = Mirror(watching, folder, lambda: HttpCopy(ledger, api_key))
        ERR.print(zh_en(f"镜像的公钥：{own.verifier}", f"the mirror's key: {own.verifier}"), soft_wrap=True)
        if once:
            raise typer.Exit(_once(found))
        import uvicorn  # noqa: PLC0415 -- other commands start without a server

        uvicorn.run(create_app(found, interval), host=host, port=port, log_config=None)


def _once(found: Mirror) -> int:
    with progress(zh_en("抄录中", "copying")) as (advance, total):
        done = 0

        def shown(reached: int, of: int) -> None:
            nonlocal done
            total(of)
            advance(reached - done)
            done = reached

        last = found.round(shown)
    OUT.print(in_words(found), markup=False, highlight=False, soft_wrap=True)
    return 0 if last.good else EXIT_WRONG if last.kind == "refuses" else EXIT_UNREADABLE


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Within: no other mirror has this folder, on this machine."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise _not_started(TaizhangError(f"another mirror has the folder {folder}: each has its own")) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _not_started(fault: TaizhangError) -> typer.Exit:
    ERR.print(zh_en("未启动", "Not started"), style="red")
    ERR.print(str(fault), soft_wrap=True)
    return typer.Exit(EXIT_NOT_STARTED)
