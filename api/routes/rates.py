"""`GET /v1/rates`: coverage rates at any date, as known at any moment."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.access import Reading
from api.answers import PROBLEMS, answer
from api.clocks import Asked
from api.filters import Filtered
from api.parts import parts_of
from api.problems import invalid
from api.shapes import Evidence, Figures, KnownAt, figures
from domain.rates import DIMENSIONS

router = APIRouter(prefix="/v1/rates", tags=["rates"], responses=PROBLEMS)

Dimension = Literal[
    "kind", "category", "industry", "region:2", "region:4", "region:6", "region:9", "region:12", "measure", "formation"
]


class Group(Figures):
    """One group: its key by dimension, null where the organizations lack one."""

    key: dict[str, str | None]


class Rates(BaseModel):
    """The rates of each group and of all together."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    group_by: list[str]
    groups: list[Group] = Field(description="sorted by key, null last")
    total: Figures


@router.get("", response_model=None, responses={200: {"model": Rates}}, summary="覆盖率 Coverage rates")
def get(
    request: Request,
    _: Reading,
    clocks: Asked,
    filters: Filtered,
    group_by: Annotated[
        list[Dimension] | None, Query(description="Dimensions to group by, in this order; may repeat.")
    ] = None,
) -> Response:
    """Counts and rates as of a date, as known at a position or an instant, by group and in total.

    Example: `/v1/rates?as_of=2024-12-31&known_at=2025-01-05T09:00:00%2B08:00&group_by=kind&group_by=region:6`
    """
    dimensions = tuple(group_by or ())
    if len(set(dimensions)) != len(dimensions):
        rule = f"each dimension stands once; there are {', '.join(DIMENSIONS)}"
        raise invalid("query.group_by", ", ".join(dimensions), "dimension_repeated", rule)
    parts = parts_of(request)
    found = parts.queries.rates(clocks.as_of, clocks.position, dimensions, filters)
    shown: list[dict[str, Any]] = [
        {"key": dict(zip(dimensions, key, strict=True)), **figures(counts)} for key, counts in found.groups.items()
    ]
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": parts.queries.evidence(clocks.position),
            "group_by": dimensions,
            "groups": shown,
            "total": figures(found.total),
        }
    )
