"""`GET /v1/rates/series`: coverage rates at the end of every day, week, month, quarter or year."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking.clocks import KnownAt, reached, read_date, settled_position, wait_for
from api.asking.filters import Filtered, Group, Grouped, groups, key
from api.asking.questions import FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import Problem, invalid
from api.web.shapes import Evidence, Figures, FiltersShape, RateShape, figures, filters_of, knowledge
from api.web.shapes import KnownAt as KnownAtShape
from domain.figures.comparison import Pair, rate_differences
from domain.ledger.rates import rates
from domain.values.periods import STEPS, Point, Step, points
from services.assessment.series import Earlier, Moment, SeriesPoint, known_then, series
from services.ledger.queries import Rates

router = APIRouter(prefix="/v1/rates", tags=["rates"], responses=PROBLEMS)

POINTS_MAX: Final = 1_100
GROUPS_MAX: Final = 20_000


class RateMoved(BaseModel):
    """How a rate moved: the earlier side, and this side less it."""

    before: RateShape | None = Field(description="null where the group was not there")
    points: str | None = Field(
        description="in percentage points, of the rates as shown; null where a side is missing or over nothing",
        examples=["1.25"],
    )


class MovedGroup(BaseModel):
    """A group of the point, and how its rates moved."""

    key: dict[str, str | None]
    rates: dict[str, RateMoved]


class Movement(BaseModel):
    """How the point's rates differ from an earlier date's, both as known at the point's own position."""

    as_of: date = Field(description="the earlier date: the same day of the month, of a month's last day the last day")
    groups: list[MovedGroup] = Field(description="those of the point, in its order")
    total: dict[str, RateMoved]


class PointShape(BaseModel):
    """The rates at one date."""

    as_of: date = Field(description="the period's last day, or `to` where the period goes on beyond it")
    period: str = Field(description="2024-12-31, 2025-W01 (ISO 8601), 2024-12, 2024-Q4 or 2024", examples=["2024-12"])
    complete: bool = Field(description="false where the period goes on beyond `to`")
    known_at: KnownAtShape
    groups: list[Group] = Field(description="sorted by key, null last")
    total: Figures
    month_on_month: Movement
    year_on_year: Movement


class PointGroupShape(Group):
    """One group at one date, as a row of its own; the whole of a date has no key."""

    as_of: date
    period: str
    complete: bool


