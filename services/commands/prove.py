"""`taizhang prove`: the proof of a figure as a file, and the roots that such proofs rest on."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from domain.ledger.rates import REGION_DIMENSION_LENGTHS
from domain.values.instants import parse_date
from domain.values.terms import KINDS
from services.commands.client import Client
from services.commands.console import OUT, AsOf, Data
from services.commands.evidence import progress
from services.commands.language import zh_en
from services.evidence.roots.rooting import Asked, state_roots
from services.log.tree import LOG
from services.serving.serving import database
from services.system.settings import SHANGHAI, Settings, SettingsError, load


def prove(  # noqa: PLR0917 - typer reads options from parameters
    assessment: Annotated[
        str | None, typer.Argument(help=zh_en("封存的报告，写作 assessment:…", "assessment:…, a sealed report"))
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=zh_en("写入的证明文件", "the file to write"))
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help=zh_en("区划代码；不填为整个台账", "a division code; the whole ledger if left out")),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help=zh_en(
                f"单位类型：{', '.join(KINDS)}；不填为全部",
                f"a kind of organization: {', '.join(KINDS)}; all of them if left out",
            )
        ),
    ] = None,
    commit: Annotated[  # noqa: FBT002 - an option
        bool,
        typer.Option(
            "--commit",
            help=zh_en("改为公布 --as-of 和 --known-at 的树根", "state the roots for --as-of and --known-at instead"),
        ),
    ] = False,
    as_of: AsOf = None,
    known_at: Annotated[
        int | None,
        typer.Option(
            min=0, help=zh_en("数据时点的位置；不填为最新", "as known at: a position; the latest if left out")
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Prove a figure of a sealed report, complete and correct, in one file for `taizhang verify`.

    With --commit: fold the trees from the log alone, and have the log state their roots. The service does so itself
    after each sealed report.

    数字证明：证明封存的报告中某个数字正确且无遗漏，一个文件，供 taizhang verify 核验。

    --commit：只凭日志算出各树，并使日志公布其树根。每份报告封存后，服务会自行公布。

    Examples:
        taizhang prove assessment:2024-end --region 990101 --kind new_economic -o county.proof.txt
        taizhang prove --commit --as-of 2024-12-31
    """
    settings = load(data=data)
    if commit:
        _commit(settings, as_of, known_at)
        return
    if assessment is None or output is None:
        raise SettingsError("name a sealed report and --output, or --commit")
    parameters: dict[str, str | None] = {"assessment": assessment, "kind": kind}
    if region is not None:
        if len(region) not in REGION_DIMENSION_LENGTHS:
            raise SettingsError(f"--region {region}: a division code has 2, 4, 6, 9 or 12 digits")
        parameters[f"region:{len(region)}"] = region
    with Client(settings) as client:
        content = b"".join(client.stream("/v1/proof", parameters))
    output.write_bytes(content)
    words = zh_en(
        f"{len(content):,} 字节已写入 {output}；taizhang verify {output}",
        f"{len(content):,} bytes written to {output}; taizhang verify {output}",
    )
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)


def _commit(settings: Settings, as_of: str | None, known_at: int | None) -> None:
    try:
        day = datetime.now(SHANGHAI).date() if as_of is None else parse_date(as_of)
    except ValueError as fault:
        raise SettingsError(f"--as-of {as_of!r}: {fault}") from None
    with database(settings) as ready:
        with psycopg.connect(ready.conninfo) as connection:
            position = LOG.size(connection) if known_at is None else known_at
        with progress(zh_en("汇总中", "folding")) as (advance, total):
            total(position)
            stated = state_roots(ready.conninfo, ready.roots_path, Asked(day, position), advance)
    words = zh_en(
        f"位置 {stated.position} 公布了树根：as_of={stated.as_of}，known_at={stated.known_at}，{stated.map.size:,} "
        "个实体",
        f"position {stated.position} states the roots: as_of={stated.as_of}, known_at={stated.known_at}, "
        f"{stated.map.size:,} entities",
    )
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)
