"""`GET /v1/rates/improvement`: who improved most between two dates, with the mix held constant."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered, Grouped, key
from api.asking.questions import ASK, FIGURES_ONLY, READING, question
from api.assessment.compare import Side, other_clocks, side
from api.assessment.ranking import RankShape, WhichRate
from api.exports.lists import Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import FiltersShape, RateShape, filters_of
from domain.figures.comparison import percentage_points
from domain.figures.standardised import (
    Improvement,
    by_stratum,
    improvement,
    most_improved,
    standard_of,
    together,
    whole_by_stratum,
)
from domain.ledger.rates import Rate, rates
from domain.values.decimals import decimal
from domain.values.terms import RateName

router = APIRouter(tags=["assessment"], responses=PROBLEMS)

_RATIO_PLACES = 4
_POINTS_PLACES = 2
_HUNDRED = 100
Ratio = Annotated[str | None, Field(description="of four places; null where no stratum is there at both dates")]


class StratumShape(BaseModel):
    """One stratum of a group: a kind, or a category."""

    stratum: str | None
    weight: str = Field(description="its share of the standard, of four places")
    before: RateShape | None = Field(description="null on a date on which the group has none of it")
    after: RateShape | None


class ImprovedFigures(BaseModel):
    """Standardised rates at both dates."""

    standardised_before: Ratio
    standardised_after: Ratio
    standardised_points: str | None = Field(description="percentage points of the standardised rates, two places")
    points: str | None = Field(description="percentage points of the rates themselves, two places")
    weight: str = Field(description="how much of the standard the group has at both dates, of four places")
    strata: list[StratumShape] = Field(description="those of the standard, the largest first")


class ImprovedGroup(ImprovedFigures):
    """One group, and where it stands."""

    key: dict[str, str | None]
    rank: RankShape | None = Field(description="by the exact rise; null without one")


class ImprovementShape(BaseModel):
    """Groups by the rise of their standardised rate, the largest first."""

    this: Side = Field(description="after: at `as_of` and `known_at`")
    other: Side = Field(description="before: at `other_as_of` and `other_known_at`")
    filters: FiltersShape
    rate: RateName
    group_by: list[str]
    mix: str
    groups: list[ImprovedGroup]
    total: ImprovedFigures


class ImprovedRow(BaseModel):
    """One group, in a table."""

    rank: int | None
    standardised_before: Ratio
    standardised_after: Ratio
    standardised_points: str | None
    points: str | None
    weight: str


def _rows(answered: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**each, "rank": each["rank"] and each["rank"]["rank"]} for each in answered["groups"]]


@router.get(
    "/v1/rates/improvement",
    response_model=None,
    responses={200: {"model": ImprovementShape}},
    summary="同结构提升 Most improved at the same mix",
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet(_rows, ImprovedRow))
def get(  # each is a query parameter of its own
    request: Request,
    this: Asked,
    other: Annotated[Clocks, Depends(other_clocks)],
    filters: Filtered,
    group_by: Grouped,
    *,
    rate: WhichRate = "organization_coverage",
    mix: Annotated[
        str, Query(pattern="^(kind|category)$", description="What is held constant: `kind` or `category`.")
    ] = "category",
) -> Response:
    """Groups by how much their rate rose from the other pair of clocks to this one, as if none had changed its mix.

    The standard is the whole at the earlier date: each stratum's share of its denominators. A group's standardised rate
    is the sum of these shares times its own rates, at each date. A stratum that it lacks at one of them is left out at
    both, the other shares are brought to 1, and `weight` says how much that is. `/v1/rates/explain` with the group's
    key and the stratum as a filter tells the organizations behind each rate.

    Example: `/v1/rates/improvement?as_of=2024-12-31&other_as_of=2024-09-30&group_by=region:6`
    """
    if mix in group_by:
        raise invalid("query.mix", mix, "mix", f"what is grouped by has no mix; leave {mix} out of group_by")
    queries = parts_of(request).queries
    by = (*group_by, mix)
    before, after = (
        {k: rates(counts)[rate] for k, counts in queries.rates(c.as_of, c.position, by, filters).groups.items()}
        for c in (other, this)
    )
    strata = [by_stratum(each) for each in (before, after)]
    wholes = [whole_by_stratum(each.values()) for each in strata]
    standard = standard_of(wholes[0])
    found = {
        k: improvement(standard, *(each.get(k, {}) for each in strata)) for k in dict.fromkeys([*strata[1], *strata[0]])
    }
    crude = {k: _crude(*(each.get(k, {}) for each in strata)) for k in found}
    return answer(
        {
            "this": side(queries, this),
            "other": side(queries, other),
            "filters": filters_of(queries.narrowed(filters)),
            "rate": rate,
            "group_by": group_by,
            "mix": mix,
            "groups": [
                {"key": key(group_by, k), "rank": order, **_figures(each, crude[k])}
                for k, each, order in most_improved(found)
            ],
            "total": _figures(improvement(standard, wholes[0], wholes[1]), _crude(wholes[0], wholes[1])),
        }
    )


def _crude(before: Mapping[str | None, Rate], after: Mapping[str | None, Rate]) -> str | None:
    return percentage_points(together(after.values()), together(before.values()))


def _figures(each: Improvement, points: str | None) -> dict[str, Any]:
    return {
        "standardised_before": _ratio(each.before),
        "standardised_after": _ratio(each.after),
        "standardised_points": None if each.change is None else decimal(each.change * _HUNDRED, _POINTS_PLACES),
        "points": points,
        "weight": _ratio(each.share),
        "strata": [
            {"stratum": at.stratum, "weight": _ratio(at.share), "before": at.before, "after": at.after}
            for at in each.strata
        ],
    }


def _ratio(value: Fraction | None) -> str | None:
    return None if value is None else decimal(value, _RATIO_PLACES)


table_page(router, "/assessment/improvement", get)
