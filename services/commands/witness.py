"""`taizhang witness`."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.console import ERR
from services.commands.evidence import EXIT_WRONG, read_key
from services.commands.language import zh_en
from services.evidence.witness.remembered import STATE_NAME, key_of
from services.evidence.witness.witness import Witness
from services.evidence.witness.witness_http import create_app, poll_in_words
from services.system import logs


def witness(  # noqa: PLR0917 -- typer reads options from parameters
    trust: Annotated[
        list[str],
        typer.Option(
            help=zh_en(
                "要见证的日志的公钥，或存有公钥的文件，可重复",
                "the key of a log to witness, or a file with it; may repeat",
            )
        ),
    ],
    ledger: Annotated[
        list[str] | None,
        typer.Option(help=zh_en("向哪个台账索取检查点，可重复", "a ledger to ask for its checkpoints; may repeat")),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                "新密钥所用的见证人名，如 office.example/w1", "the witness's name, for a new key; as office.example/w1"
            )
        ),
    ] = None,
    folder: Annotated[
        Path,
        typer.Option(help=zh_en("见证人自己的文件夹，存其密钥和所见", "its own folder, with its key and what it saw")),
    ] = Path(".witness"),
    host: Annotated[str, typer.Option(help=zh_en("监听的地址", "the address to listen on"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help=zh_en("监听的端口", "the port"))] = 8010,
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
                "只做一轮即止；有台账被拒则退出码为 1", "one round, then end; exit code 1 if a ledger was refused"
            ),
        ),
    ] = False,
) -> None:
    """Watch ledgers from outside: sign each checkpoint that extends what was seen before, and no other.

    Run it on a machine, and under people, that the ledger's operator does not command. It takes checkpoints over
    HTTP (C2SP tlog-witness, POST /add-checkpoint) and asks ledgers for them by itself.

    见证：从外部看住台账：检查点与此前所见相接的才签署，其余一律不签。

    应运行在台账运维人员管不到的机器上，由他们管不到的人掌管。它经 HTTP 接受检查点（C2SP tlog-witness，POST
    /add-checkpoint），也自行向台账索取。

    Example: taizhang witness --trust log.key.pub --ledger http://ledger.example:8000 --name office.example/w1
    """
    import uvicorn  # noqa: PLC0415 -- other commands start without a server

    logs.configure("console", "info")
    key = key_of(folder, name, is_new=new)
    trusted = [each for each in map(read_key, trust) if each is not None]
    watching = Witness(key, trusted, folder / STATE_NAME)
    ERR.print(zh_en(f"见证人的公钥：{key.verifier}", f"the witness's key: {key.verifier}"), soft_wrap=True)
    if once:
        refused = [each for each in ledger or () if not poll_in_words(watching, each)]
        raise typer.Exit(EXIT_WRONG if refused else 0)
    uvicorn.run(create_app(watching, ledger or (), interval), host=host, port=port, log_config=None)
