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
from services.evidence.roots.rooting import Asked, state_roots
from services.log.tree import LOG
from services.serving.serving import database
from services.system.settings import SHANGHAI, Settings, SettingsError, load


def prove(  # noqa: PLR0917 - typer reads options from parameters
    assessment: Annotated[str | None, typer.Argument(help="报告 assessment:…, a sealed report")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="证明文件 the file to write")] = None,
    region: Annotated[str | None, typer.Option(help="区划 a division code; the whole ledger if left out")] = None,
    kind: Annotated[str | None, typer.Option(help=f"类型 {', '.join(KINDS)}; all of them if left out")] = None,
    commit: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--commit", help="公布树根 state the roots for --as-of and --known-at instead")
    ] = False,
    as_of: AsOf = None,
    known_at: Annotated[int | None, typer.Option(min=0, help="数据时点 a position; the latest if left out")] = None,
    data: Data = None,
) -> None:
    """数字证明 Prove a figure of a sealed report, complete and correct, in one file for `taizhang verify`.

    With --commit: fold the trees from the log alone, and have the log state their roots. The service does so itself
    after each sealed report.

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
    words = f"{len(content):,} 字节已写入 bytes written to {output}; taizhang verify {output}"
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)


def _commit(settings: Settings, as_of: str | None, known_at: int | None) -> None:
    try:
        day = datetime.now(SHANGHAI).date() if as_of is None else parse_date(as_of)
    except ValueError as fault:
        raise SettingsError(f"--as-of {as_of!r}: {fault}") from None
    with database(settings) as ready:
        with psycopg.connect(ready.conninfo) as connection:
            position = LOG.size(connection) if known_at is None else known_at
        with progress("汇总 folding") as (advance, total):
            total(position)
            stated = state_roots(ready.conninfo, ready.roots_path, Asked(day, position), advance)
    words = (
        f"位置 {stated.position} 公布了树根 position {stated.position} states the roots: as_of={stated.as_of}, "
        f"known_at={stated.known_at}, {stated.map.size:,} entities"
    )
    OUT.print(words, markup=False, highlight=False, soft_wrap=True)
