"""`/trend`: one rate by kind over the months, with the targets on their dates; the overview shows the same chart."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.assessment import series as series_api
from api.site import formats
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.site.figures import Goals, filtered, goals
from api.site.line_chart import NARROW, WIDE, Chart, Goal, Line, Mark, chart
from api.web.parts import parts_of
from domain.figures.comparison import percentage_points
from domain.ledger.rates import Filters, Rate, rates
from domain.values.periods import months_before, period_end, points
from domain.values.terms import KINDS, RateName
from services.assessment.series import Moment, series
from services.ledger.queries import Queries, Rates
from services.ledger.view import first_day, last_day

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

MONTHS_MAX: Final = 36
ALL: Final = "total"

WhichRate = Annotated[RateName, Query(description="Which rate.")]


class TrendPoint(NamedTuple):
    """One date's rates by kind, and of all under `total` where there are several kinds."""

    day: date
    rates: dict[str, Rate]


class Moved(NamedTuple):
    """Month on month and year on year in percentage points, None over nothing."""

    month: str | None
    year: str | None


class MovingPoint(NamedTuple):
    """One date's rates by kind, and how each of them moved."""

    day: date
    rates: dict[str, Rate]
    moved: dict[str, Moved]


class Figure(NamedTuple):
    """The chart in two sizes; `ends_early` where it ends before the date asked for, since nothing changed after."""

    days: Sequence[date]
    wide: Chart
    narrow: Chart
    goals: list[Goal]
    ends_early: bool


def days(queries: Queries, clocks: Clocks) -> list[date]:
    """The ends of the months of up to three years, from the ledger's first day on, and the date itself.

    A date beyond all that the ledger tells does not stretch them: they end with the month of its last change.
    """
    view = queries.view.current
    begins, ends = first_day(view), last_day(view)
    last = clocks.as_of
    if ends is not None:
        last = min(last, period_end(date.fromordinal(ends), "month"))
    first = months_before(last, MONTHS_MAX)
    if begins is not None:
        first = min(max(first, date.fromordinal(begins)), last)
    return [point.as_of for point in points(first, last, "month", MONTHS_MAX + 2) or []]


def trend(queries: Queries, clocks: Clocks, filters: Filters, rate: RateName) -> list[TrendPoint]:
    """The rate at each of the days."""
    return [
        TrendPoint(day, _by_kind(queries.rates(day, clocks.position, ("kind",), filters), rate))
        for day in days(queries, clocks)
    ]


def moving_trend(queries: Queries, clocks: Clocks, filters: Filters, rate: RateName) -> list[MovingPoint]:
    """The rate at each of the days, and how it moved, as `/v1/rates/series` tells."""
    found = []
    moments = [Moment(day, clocks.position) for day in days(queries, clocks)]
    for moment, each in zip(moments, series(queries, moments, ("kind",), filters), strict=True):
        now = _by_kind(each.now, rate)
        month, year = (_by_kind(earlier.rates, rate) for earlier in (each.month_before, each.year_before))
        moved = {name: Moved(_points(one, month.get(name)), _points(one, year.get(name))) for name, one in now.items()}
        found.append(MovingPoint(moment.as_of, now, moved))
    return found


def _by_kind(found: Rates, rate: RateName) -> dict[str, Rate]:
    by_kind: dict[str, Rate] = {kind: rates(found.groups[kind,])[rate] for kind in KINDS if (kind,) in found.groups}
    return {**by_kind, ALL: rates(found.total)[rate]} if len(by_kind) > 1 else by_kind


def _points(this: Rate, earlier: Rate | None) -> str | None:
    return None if earlier is None else percentage_points(this, earlier)


@router.get("/trend", response_model=None)
@shows(series_api.get_series)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    rate: WhichRate = "organization_coverage",
) -> HTMLResponse:
    """The chart and its figures as a table."""
    queries = parts_of(request).queries
    found = moving_trend(queries, clocks, filters, rate)
    return page.render(
        "trend.html",
        clocks=clocks,
        filters=filters,
        rate=rate,
        points=found,
        names=[name for name in (*KINDS, ALL) if any(name in each.rates for each in found)],
        trend=figure(page, clocks, rate, found, goals(queries, clocks), filters),
        behind=page.pinned(clocks) | filtered(filters),
        api=address(
            "/v1/rates/series",
            {"from": found[0].day.isoformat(), "to": clocks.as_of.isoformat(), "known_at": clocks.position,
             "group_by": "kind", **filtered(filters)},
        ),
    )  # fmt: skip


def figure(  # noqa: PLR0917 - one drawing
    page: Page,
    clocks: Clocks,
    rate: RateName,
    found: Sequence[TrendPoint | MovingPoint],
    known: Goals,
    filters: Filters,
) -> Figure:
    """The chart of what was found, in the page's language."""

    def name(key: str) -> str:
        return page.t("total") if key == ALL else page.t(f"kind.{key}")

    shown = [each.day for each in found]
    present = [key for key in (*KINDS, ALL) if any(key in each.rates for each in found)]
    lines = [Line(key, name(key), [_ratio(each.rates.get(key)) for each in found]) for key in present]
    marks = []
    for each in known.of_rate(rate, filters):
        # What has no answer has no place on the chart, nor what no rate reaches.
        if each.ratio is None or each.ratio > 1:
            continue
        key = each.segment.kind or ALL
        words = page.t("trend.target", value=formats.goal(each), day=each.due_on.isoformat())
        marks.append(Mark(key, each.due_on, float(each.ratio), f"{name(key)} · {words}"))
    wide, narrow = (chart(shown, lines, marks, size) for size in (WIDE, NARROW))
    return Figure(shown, wide, narrow, wide.goals, shown[-1] < clocks.as_of)


def _ratio(rate: Rate | None) -> float | None:
    if rate is None or rate.numerator is None or not rate.denominator:
        return None
    return rate.numerator / rate.denominator
