"""`GET /v1/rates`: coverage rates at any date, as known at any moment."""

from datetime import date

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked
from api.asking.filters import Filtered, Group, Grouped, groups
from api.asking.questions import FIGURES_ONLY, READING, Not, question
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import Evidence, Figures, FiltersShape, KnownAt, figures, filters_of

router = APIRouter(prefix="/v1/rates", tags=["rates"], responses=PROBLEMS)


class Rates(BaseModel):
    """The rates of each group and of all together."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    filters: FiltersShape
    group_by: list[str]
    groups: list[Group] = Field(description="sorted by key, null last")
    total: Figures
    whole: Figures | None = Field(
        description="all organizations of the ledger, whatever the filters; only for a caller limited to regions, "
        "whose groups and total are of those"
    )


@router.get("", response_model=None, responses={200: {"model": Rates}}, summary="覆盖率 Coverage rates")
@question(
    READING,
    "scoped",
    trail=FIGURES_ONLY,
    command="rates",
    forms=Not("/v1/rates/export has them with evidence and notes"),
)
def get(request: Request, clocks: Asked, filters: Filtered, group_by: Grouped) -> Response:
    """Counts and rates as of a date, as known at a position or an instant, by group and in total.

    Example: `/v1/rates?as_of=2024-12-31&known_at=2025-01-05T09:00:00%2B08:00&group_by=kind&group_by=region:6`
    """
    queries = parts_of(request).queries
    found = queries.rates(clocks.as_of, clocks.position, group_by, filters)
    whole = None
    if queries.scope is not None:
        whole = figures(queries.everywhere().rates(clocks.as_of, clocks.position, ()).total)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": queries.evidence(clocks.position),
            "filters": filters_of(queries.narrowed(filters)),
            "group_by": group_by,
            "groups": groups(group_by, found.groups),
            "total": figures(found.total),
            "whole": whole,
        }
    )
