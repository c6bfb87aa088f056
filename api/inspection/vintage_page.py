"""`/inspection/vintage`: one rate at period ends, as known at period ends, as a heat map."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks, read_date
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.inspection import vintage
from api.inspection.changes_page import SECTIONS
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.site.figures import filtered
from api.web.parts import Parts, parts_of
from api.web.problems import invalid
from domain.figures.comparison import percentage_points
from domain.ledger.rates import RATES, Rate, rates
from domain.values.clocks import Basis
from domain.values.periods import STEPS, Step, points
from domain.values.terms import KINDS, RateName
from services.assessment.campaigns import knowledge_on

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

SIDE_MAX: Final = 24
_YEAR: Final = timedelta(365)
SHADES: Final = 8
"""How many shades the heat map has, `heat-1` to `heat-8`."""


class Column(NamedTuple):
    """A state of knowledge: the date whose end it stands for, and by what the position was found.

    `day` is None for the page's own state of knowledge, from which every date is looked at.
    """

    day: date | None
    position: int
    basis: Basis | None


class Cell(NamedTuple):
    """A rate at one date as known at one position.

    `shade` is 0 over nothing, else 1 to 8 from the lowest to the highest of the table; `change` is what it gained on
    the cell to its left, in percentage points.
    """

    rate: Rate
    position: int
    shade: int
    change: str | None


class Line(NamedTuple):
    """One date, and its cells; None where the knowledge is from before it."""

    as_of: date
    period: str
    cells: list[Cell | None]


@router.get("/inspection/vintage", response_model=None)
@shows(vintage.get_vintage)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    begin: Annotated[
        str | None,
        Query(alias="from", description="The first date, YYYY-MM-DD; left out: a year before `as_of`.", max_length=40),
    ] = None,
    *,
    step: Annotated[Step, Query(description="The ends of which periods go down.")] = "month",
    rate: Annotated[RateName, Query(description="Which rate.")] = "organization_coverage",
) -> HTMLResponse:
    """What `/v1/rates/vintage` tells: dates up to `as_of` down; across what was known at their ends, and `known_at`."""
    parts = parts_of(request)
    first = max(clocks.as_of, date(2, 1, 1)) - _YEAR if begin is None else read_date("from", begin)
    down = points(first, clocks.as_of, step, SIDE_MAX)
    if not down:
        rule = f"from {first} to {clocks.as_of} by {step} must be 1 to {SIDE_MAX} dates; take fewer or longer steps"
        raise invalid("query.from", str(first), "range", rule)
    across = _columns(parts, [point.as_of for point in down], clocks)
    queries = parts.queries

    def at(as_of: date, position: int) -> Rate:
        return rates(queries.rates(as_of, position, (), filters).total)[rate]

    found = [
        [at(p.as_of, column.position) if column.day is None or column.day >= p.as_of else None for column in across]
        for p in down
    ]
    shades = _Shades([each for row in found for each in row if each is not None])
    return page.render(
        "vintage.html",
        clocks=clocks,
        sections=SECTIONS,
        kinds=KINDS,
        filters=filters,
        step=step,
        all_steps=STEPS,
        rate=rate,
        all_rates=tuple(RATES),
        first=first,
        across=across,
        lines=[
            Line(p.as_of, p.period, _cells(row, across, shades)) for p, row in zip(down, found, strict=True)
        ],
        range=shades.range,
        log_is_empty=clocks.position == 0,
        behind=filtered(filters),
        api=address(
            "/v1/rates/vintage",
            {
                "from": first.isoformat(), "to": clocks.as_of.isoformat(), "step": step, "rate": rate,
                "known": [str(column.position) for column in across], **filtered(filters),
            },
        ),
    )  # fmt: skip


def _columns(parts: Parts, days: Sequence[date], clocks: Clocks) -> list[Column]:
    """What was known when each day ended, as far as the page's knowledge goes, and that knowledge itself."""
    known = knowledge_on(parts.queries, parts.recorder, days)
    columns = [Column(day, p, parts.queries.learn(p).basis) for day, p in known.items() if p < clocks.position]
    return [*columns, Column(None, clocks.position, None)]


class _Shades:
    """The shades of a table's cells, from its lowest rate to its highest."""

    def __init__(self, found: Sequence[Rate]) -> None:
        values = [float(each.value) for each in found if each.value is not None]
        self.range = (min(values), max(values)) if values else None

    def of(self, rate: Rate) -> int:
        if self.range is None or rate.value is None:
            return 0
        low, high = self.range
        # Rates that hardly differ must not look as if they did.
        return 1 + min(int((float(rate.value) - low) / max(high - low, 0.02) * SHADES), SHADES - 1)


def _cells(row: Sequence[Rate | None], across: Sequence[Column], shades: _Shades) -> list[Cell | None]:
    cells: list[Cell | None] = []
    before: Rate | None = None
    for rate, column in zip(row, across, strict=True):
        if rate is None:
            cells.append(None)
            continue
        change = None if before is None else percentage_points(rate, before)
        cells.append(Cell(rate, column.position, shades.of(rate), change))
        before = rate
    return cells
