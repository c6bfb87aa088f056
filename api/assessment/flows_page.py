"""`/assessment/flows`: what moved in a period, as a table that adds up; `…/behind`: the organizations that did."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.assessment import flows as call
from api.assessment.flows import Begin, WantedAsked, listed
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.figures import By, dimension_of, filtered
from api.web.parts import parts_of
from domain.ledger.flows import STOCKS, UNIT_STOCKS, Stock, movements_of
from services.assessment.flows import Asked, flows

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

PAGE_MAX: Final = 200


@router.get("/assessment/flows", response_model=None)
@shows(call.get_flows)
def get_flows(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: AskedClocks,
    begin: Begin,
    filters: Filtered,
    stock: Annotated[Stock, Query(description="The stock that the table shows.")] = "organizations",
    by: Annotated[By, Query(description="What the table is broken down by.")] = "region",
) -> HTMLResponse:
    """The same figures as `/v1/flows`, one stock at a time."""
    dimension = dimension_of(parts_of(request).queries, clocks, filters, by)
    group_by = () if dimension is None else (dimension,)
    found = flows(ledger_at(request, clocks), Asked(begin, group_by, filters))
    given = _given(page.pinned(clocks), begin.isoformat(), filtered(filters))
    return page.render(
        "flows.html",
        clocks=clocks,
        begin=begin,
        filters=filters,
        stock=stock,
        stocks=STOCKS,
        by=by,
        dimension=dimension,
        coming=movements_of(stock, "in"),
        leaving=movements_of(stock, "out"),
        rows=[(key[0], of[stock]) for key, of in found.groups.items()] if dimension else [],
        total=found.total[stock],
        behind=given | {"stock": stock} if stock in UNIT_STOCKS else None,
        api=address("/v1/flows", given | {"group_by": dimension}),
    )


def _given(pinned: dict[str, Value], begin: str, filters: dict[str, Value]) -> dict[str, Value]:
    return pinned | filters | {"from": begin}


@router.get("/assessment/flows/behind", response_model=None)
@shows(call.get_behind)
def get_behind(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: AskedClocks,
    begin: Begin,
    filters: Filtered,
    meant: WantedAsked,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/flows/behind` tells for the same parameters, to be read."""
    del cursor  # the clocks carry it
    group_by, which = meant
    total, rows, following = listed(request, clocks, Asked(begin, group_by, filters), which, limit)
    given = _given(page.pinned(clocks), begin.isoformat(), filtered(filters))
    asked = {name: value or "null" for name, value in zip(group_by, which.key, strict=True)}
    return page.render(
        "flows_behind.html",
        clocks=clocks,
        begin=begin,
        filters=filters,
        which=which,
        keys=asked,
        total=total,
        rows=rows,
        given=given,
        next=following,
        api=address(
            "/v1/flows/behind",
            given | asked | {"stock": which.stock, "direction": which.direction, "movement": which.movement},
        ),
    )
