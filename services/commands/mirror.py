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
    ledger: Annotated[str, typer.Argument(help="台账地址 the ledger's address")],
    trust: Annotated[str, typer.Option(help="日志公钥 the log's key, or a file with it")],
    name: Annotated[
        str | None, typer.Option(help="镜像名 the mirror's name, for a new key; as office.example/m1")
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="目录 its own folder: its key, what it judged, and the copy of the log")
    ] = Path(".mirror"),
    host: Annotated[str, typer.Option(help="地址 the address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="端口 the port")] = 8011,
    interval: Annotated[float, typer.Option(min=1, help="间隔 seconds between rounds")] = 60,
    new: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--new", help="新设 the key is there and has never signed anything")
    ] = False,
    once: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--once", help="一轮即止 one round, then end, and say in the exit code what came of it")
    ] = False,
) -> None:
    """镜像 Keep a copy of a ledger's log, fold it anew, and sign heads and roots that are right, and no others.

    Run it on a machine, and under people, that the ledger's operator does not command. It reads whole events, so that
    TAIZHANG_API_KEY must hold a key of an inspector of the whole ledger. The copy is in FOLDER/copy, as of export-log.

    Exit code of --once: 0 all holds. 1: the log, or roots that it states, are refused; why is printed. 2: not started.
    3: the log does not answer, or the mirror itself cannot go on.

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
        ERR.print(f"镜像公钥 the mirror's key: {own.verifier}", soft_wrap=True)
        if once:
            raise typer.Exit(_once(found))
        import uvicorn  # noqa: PLC0415 -- other commands start without a server

        uvicorn.run(create_app(found, interval), host=host, port=port, log_config=None)


def _once(found: Mirror) -> int:
    with progress("抄录 copying") as (advance, total):
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
    ERR.print("未启动 Not started", style="red")
    ERR.print(str(fault), soft_wrap=True)
    return typer.Exit(EXIT_NOT_STARTED)
