"""`/`: targets, the rates by kind, and one rate by region or another dimension, from the city down to the villages."""

from datetime import date
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks, read_date
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.assessment.series_page import figure, trend
from api.ledger import rates as rates_api
from api.ledger.overview_map import maps_of
from api.ledger.overview_table import Row, SortBy, in_order, rows_by
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.site.figures import By, dimension_of, filtered, goals, segment_of
from api.site.formats import ancestors
from api.web.parts import parts_of
from domain.assessment.campaigns import Target, lacking, reached
from domain.ledger.rates import RATES, Filters, Rate, rates
from domain.values.scope import Scope, by_body, may_lie, regions_of
from domain.values.terms import KINDS, RateName
from services.assessment.campaigns import campaigns
from services.ledger.queries import Queries, Rates

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


Paint = Literal["rate", "gap"]


@router.get("/", response_model=None)
@shows(rates_api.get)
def get(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    rate: Annotated[RateName, Query(description="The rate that the table shows.")] = "organization_coverage",
    by: Annotated[By, Query(description="What the table is broken down by.")] = "region",
    sort: Annotated[
        SortBy | None, Query(description="The table's order; left out: the widest gap first, among regions.")
    ] = None,
    paint: Annotated[
        Paint | None, Query(description="What colours the map; left out: the gap to the target, where there is one.")
    ] = None,
    beside: Annotated[str | None, Query(description="Another date, YYYY-MM-DD, to see beside.", max_length=40)] = None,
) -> HTMLResponse:
    """Coverage at a glance; every figure leads to the organizations behind it."""
    parts = parts_of(request)
    if clocks.known.basis == "said" and not request.query_params.keys() & {"as_of", "known_at"}:
        _open_on_a_telling_date(page, parts.queries, clocks)
    queries = parts.queries
    other = None if beside is None else read_date("beside", beside)
    kinds = queries.rates(clocks.as_of, clocks.position, ("kind",), filters)
    known = goals(queries, clocks)
    own = _own(filters, queries.scope)
    # A target speaks of the whole segment, wherever in it one looks.
    goal = known.beside(rate, filters._replace(region=None), rates(kinds.total)[rate])
    rows: list[Row] = []
    dimension = None
    if kinds.total.registered:
        dimension = dimension_of(queries, clocks, filters, by)
        rows = rows_by(queries, page, clocks, filters, rate, dimension, goal, other)
    order = sort or ("key" if by != "region" else "to_goal" if goal else "gap")
    painted = paint or ("gap" if goal else "rate")
    return page.render(
        "overview.html",
        clocks=clocks,
        filters=filters,
        elsewhere=filters.region is not None and not may_lie(filters.region, queries.scope),
        segment=own,
        filtered=filtered(filters),
        goals=known,
        targets=[_stands(each, kinds) for each in known.within(own)],
        goal=goal,
        trend=figure(page, clocks, rate, trend(queries, clocks, filters, rate), known, own),
        rate=rate,
        by=by,
        sort=order,
        paint=painted,
        beside=other,
        dimension=dimension,
        kinds=[(kind, kinds.groups[kind,]) for kind in KINDS if (kind,) in kinds.groups],
        total=kinds.total,
        rows=in_order(rows, order),
        maps=maps_of(page, clocks, rows, painted, goal, other) if by == "region" and len(rows) > 1 else None,
        trail=[code for code in ancestors(filters.region or "") if may_lie(code, queries.scope)],
        all_rates=tuple(RATES),
        log_is_empty=clocks.position == 0 and queries.position == 0,
        behind=page.pinned(clocks) | filtered(filters),
        api=address("/v1/rates", page.pinned(clocks) | filtered(filters) | {"group_by": dimension or "kind"}),
    )


def _own(filters: Filters, scope: Scope) -> Filters:
    """Of which segment the figures are, as targets name it: those of a place or a body of one's own are its."""
    if scope is None or len(scope) != 1:
        return filters
    (region,), bodies = regions_of(scope), [body for _, body in by_body(scope)]
    return filters._replace(region=filters.region or region or None, body=filters.body or next(iter(bodies), None))


class Stands(NamedTuple):
    """A target, the rate that it speaks of, what is still missing, and the filters that mean its organizations."""

    target: Target
    rate: Rate
    reached: bool | None
    missing: int | None
    segment: dict[str, str]


def _stands(target: Target, kinds: Rates) -> Stands:
    kind = target.segment.kind
    rate = rates(kinds.total if kind is None else kinds.of((kind,)))[target.rate]
    return Stands(target, rate, reached(target, rate), lacking(target, rate), segment_of(target))


def _open_on_a_telling_date(page: Page, queries: Queries, clocks: Clocks) -> None:
    """Lead on to the last date of a campaign, where all that is known is a history that was brought along.

    Today such a ledger tells what it told when the history ended, and nothing has come due since.
    """
    known = campaigns(queries, clocks.as_of, clocks.position).campaigns
    days = [target.due_on for each in known for target in each.targets] + [each.closed_on or date.min for each in known]
    past = [day for day in days if date.min < day < clocks.as_of]
    if past:
        raise HTTPException(303, headers={"location": page.here(as_of=max(past).isoformat())})
