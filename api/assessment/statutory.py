"""`GET /v1/statutory/{table}`: the statistical tables that offices owe; `…/behind`: who stands behind a cell."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import Clocks, CursorText, ledger_at, read_date
from api.asking.filters import is_body
from api.asking.paging import Limit, counted_page
from api.asking.questions import READING, question
from api.exports.figures import evidence_pairs, sentence
from api.exports.files import as_file
from api.exports.lists import FORMS, WHOLE, Form, In, Sheet, taken_away
from api.exports.statutory import statutory_document
from api.site.addresses import Value, address
from api.site.formats import Names
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import Evidence, KnownAt
from domain.figures.statutory import LAYOUTS, TOTAL, Checked, Key, Of, Open, TableName, is_open
from domain.ledger.rates import is_region_prefix
from services.assessment.statutory import Asked, Behind, Filled, behind, filled

router = APIRouter(prefix="/v1/statutory", tags=["assessment"], responses=PROBLEMS)

LINES_MAX: Final = max(len(table.lines) for table in LAYOUTS.values())


class CellShape(BaseModel):
    """A cell of the table."""

    value: int | None = Field(description="null where the cell is open")
    unknown: int = Field(description="of how many it is about the ledger does not hold what is counted; they add 0")
    open: Open | None = Field(description="why the ledger cannot fill it; null where it can")


class LineShape(BaseModel):
    """A line of the table."""

    line: int
    name: str
    stub: str | None = Field(description="the heading that it stands under with its neighbours")
    within: bool = Field(description="whether it is a part of a line before (其中)")
    of: Of = Field(description="what is counted; persons and branches may be in several columns")
    cells: dict[str, CellShape] = Field(description="by column")


class CellName(BaseModel):
    """Which cell is meant."""

    line: int
    column: str


class CheckShape(BaseModel):
    """A check sum: the left cells' sum is, or is at most, the right ones'."""

    left: list[CellName]
    relation: Literal["=", "<="]
    right: list[CellName]
    left_sum: int
    right_sum: int
    holds: bool | None = Field(description="null where it does not, and what the ledger does not hold may be why")


class StatutoryShape(BaseModel):
    """A filled table."""

    table: TableName
    as_of: date
    known_at: KnownAt
    evidence: Evidence
    region: str | None
    body: str | None
    elected_since: date
    columns: list[str]
    lines: list[LineShape]
    checks: list[CheckShape]
    beside: dict[str, int] = Field(
        description="how many units or branches are left out, or of how many less is said, by the reason"
    )


class BehindShape(BaseModel):
    """An organization or a branch behind a cell."""

    subject: str
    name: str
    region: str
    seen: bool = Field(description="whether whoever asked may open it")
    adds: int | None = Field(description="what it adds to the cell; null where the ledger does not hold that")
    positions: list[int] = Field(description="of the events that put it there, in order")


class BehindsShape(BaseModel):
    """One page of what stands behind a cell."""

    table: TableName
    as_of: date
    known_at: KnownAt
    evidence: Evidence
    line: int
    column: str
    total: int = Field(description="on all pages")
    behind: list[BehindShape] = Field(description="organizations as the log first spoke of them, or branches by name")
    next: str | None = Field(description="`cursor` of the next page; null on the last")


TablePath = Annotated[TableName, Path(description="Which table.", examples=["enterprises"])]


class Place(NamedTuple):
    """Of what region and body a table is, and from which day elections count."""

    region: str | None
    body: str | None
    since: date

    def of(self, table: TableName) -> Asked:
        """One of the tables, of it."""
        return Asked(LAYOUTS[table], *self)


async def place(
    clocks: AskedClocks,
    *,
    region: Annotated[
        str | None,
        Query(description="Only units, or branches, whose region begins so.", max_length=12, examples=["5101"]),
    ] = None,
    body: Annotated[
        str | None,
        Query(description="Only units that answer to this body or below it, or branches over one.", max_length=69),
    ] = None,
    elected_since: Annotated[
        str | None,
        Query(description="The first day of the period in which elections count; the year's first if left out."),
    ] = None,
) -> Place:
    """Of which place this question is."""
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    if body is not None and not is_body(body):
        raise invalid("query.body", body, "body", "a body is body: and 1 to 64 of A-Z a-z 0-9 _ -")
    since = date(clocks.as_of.year, 1, 1) if elected_since is None else read_date("elected_since", elected_since)
    return Place(region, body, since)


Placed = Annotated[Place, Depends(place)]


@router.get(
    "/{table}",
    response_model=None,
    responses={200: {"model": StatutoryShape}},
    summary="统计报表 A statistical table",
)
@question(READING, "scoped", trail="figures", command="statutory", forms=FORMS)
def get_table(
    request: Request,
    clocks: AskedClocks,
    table: TablePath,
    placed: Placed,
    *,
    format: Form = "json",  # noqa: A002 - the parameter's name
    lang: In = "zh",
) -> Response:
    """One of the tables that offices owe, its cells filled and its check sums worked out; a workbook has their layout.

    Cells that no ledger fills are open and say why; of what is not known the number is said beside the sum.

    Example: `/v1/statutory/enterprises?as_of=2024-12-31&region=5101`
    """
    asked = placed.of(table)
    found = filled(ledger_at(request, clocks), asked)
    told = _told(request, clocks, found)
    if format == "json":
        return answer(told)
    parts = parts_of(request)
    names = Names(lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)
    document = statutory_document(
        found, names, clocks.as_of.isoformat(),
        sentence(lang, clocks.as_of.isoformat(), clocks.position, clocks.recorded_at, clocks.known.wrong),
        evidence_pairs(lang, told["evidence"], {"address": address(request.url.path, parameters(asked, clocks))}),
        scoped=parts.queries.scope is not None,
    )  # fmt: skip
    return as_file(document, format, parts.drawer.draw)


def parameters(asked: Asked, clocks: Clocks) -> dict[str, Value]:
    """What asks for the same table again, both clocks settled."""
    return {
        "as_of": clocks.as_of.isoformat(), "known_at": clocks.position, "region": asked.region, "body": asked.body,
        "elected_since": asked.since.isoformat(),
    }  # fmt: skip


def _told(request: Request, clocks: Clocks, found: Filled) -> dict[str, Any]:
    table = found.asked.table
    return {
        **_head(request, clocks, found.asked),
        "region": found.asked.region,
        "body": found.asked.body,
        "elected_since": found.asked.since,
        "columns": [column.name for column in table.columns],
        "lines": [
            {
                "line": line.number, "name": line.name, "stub": line.stub, "within": line.within, "of": line.of,
                "cells": {
                    column.name: {
                        **found.cells[line.number, column.name]._asdict(), "open": is_open(line, column),
                    }
                    for column in table.columns
                },
            }
            for line in table.lines
        ],
        "checks": [_check(each) for each in found.checks],
        "beside": found.beside,
    }  # fmt: skip


def _head(request: Request, clocks: Clocks, asked: Asked) -> dict[str, Any]:
    return {
        "table": asked.table.name,
        "as_of": clocks.as_of,
        "known_at": clocks.known_at(),
        "evidence": parts_of(request).queries.evidence(clocks.position),
    }


def _check(check: Checked) -> dict[str, Any]:
    left, right = ([{"line": line, "column": column} for line, column in side] for side in (check.left, check.right))
    above, below = check.sums
    return {
        "left": left, "relation": check.relation, "right": right, "left_sum": above, "right_sum": below,
        "holds": check.holds,
    }  # fmt: skip


LineAsked = Annotated[int, Query(ge=1, le=LINES_MAX, description="The number of a line of the table.", examples=[1])]
ColumnAsked = Annotated[
    str, Query(description="The name of a column of the table, as `columns` has it.", max_length=64, examples=[TOTAL])
]


def cell(table: TablePath, line: LineAsked, column: ColumnAsked = TOTAL) -> Key:
    """Which cell is asked about; a Problem where the table has none such."""
    layout = LAYOUTS[table]
    columns = [each.name for each in layout.columns]
    if column not in columns:
        raise invalid("query.column", column, "statutory_column", f"this table has the columns {', '.join(columns)}")
    if line > len(layout.lines):
        raise invalid("query.line", str(line), "statutory_line", f"this table has the lines 1 to {len(layout.lines)}")
    return line, column


CellAsked = Annotated[Key, Depends(cell)]


@router.get(
    "/{table}/behind",
    response_model=None,
    responses={200: {"model": BehindsShape}},
    summary="报表溯源 Behind a cell",
)
@question(READING, "scoped", trail="explain", command="statutory")
@taken_away(Sheet("behind", BehindShape, WHOLE))
def get_behind(
    request: Request,
    clocks: AskedClocks,
    table: TablePath,
    placed: Placed,
    key: CellAsked,
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The organizations or branches that a cell counts, each with what it adds and the events that put it there.

    Example: `/v1/statutory/enterprises/behind?as_of=2024-12-31&line=9&column=total`
    """
    del cursor  # the clocks carry it
    asked = placed.of(table)
    total, shown, following = listed(request, clocks, asked, key, limit)
    return answer(
        {
            **_head(request, clocks, asked),
            "line": key[0],
            "column": key[1],
            "total": total,
            "behind": shown,
            "next": following,
        }
    )


def listed(
    request: Request, clocks: Clocks, asked: Asked, key: Key, limit: int
) -> tuple[int, Sequence[Behind], str | None]:
    """How many stand behind a cell, one page of them, and the cursor of the next."""
    return counted_page(request, clocks, limit, partial(behind, ledger_at(request, clocks), asked, key))
