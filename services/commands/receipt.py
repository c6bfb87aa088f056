"""`taizhang receipt`: proofs that what was sent is in the ledger's trees, as files."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.client import Client
from services.commands.console import OUT
from services.commands.language import zh_en
from services.evidence.notes.tlog_proof import SUFFIX
from services.system.settings import SettingsError, load


def receipt(
    source: Annotated[str | None, typer.Argument(help=zh_en("事件的来源", "the event's source"))] = None,
    id_: Annotated[str | None, typer.Argument(metavar="ID", help=zh_en("事件的编号", "the event's id"))] = None,
    quarantine_id: Annotated[
        int | None, typer.Option(min=1, help=zh_en("改以隔离号指明，如当时的回答", "instead: as it was answered"))
    ] = None,
    folder: Annotated[
        Path, typer.Option("--output", "-o", help=zh_en("文件写入的文件夹", "where the files are put"))
    ] = Path(),
    url: Annotated[
        str | None, typer.Option(help=zh_en("服务地址；不填为 TAIZHANG_URL", "the service, if not TAIZHANG_URL"))
    ] = None,
) -> None:
    """Have receipts of what you sent: accepted, repeated or set aside, and what was done with it since.

    Each is a file of its own (C2SP tlog-proof), which `taizhang verify` checks offline.

    收件回执：所发的每个事件，是接受、重复还是隔离，此后又如何处理。

    每份回执是一个文件（C2SP tlog-proof），可用 taizhang verify 离线核验。

    Examples:
        taizhang receipt /registry/market e-1 -o receipts/
        taizhang verify receipts/accepted-17.tlog-proof --log-key log.key.pub --sent event.json
    """
    if (quarantine_id is None) == (source is None) or (source is None) != (id_ is None):
        raise SettingsError("name the message by SOURCE and ID, or by --quarantine-id")
    with Client(load(url=url)) as client:
        answer = client.get("/v1/receipts", {"source": source, "id": id_, "quarantine_id": quarantine_id})
    folder.mkdir(parents=True, exist_ok=True)
    for each in answer["receipts"]:
        # The name is the service's word, and a file of this folder all the same.
        name = Path(each["file_name"]).name.removesuffix(SUFFIX) + SUFFIX
        (folder / name).write_text(each["file"], encoding="utf-8")
        OUT.print(f"{each['kind']}: {folder / name}", highlight=False, soft_wrap=True)
