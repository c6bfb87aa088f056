"""Any question that has a table, from a shell: as a table to read, or as a file."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from services.commands.client import Client
from services.commands.console import ERR, OUT, Parameters
from services.commands.language import LANGUAGE, zh_en
from services.system.errors import InvalidValueError
from services.system.settings import load

_FORMS: Final = {".xlsx": "xlsx", ".zip": "csv"}


def ask(
    question: Annotated[
        str,
        typer.Argument(
            help=zh_en(
                "问题：/v1/ 之后的路径，如 weak-branches（见 deploy/questions.md）",
                "the question: its path after /v1/, as weak-branches (deploy/questions.md)",
            )
        ),
    ],
    parameters: Annotated[
        list[str] | None,
        typer.Argument(help=zh_en("参数，写作 名=值，与网址中相同", "parameters NAME=VALUE, as in the address")),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=zh_en("输出文件：.xlsx，或装有 CSV 的 .zip", "the file to write: .xlsx, or .zip for CSV"),
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help=zh_en("表的语言：zh、en", "the table's language: zh, en"))] = LANGUAGE,
) -> None:
    """Any question's table, all of it: printed, or as a workbook or CSV.

    任何问题的完整的表：打印出来，或存为工作簿或 CSV。

    Example: taizhang ask weak-branches as_of=2024-12-31 region=5101 --output weak.xlsx
    """
    form = "csv" if output is None else _FORMS.get(output.suffix)
    if form is None:
        raise InvalidValueError(f"{output}: a file ends in {' or '.join(_FORMS)}")
    given: dict[str, list[str]] = {}
    for pair in parameters or ():
        name, sign, value = pair.partition("=")
        if not sign:
            raise InvalidValueError(f"{pair!r}: a parameter is NAME=VALUE, such as as_of=2024-12-31")
        given.setdefault(name, []).append(value)
    path = "/v1/" + question.strip("/").removeprefix("v1/")
    asked: Parameters = {**given, "format": form, "lang": lang}
    with Client(load()) as client:
        packed = b"".join(client.stream(path, asked))
    if output is not None:
        ERR.print(f"{output}: {output.write_bytes(packed):,} bytes", markup=False)
        return
    OUT.print(_table(packed))


def _table(packed: bytes) -> Table:
    """What a ZIP of CSV with its metadata holds (CSV on the Web), headed by the second title of each column."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        about = json.loads(archive.read("csv-metadata.json"))
        [first] = about["tables"]
        rows = csv.reader(io.StringIO(archive.read(first["url"]).decode("utf-8-sig"), newline=""))
        table = Table(title=f"{about['dc:title']}, {about['dc:description']}")
        for column in first["tableSchema"]["columns"]:
            right = column["datatype"] in ("integer", "decimal")
            # Folded, never cut: half a figure is a wrong figure.
            table.add_column(column["titles"][-1], justify="right" if right else "left", overflow="fold")
        next(rows)
        for row in rows:
            table.add_row(*row)
    return table
