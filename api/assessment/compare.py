"""`GET /v1/rates/compare`: two pairs of clocks side by side."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, learn, read_date, settled_position
from api.asking.filters import Filtered, Grouped, key
from api.asking.questions import FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import Evidence, Figures, FiltersShape, KnownAt, figures, filters_of
from domain.figures.comparison import Pair, count_differences, pairs, rate_differences
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1/rates", tags=["rates"], responses=PROBLEMS)


class Side(BaseModel):
    """One pair of clocks."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence


class Differences(BaseModel):
    """This side less the other."""

    counts: dict[str, int | None] = Field(
        description="a side that does not have the group counts 0; null where a side has no answer"
    )
    rates: dict[str, str | None] = Field(
        description="in percentage points, two places, of the rates as they are shown: whoever subtracts gets the "
        "same; null where a side does not have the group or divides by 0",
        examples=[{"organization_coverage": "-1.25"}],
    )


class Compared(BaseModel):
    """Both sides' figures; null on a side that does not have the group."""

    this: Figures | None
    other: Figures | None
    differences: Differences


class ComparedGroup(Compared):
    """One group on both sides."""

    key: dict[str, str | None]


class Comparison(BaseModel):
    """Two pairs of clocks side by side."""

    this: Side = Field(description="at `as_of` and `known_at`")
    other: Side = Field(description="at `other_as_of` and `other_known_at`")
    filters: FiltersShape
    group_by: list[str]
    groups: list[ComparedGroup] = Field(description="those of both sides, sorted by key, null last")
    total: Compared


async def other_clocks(
    request: Request,
    this: Asked,
    other_as_of: Annotated[
        str | None,
        Query(description="The other side's date, YYYY-MM-DD. Left out: `as_of`.", max_length=40,
              examples=["2023-12-31"]),
    ] = None,
    other_known_at: Annotated[
        str | None,
        Query(description="The other side's state of knowledge: a position or an RFC 3339 instant. Left out: "
              "`known_at`.", max_length=40),
    ] = None,
) -> Clocks:  # fmt: skip
    """The clocks of the other side."""
    as_of = this.as_of if other_as_of is None else read_date("other_as_of", other_as_of)
    if other_known_at is None:
        return Clocks(as_of, this.known)
    parts = parts_of(request)
    position = await settled_position(parts, other_known_at, "other_known_at")
    return Clocks(as_of, await learn(parts, position, other_known_at))


@router.get("/compare", response_model=None, responses={200: {"model": Comparison}}, summary="对比 Rates compared")
@question(READING, "scoped", trail=FIGURES_ONLY, command="compare")
@taken_away(Sheet("groups", ComparedGroup, total=True))
def get_compare(
    request: Request,
    this: Asked,
    other: Annotated[Clocks, Depends(other_clocks)],
    filters: Filtered,
    group_by: Grouped,
) -> Response:
    """Counts and rates at two pairs of clocks, and the differences: this side less the other.

    Year on year: `/v1/rates/compare?as_of=2024-12-31&other_as_of=2023-12-31&group_by=region:6`

    What has become known since: `/v1/rates/compare?as_of=2024-12-31&other_known_at=2025-01-05T00:00:00%2B08:00`
    """
    queries = parts_of(request).queries
    here = queries.rates(this.as_of, this.position, group_by, filters)
    there = queries.rates(other.as_of, other.position, group_by, filters)
    return answer(
        {
            "this": side(queries, this),
            "other": side(queries, other),
            "filters": filters_of(queries.narrowed(filters)),
            "group_by": group_by,
            "groups": [
                {"key": key(group_by, values), **_compared(pair)}
                for values, pair in pairs(here.groups, there.groups).items()
            ],
            "total": _compared(Pair(here.total, there.total)),
        }
    )


def side(queries: Queries, clocks: Clocks) -> dict[str, Any]:
    """A pair of clocks, as answers show it."""
    return {
        "as_of": clocks.as_of,
        "known_at": clocks.known_at(),
        "evidence": queries.evidence(clocks.position),
    }


def _compared(pair: Pair) -> dict[str, Any]:
    sides = {name: None if counts is None else figures(counts) for name, counts in pair._asdict().items()}
    return {**sides, "differences": {"counts": count_differences(pair), "rates": rate_differences(pair)}}