def _flat(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The points of an answer, group by group and then the whole."""
    for point in said["points"]:
        when = {name: point[name] for name in ("as_of", "period", "complete")}
        yield from (each | when for each in [*point["groups"], point["total"]])


class Series(BaseModel):
    """The rates at the end of every period in a range of dates."""

    from_: date = Field(alias="from")
    to: date
    step: Step
    known: Literal["now", "then"]
    evidence: Evidence = Field(description="of the last position that a point is known at")
    filters: FiltersShape
    group_by: list[str]
    points: list[PointShape] = Field(description="in order of date")


class Range(NamedTuple):
    """The points asked for, each with its pair of clocks."""

    first: date
    last: date
    step: Step
    known: Literal["now", "then"]
    points: list[Point]
    moments: list[Moment]


def _points(first: date, last: date, step: Step) -> list[Point]:
    if last < first:
        raise invalid("query.to", last.isoformat(), "range", f"the range ends on or after the day it begins, {first}")
    found = points(first, last, step, POINTS_MAX)
    if found is None:
        coarser = STEPS[STEPS.index(step) + 1 :]
        remedy = f"a shorter range, or step {' or '.join(coarser)}" if coarser else "a shorter range"
        rule = f"a series has at most {POINTS_MAX} points; ask for {remedy}"
        raise invalid("query.step", step, "points_max", rule)
    return found


async def asked_range(  # noqa: PLR0917 - each is a query parameter of its own
    request: Request,
    _: Annotated[int, Depends(reached)],
    from_: Annotated[str, Query(alias="from", description="The first date, YYYY-MM-DD.", examples=["2023-01-01"])],
    to: Annotated[str, Query(description="The last date, YYYY-MM-DD.", examples=["2024-12-31"])],
    step: Annotated[
        Step,
        Query(
            description="A point at the end of every such period in the range; weeks are those of ISO 8601 and end on "
            "Sunday. Where the last period goes on beyond `to`, the last point is `to`. "
            f"At most {POINTS_MAX:,} points, and {GROUPS_MAX:,} groups over all points."
        ),
    ] = "month",
    known_at: KnownAt = None,
    known: Annotated[
        Literal["now", "then"],
        Query(
            description="`now`: every point as known at `known_at`. `then`: each as it was known when its own day "
            "ended in Asia/Shanghai; it excludes `known_at`."
        ),
    ] = "now",
) -> Range:
    """The range of this question, its points settled on both clocks."""
    first, last = read_date("from", from_), read_date("to", to)
    found = _points(first, last, step)
    parts = parts_of(request)
    days = [point.as_of for point in found]
    if known == "now":
        position = await settled_position(parts, known_at)
        moments = [Moment(day, position) for day in days]
    else:
        if known_at is not None:
            rule = "with known=then each point has a state of knowledge of its own; leave known_at away, or known"
            raise invalid("query.known_at", known_at, "known_twice", rule)
        moments = await run_in_threadpool(known_then, parts.queries, parts.recorder, days, datetime.now(UTC))
        await wait_for(parts, moments[-1].known_at)
    return Range(first, last, step, known, found, moments)


@router.get("/series", response_model=None, responses={200: {"model": Series}}, summary="走势 Rates over time")
@question(READING, "scoped", trail=FIGURES_ONLY, command="series")
@taken_away(Sheet(_flat, PointGroupShape))
def get_series(
    request: Request, asked: Annotated[Range, Depends(asked_range)], filters: Filtered, group_by: Grouped
) -> Response:
    """Counts and rates at the end of every period in a range, by group and in total, and how the rates moved.

    `month_on_month` and `year_on_year` are differences in percentage points, each beside the earlier rate.

    Example: `/v1/rates/series?from=2023-01-01&to=2024-12-31&step=month&group_by=region:6`
    """
    queries = parts_of(request).queries
    shown: list[dict[str, Any]] = []
    count = 0
    found = series(queries, asked.moments, group_by, filters)
    for point, moment, each in zip(asked.points, asked.moments, found, strict=True):
        count += len(each.now.groups)
        if count > GROUPS_MAX:
            raise _too_many(len(shown), len(asked.points))
        # Of each day's own end, an instant led to it.
        learn = queries.learned_by if asked.known == "then" else queries.learn
        known_at = knowledge(learn(moment.known_at))
        shown.append({**point._asdict(), "known_at": known_at, **_shown(group_by, each)})
    return answer(
        {
            "from": asked.first,
            "to": asked.last,
            "step": asked.step,
            "known": asked.known,
            "evidence": queries.evidence(asked.moments[-1].known_at),
            "filters": filters_of(queries.narrowed(filters)),
            "group_by": group_by,
            "points": shown,
        }
    )


def _shown(group_by: tuple[str, ...], point: SeriesPoint) -> dict[str, Any]:
    return {
        "groups": groups(group_by, point.now.groups),
        "total": figures(point.now.total),
        "month_on_month": _movement(group_by, point.now, point.month_before),
        "year_on_year": _movement(group_by, point.now, point.year_before),
    }


def _movement(group_by: tuple[str, ...], now: Rates, earlier: Earlier) -> dict[str, Any]:
    before = earlier.rates
    moved = (
        {"key": key(group_by, values), "rates": _moved(Pair(counts, before.groups.get(values)))}
        for values, counts in now.groups.items()
    )
    return {"as_of": earlier.as_of, "groups": list(moved), "total": _moved(Pair(now.total, before.total))}


def _moved(pair: Pair) -> dict[str, Any]:
    before = {} if pair.other is None else rates(pair.other)
    points = rate_differences(pair)
    return {name: {"before": before.get(name), "points": points[name]} for name in points}


def _too_many(done: int, points: int) -> Problem:
    rule = (
        f"a series has at most {GROUPS_MAX:,} groups over all its points, and these were reached after {done} of "
        f"{points} points; ask for fewer dimensions, a narrower filter, a shorter range or a longer step"
    )
    return invalid("query.group_by", "", "groups_max", rule)
