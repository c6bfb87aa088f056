"""`/trend` and `/charts/trend.svg`: one rate by kind over the months, with the targets on their dates."""

from datetime import date
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, Response

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.assessment import series as series_api
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.site.figures import Goals, filtered, goals
from api.site.texts import Lang, text
from api.web.parts import parts_of
from domain.assessment.campaigns import Target
from domain.figures.comparison import percentage_points
from domain.ledger.rates import Filters, Rate, rates
from domain.values.periods import months_before, points
from domain.values.terms import KINDS, RateName
from services.assessment.series import Moment, series
from services.ledger.queries import Queries, Rates
from services.ledger.view import first_day

_HOUR_S: Final = 3_600
_INK, _SOFT, _LINE = "#1b1f24", "#565d66", "#e4e7eb"
_LEGEND: Final = {"labelColor": _INK, "labelFontSize": 12, "symbolStrokeWidth": 2}
_CONFIG: Final = {
    "background": "white",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {"labelColor": _SOFT, "titleColor": _SOFT, "gridColor": _LINE, "domainColor": _SOFT, "tickColor": _SOFT,
             "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "text": {"color": _INK, "fontSize": 12},
}  # fmt: skip


def themed(spec: dict[str, Any], legend_columns: int = 4) -> dict[str, Any]:
    """A Vega-Lite specification in the pages' look."""
    config = {**_CONFIG, "legend": {**_LEGEND, "columns": legend_columns}}
    return {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": config, **spec}


def svg(content: str, *, settled: bool) -> Response:
    """The image; `settled`: its address can only ever mean this image, so that browsers may keep it for an hour."""
    cache = f"private, max-age={_HOUR_S}" if settled else "no-store"
    # Who asks decides what is in sight.
    headers = {"cache-control": cache, "vary": "Cookie, Authorization"}
    return Response(content, media_type="image/svg+xml", headers=headers)


router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

MONTHS_MAX: Final = 36
ALL: Final = "total"
# The axis reaches at least so far.
SCALE_MIN: Final = 0.1
# Width and height of the field in pixels, and the legend's columns.
WIDE, NARROW = (860, 260, 4), (280, 220, 2)
_COLOURS: Final = {
    "new_economic": "#9b1c1c", "new_social": "#1f5fa8", "new_employment_group": "#8a5a00", ALL: "#4a4f57",
}  # fmt: skip
_EDGES: Final[tuple[dict[str, Any], ...]] = ({"stroke": "white", "strokeWidth": 4, "strokeJoin": "round"}, {})
_DASHES: Final = {"new_economic": [1, 0], "new_social": [8, 3], "new_employment_group": [3, 3], ALL: [1, 0]}

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


def days(queries: Queries, clocks: Clocks) -> list[date]:
    """The ends of the months of up to three years, from the ledger's first day on, and the date itself."""
    begins = first_day(queries.view.current)
    first = months_before(clocks.as_of, MONTHS_MAX)
    if begins is not None:
        first = min(max(first, date.fromordinal(begins)), clocks.as_of)
    return [point.as_of for point in points(first, clocks.as_of, "month", MONTHS_MAX + 2) or []]


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
    parts = parts_of(request)
    parts.drawer.wake()
    queries = parts.queries
    found = moving_trend(queries, clocks, filters, rate)
    return page.render(
        "trend.html",
        clocks=clocks,
        filters=filters,
        rate=rate,
        points=found,
        names=[name for name in (*KINDS, ALL) if any(name in each.rates for each in found)],
        targets=goals(queries, clocks).of_rate(rate, filters),
        behind=page.pinned(clocks) | filtered(filters),
        api=address(
            "/v1/rates/series",
            {"from": found[0].day.isoformat(), "to": clocks.as_of.isoformat(), "known_at": clocks.position,
             "group_by": "kind", **filtered(filters)},
        ),
    )  # fmt: skip


@router.get("/charts/trend.svg", response_model=None)
@shows(series_api.get_series)
def get_svg(
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    rate: WhichRate = "organization_coverage",
    *,
    narrow: Annotated[bool, Query(description="In the size of a telephone.")] = False,
) -> Response:
    """The chart as an image; browsers keep it for an hour where both clocks are settled in its address."""
    parts = parts_of(request)
    queries = parts.queries
    found = trend(queries, clocks, filters, rate)
    settled = request.query_params.get("known_at", "").isdecimal() and "as_of" in request.query_params
    drawn = spec(page.lang, rate, found, goals(queries, clocks), filters)
    width, height, columns = NARROW if narrow else WIDE
    return svg(parts.drawer.draw(themed({"width": width, "height": height, **drawn}, columns)), settled=settled)


def spec(lang: Lang, rate: RateName, found: list[TrendPoint], known: Goals, filters: Filters) -> dict[str, Any]:
    """The chart as Vega-Lite, of no size yet."""

    def name(key: str) -> str:
        return text(lang, "total") if key == ALL else text(lang, f"kind.{key}")

    values = [
        {"day": each.day.isoformat(), "name": name(key), "rate": one.numerator / one.denominator}
        for each in found
        for key, one in each.rates.items()
        if one.numerator is not None and one.denominator
    ]
    present = [key for key in (*KINDS, ALL) if any(key in each.rates for each in found)]
    targets = [_marked(each, name(each.segment.kind or ALL), lang) for each in known.of_rate(rate, filters)]
    colour = {
        "field": "name", "type": "nominal", "title": None, "legend": {"orient": "top", "symbolType": "stroke"},
        "scale": {"domain": [name(key) for key in present], "range": [_COLOURS[key] for key in present]},
    }  # fmt: skip
    dash = {
        "field": "name", "type": "nominal",
        "scale": {"domain": [name(key) for key in present], "range": [_DASHES[key] for key in present]},
    }  # fmt: skip
    highest = max((each["rate"] for each in (*values, *targets)), default=0)
    # Rates that are all 0 would leave an axis without a length.
    scale = {"domainMin": 0, "nice": True, **({"domainMax": SCALE_MIN} if highest < SCALE_MIN else {})}
    x = {
        "field": "day",
        "type": "temporal",
        "title": None,
        "axis": {"format": "%Y-%m", "labelOverlap": True},
        "scale": {"type": "utc"},
    }
    y = {"field": "rate", "type": "quantitative", "title": text(lang, f"rate.{rate}"), "axis": {"format": ".0%"},
         "scale": scale}  # fmt: skip
    layers: list[dict[str, Any]] = [
        {"data": {"values": values}, "mark": {"type": "line", "strokeWidth": 2},
         "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash}},
    ]  # fmt: skip
    if targets:
        layers += [
            {"data": {"values": targets}, "mark": {"type": "rule", "strokeDash": [4, 4], "color": "#767c85"},
             "encoding": {"x": x}},
            {"data": {"values": targets}, "mark": {"type": "point", "filled": True, "size": 110, "shape": "diamond"},
             "encoding": {"x": x, "y": y, "color": colour}},
            # Twice: the words on a white edge of their own, where lines pass beneath them.
            *({"data": {"values": targets}, "mark": {"type": "text", "align": "right", "dx": -9, "dy": -8, **edge},
               "encoding": {"x": x, "y": y, "text": {"field": "label"}}} for edge in _EDGES),
        ]  # fmt: skip
    return {"layer": layers}


def _marked(target: Target, name: str, lang: Lang) -> dict[str, Any]:
    label = text(lang, "trend.target", value=f"{float(target.value):.0%}", day=target.due_on.isoformat())
    return {"day": target.due_on.isoformat(), "rate": float(target.value), "name": name, "label": label}
