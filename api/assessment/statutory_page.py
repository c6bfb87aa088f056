"""`/assessment/statutory/{table}`: a statistical table, to be read, checked and printed; `…/behind`: behind a cell."""

from functools import partial
from itertools import groupby
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import CursorText, ledger_at
from api.asking.questions import shows
from api.assessment import statutory
from api.assessment.statutory import CellAsked, Placed, TablePath, listed, parameters
from api.exports.statutory import heading, holds, notes, place, relation, stub, title
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.site.formats import Names
from api.web.parts import parts_of
from domain.figures.statutory import TABLES
from services.assessment.statutory import filled

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

PAGE_MAX: Final = 200


@router.get("/assessment/statutory/{table}", response_model=None)
@shows(statutory.get_table)
def get_table(request: Request, page: Paged, clocks: AskedClocks, table: TablePath, placed: Placed) -> HTMLResponse:
    """What `/v1/statutory/{table}` tells for the same parameters, laid out as the form."""
    parts, asked = parts_of(request), placed.of(table)
    found = filled(ledger_at(request, clocks), asked)
    names = Names(page.lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)
    given = parameters(asked, clocks)
    return page.render(
        "statutory.html",
        clocks=clocks,
        asked=asked,
        table=asked.table,
        tables=TABLES,
        found=found,
        failed=[check for check in found.checks if not check.holds],
        blocks=[(under, list(lines)) for under, lines in groupby(asked.table.lines, key=lambda line: line.stub)],
        columns={column.name: column for column in asked.table.columns},
        heading=partial(heading, page.lang),
        line_title=partial(title, page.lang),
        stub=partial(stub, page.lang),
        relation=partial(relation, page.lang),
        holds=partial(holds, page.lang),
        notes=notes(page.lang, found, clocks.as_of.isoformat(), scoped=parts.queries.scope is not None),
        of_place=place(names, found),
        given=given,
        api=address(f"/v1/statutory/{asked.table.name}", given),
    )


@router.get("/assessment/statutory/{table}/behind", response_model=None)
@shows(statutory.get_behind)
def get_behind(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: AskedClocks,
    table: TablePath,
    placed: Placed,
    key: CellAsked,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/statutory/{table}/behind` tells for the same parameters, to be read."""
    del cursor  # the clocks carry it
    asked = placed.of(table)
    total, rows, following = listed(request, clocks, asked, key, limit)
    line = next(each for each in asked.table.lines if each.number == key[0])
    column = next(each for each in asked.table.columns if each.name == key[1])
    given = parameters(asked, clocks)
    return page.render(
        "statutory_behind.html",
        clocks=clocks,
        table=asked.table,
        line=line,
        head=" · ".join(filter(None, (stub(page.lang, line), title(page.lang, line)))),
        column=heading(page.lang, column),
        total=total,
        rows=rows,
        given=given,
        next=following,
        api=address(f"/v1/statutory/{asked.table.name}/behind", {**given, "line": key[0], "column": key[1]}),
    )
