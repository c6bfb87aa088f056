"""The options that the questions share: grouping and filters (spec/api.md, Filters)."""

from typing import Annotated

import typer

from domain.rates import DIMENSIONS
from domain.terms import CATEGORIES, FORMATIONS, KINDS, MEASURES


def _one_of(values: tuple[str, ...]) -> str:
    return ", ".join(values)


GroupBy = Annotated[list[str] | None, typer.Option(help=f"分组 may repeat: {_one_of(DIMENSIONS)}")]
Region = Annotated[str | None, typer.Option(help="地区 a prefix of the division code")]
Kind = Annotated[str | None, typer.Option(help=_one_of(KINDS))]
Category = Annotated[str | None, typer.Option(help=_one_of(CATEGORIES))]
Industry = Annotated[str | None, typer.Option(help="行业 a section, or the beginning of a longer code; null")]
Formation = Annotated[str | None, typer.Option(help=f"{_one_of(FORMATIONS)}, null")]
Measure = Annotated[str | None, typer.Option(help=_one_of(MEASURES))]
WorkCovered = Annotated[bool | None, typer.Option(help="工作覆盖 only those with work coverage, or without")]
Eligible = Annotated[bool | None, typer.Option(help="应建 only the eligible, or the others")]
