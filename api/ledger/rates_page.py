"""`/`: the rates by kind, and one rate by region or another dimension, from the city down to the villages."""

from datetime import date, timedelta
from functools import reduce
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.ledger import rates as rates_api
from api.site.addresses import Value, address
from api.site.base import Page, Paged, tidy
from api.site.figures import By, Goal, counted, dimension_of, filtered, gap_to, goals
from api.site.formats import ancestors
from api.web.parts import parts_of
from domain.figures.comparison import percentage_points
from domain.figures.ranking import Rank, ranks
from domain.ledger.rates import RATES, Counts, Filters, Rate, add, rates
from domain.values.periods import points
from domain.values.terms import KINDS, RateName
from services.assessment.campaigns import campaigns
from services.ledger.queries import Queries

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


LINE_DAYS: Final = 365


class Row(NamedTuple):
    """One group of the table: its key, its figures, and how it stands among the others.

    `gap` is in percentage points against all of them, `to_goal` against the target, `line` the rate at the ends of the
    months of the last year, None over nothing.
    """

    key: str | None
    counts: Counts
    rate: Rate
    gap: str | None
    to_goal: str | None
    rank: Rank | None
    line: list[float | None]
    deeper: str | None
    behind: dict[str, Value]


@router.get("/", response_model=None)
@shows(rates_api.get)
def get(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    rate: Annotated[RateName, Query(description="The rate that the table shows.")] = "organization_coverage",
    by: Annotated[By, Query(description="What the table is broken down by.")] = "region",
) -> HTMLResponse:
    """Coverage at a glance; every figure leads to the organizations behind it."""
    parts = parts_of(request)
    if clocks.known.basis == "said" and not request.query_params.keys() & {"as_of", "known_at"}:
        _open_on_a_telling_date(page, parts.queries, clocks)
    # The page's chart is asked for next.
    parts.drawer.wake()
    queries = parts.queries
    kinds = queries.rates(clocks.as_of, clocks.position, ("kind",), filters)
    known = goals(queries, clocks)
    # A target speaks of the whole segment, wherever in it one looks.
    goal = known.beside(rate, filters._replace(region=None), rates(kinds.total)[rate])
    rows: list[Row] = []
    dimension = None
    if kinds.total.registered:
        dimension = dimension_of(queries, clocks, filters, by)
        rows = _rows(queries, page, clocks, filters, rate, dimension, goal)
    return page.render(
        "overview.html",
        clocks=clocks,
        filters=filters,
        segment=filters,
        filtered=filtered(filters),
        goals=known,
        goal=goal,
        rate=rate,
        by=by,
        dimension=dimension,
        kinds=[(kind, kinds.groups[kind,]) for kind in KINDS if (kind,) in kinds.groups],
        total=kinds.total,
        rows=rows,
        trail=ancestors(filters.region or ""),
        all_rates=tuple(RATES),
        log_is_empty=clocks.position == 0 and queries.position == 0,
        behind=page.pinned(clocks) | filtered(filters),
        api=address("/v1/rates", page.pinned(clocks) | filtered(filters) | {"group_by": dimension or "kind"}),
    )


def _open_on_a_telling_date(page: Page, queries: Queries, clocks: Clocks) -> None:
    """Lead on to the last date of a campaign, where all that is known is a history that was brought along.

    Today such a ledger tells what it told when the history ended, and nothing has come due since.
    """
    known = campaigns(queries, clocks.as_of, clocks.position).campaigns
    days = [target.due_on for each in known for target in each.targets] + [each.closed_on or date.min for each in known]
    past = [day for day in days if date.min < day < clocks.as_of]
    if past:
        raise HTTPException(303, headers={"location": page.here(as_of=max(past).isoformat())})


def _rows(  # noqa: PLR0917 - one question
    queries: Queries,
    page: Page,
    clocks: Clocks,
    filters: Filters,
    rate: RateName,
    dimension: str | None,
    goal: Goal | None,
) -> list[Row]:
    if dimension is None:
        return []
    found = counted(queries, clocks.as_of, clocks.position, dimension, filters)
    every = rates(reduce(add, found.values(), Counts()))[rate]
    lines = _lines(queries, clocks, filters, rate, dimension)
    own = {key: rates(counts)[rate] for key, counts in found.items()}
    order = ranks(own)
    rows = []
    for key, counts in found.items():
        each = own[key]
        changes, behind = _leading(filters, dimension, key)
        rows.append(
            Row(
                key, counts, each, percentage_points(each, every),
                None if goal is None else gap_to(goal.target, each), order[key],
                lines.get(key, []), None if changes is None else page.here(**changes),
                page.pinned(clocks) | filtered(filters) | behind,
            )
        )  # fmt: skip
    return rows


def _ratio(rate: Rate) -> float | None:
    return None if rate.numerator is None or not rate.denominator else rate.numerator / rate.denominator


def _leading(filters: Filters, dimension: str, key: str | None) -> tuple[dict[str, Value] | None, dict[str, Value]]:
    """What a group's name changes in the address to look deeper, and the group's key for what is behind its figures."""
    name, _, digits = dimension.partition(":")
    value = "null" if key is None else key
    if not digits:
        # A category or measure that is null cannot be filtered, and no organization lacks one.
        return {name: value, "by": "region"}, {name: value}
    # A code that ends above this level has nothing below it to look at.
    deeper: dict[str, Value] | None = None if len(value) < int(digits) or value == filters.region else {"region": value}
    return deeper, {dimension: value}


def _lines(
    queries: Queries, clocks: Clocks, filters: Filters, rate: RateName, dimension: str
) -> dict[str | None, list[float | None]]:
    """By group the rate at the ends of the months of the last year and at the date itself."""
    first = max(clocks.as_of, date(2, 1, 1)) - timedelta(LINE_DAYS)
    days = [point.as_of for point in points(first, clocks.as_of, "month", 14) or []]
    lines: dict[str | None, list[float | None]] = {}
    for at, day in enumerate(days):
        for key, counts in counted(queries, day, clocks.position, dimension, filters).items():
            lines.setdefault(key, [None] * len(days))[at] = _ratio(rates(counts)[rate])
    return lines
