"""`GET /v1/rates/ranking` and `/v1/rates/contributions`: who stands where, and who moved the whole."""

from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered, Grouped, key
from api.asking.questions import ASK, FIGURES_ONLY, READING, Not, question
from api.assessment.compare import Side, other_clocks, side
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import CountsShape, Evidence, KnownAt, RateShape
from domain.figures.contributions import Contribution, contributions
from domain.figures.ranking import SMALL_BELOW
from domain.ledger.rates import Rate, rates
from domain.values.terms import RateName
from services.assessment.ranking import Ranked, ranking

router = APIRouter(prefix="/v1/rates", tags=["assessment"], responses=PROBLEMS)

SMALL_MAX = 100_000
WhichRate = Annotated[RateName, Query(description="Which rate.")]
Points = Annotated[str | None, Field(description="percentage points, two places; null where a side is missing")]


class RankShape(BaseModel):
    """A rank from 1; equal rates share it, and the next lower rate counts all above it: 1, 2, 2, 4."""

    rank: int
    shared_by: int = Field(description="how many groups have this rank; 1 is no tie")


class RankedGroup(BaseModel):
    """One group, its rank, its gaps and how it moved."""

    key: dict[str, str | None]
    counts: CountsShape
    rate: RateShape
    rank: RankShape | None = Field(description="null over nothing")
    small: bool = Field(description="the denominator is below small_below: one organization moves the rate by much")
    parent: RateShape | None = Field(description="the rate of the level above; without regions, of the whole")
    to_parent: Points
    city: RateShape | None = Field(description="the rate of the region of four digits")
    to_city: Points
    month_on_month: Points
    year_on_year: Points


class RankingShape(BaseModel):
    """Groups by rank, those of one rank by key, those over nothing last."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    rate: RateName
    group_by: list[str]
    month_before: date
    year_before: date
    small_below: int
    groups: list[RankedGroup]
    total: RateShape


class ContributionShape(BaseModel):
    """One group's part of the change of the whole's rate."""

    key: dict[str, str | None]
    before: RateShape | None = Field(description="null on a side that does not have the group")
    after: RateShape | None
    points: str = Field(description="percentage points; as shown, they add up to the change as shown")
    within: str = Field(description="exact ratio: the group's own rate moved", examples=["1/240"])
    shift: str = Field(description="exact ratio: the group gained or lost weight against the others")


class ContributionsShape(BaseModel):
    """Which groups moved the whole's rate from the other pair of clocks to this one."""

    this: Side = Field(description="after: at `as_of` and `known_at`")
    other: Side = Field(description="before: at `other_as_of` and `other_known_at`")
    rate: RateName
    group_by: list[str]
    before: RateShape
    after: RateShape
    change: str | None = Field(description="exact ratio; null where a side is over nothing")
    points: str | None = Field(description="the change in percentage points, two places")
    groups: list[ContributionShape] = Field(description="by exact part, the largest rise first")


@router.get("/ranking", response_model=None, responses={200: {"model": RankingShape}}, summary="排名 Groups ranked")
@question(
    READING,
    "scoped",
    trail=FIGURES_ONLY,
    command=ASK,
    page=Not("the overview ranks its groups by the same rule"),
)
@taken_away(Sheet("groups", RankedGroup))
def get_ranking(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    group_by: Grouped,
    *,
    rate: WhichRate = "organization_coverage",
    small_below: Annotated[
        int, Query(ge=0, le=SMALL_MAX, description="Groups whose denominator is below this are flagged.")
    ] = SMALL_BELOW,
) -> Response:
    """Groups by rate, with rank, gap to the level above and to the city, month on month and year on year, in points.

    Ranks go by exact rates, highest first. Equal rates share a rank, the next lower rate counts all above it: 1, 2, 2,
    4. The level above a region is the next shorter of 2, 4, 6, 9 and 12 digits, the city has 4; both keep all filters
    but `region`. A month (year) before is the same day of it, of a month's last day its last day.

    Example: `/v1/rates/ranking?as_of=2024-12-31&group_by=region:6&kind=new_economic`
    """
    queries = parts_of(request).queries
    found = ranking(queries, clocks.as_of, clocks.position, group_by, filters, rate, small_below)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": queries.evidence(clocks.position),
            "rate": rate,
            "group_by": group_by,
            "month_before": found.month_before,
            "year_before": found.year_before,
            "small_below": small_below,
            "groups": [shown_ranked(group_by, each) for each in found.groups],
            "total": found.total,
        }
    )


def shown_ranked(group_by: tuple[str, ...], each: Ranked) -> dict[str, Any]:
    """A ranked group, as answers show it."""
    return {**each._asdict(), "key": key(group_by, each.key)}


@router.get(
    "/contributions",
    response_model=None,
    responses={200: {"model": ContributionsShape}},
    summary="贡献 Which groups moved the whole",
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("groups", ContributionShape))
def get_contributions(
    request: Request,
    this: Asked,
    other: Annotated[Clocks, Depends(other_clocks)],
    filters: Filtered,
    group_by: Grouped,
    *,
    rate: WhichRate = "organization_coverage",
) -> Response:
    """The change of the whole's rate between two pairs of clocks, split over its groups without a residual.

    With s a group's share of the denominator, r its rate and R the whole's, 0 before and 1 after:
    within = (s1 + s0) / 2 · (r1 - r0), shift = (s1 - s0) · ((r1 + r0) / 2 - (R1 + R0) / 2). Both summed over all groups
    give R1 - R0 exactly. A group over nothing on one side takes the other side's rate there. Points are rounded by
    largest remainders, so that what is shown adds up too.

    Example: `/v1/rates/contributions?as_of=2024-12-31&other_as_of=2024-09-30&group_by=region:6`
    """
    queries = parts_of(request).queries
    after, before = (queries.rates(c.as_of, c.position, group_by, filters) for c in (this, other))
    sides = [{k: rates(counts)[rate] for k, counts in found.groups.items()} for found in (before, after)]
    found = contributions(*sides)
    groups = sorted(found.groups.items(), key=lambda item: -item[1].total) if found else []
    return answer(
        {
            "this": side(queries, this),
            "other": side(queries, other),
            "rate": rate,
            "group_by": group_by,
            "before": rates(before.total)[rate],
            "after": rates(after.total)[rate],
            "change": None if found is None else str(found.change),
            "points": None if found is None else found.points,
            "groups": [
                {"key": key(group_by, k), **_contribution(each, sides[0].get(k), sides[1].get(k))} for k, each in groups
            ],
        }
    )


def _contribution(each: Contribution, before: Rate | None, after: Rate | None) -> dict[str, Any]:
    def text(value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}"

    return {
        "before": before, "after": after, "points": each.points, "within": text(each.within),
        "shift": text(each.shift),
    }  # fmt: skip
