"""`GET /v1/rates/explain`: the organizations behind a number, each with the events that decide it."""

from datetime import date
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Count, Filtered, Missing, body_keys, counted_in, regions
from api.asking.paging import page
from api.asking.questions import READING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import (
    DecidedByShape,
    Evidence,
    FiltersShape,
    KnownAt,
    ListedCountsShape,
    ListedRowShape,
    filters_of,
    listed_counts,
    listed_row,
)
from projections.ledger.columns.choosing import Group
from services.ledger.explain import explain

router = APIRouter(prefix="/v1/rates", tags=["rates"], responses=PROBLEMS)

PAGE_MAX: Final = 200


class ExplainedShape(BaseModel):
    """One organization of the group."""

    row: ListedRowShape
    counts: ListedCountsShape = Field(description="what it adds to each count of the group")
    decided_by: DecidedByShape


class Explanation(BaseModel):
    """One page of the organizations behind a number, in the order in which the log first spoke of them."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    filters: FiltersShape
    regions: dict[str, str] = Field(description="the group's keys under region:N, by N")
    bodies: dict[str, str] = Field(description="the group's keys under dimensions of bodies, by dimension")
    count: str | None
    missing: str | None = Field(description="the rate whose denominator they are in without being in its numerator")
    organizations: list[ExplainedShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get("/explain", response_model=None, responses={200: {"model": Explanation}}, summary="溯源 Behind a number")
@question(READING, "scoped", trail="explain", command="explain")
@taken_away(Sheet("organizations", ExplainedShape))
def get_explain(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    regions: Annotated[dict[int, str], Depends(regions)],
    bodies: Annotated[dict[str, str], Depends(body_keys)],
    *,
    count: Annotated[
        Count | None, Query(description="Only the organizations that add to this count; left out: all registered.")
    ] = None,
    missing: Missing = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most on this page.")] = 50,
    cursor: CursorText = None,
) -> Response:
    """The organizations of one group, each with what it counts and the positions of the events that decide its row.

    Send the key of a group of /v1/rates as parameters, `null` where its value is null, beside the question's own
    filters. What the organizations add to a count sums up to that count; but of a small unit's members (`bands` of its
    row) no number is told.

    Example: `/v1/rates/explain?as_of=2024-12-31&kind=new_economic&region:6=990101&count=organization_covered`
    """
    del cursor  # the clocks carry it
    after = cast("int", clocks.after[0]) if clocks.after else -1
    queries = parts_of(request).queries
    group = Group(filters, regions, *counted_in(count, missing), bodies)
    found = explain(queries, clocks.as_of, clocks.position, group, after=after, limit=limit + 1)
    policy = ledger_at(request, clocks).policy
    shown, following = page(request, clocks, found, limit, lambda each: (each.number,))
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": queries.evidence(clocks.position),
            "filters": filters_of(queries.narrowed(filters)),
            "regions": {str(digits): code for digits, code in regions.items()},
            "bodies": bodies,
            "count": count,
            "missing": missing,
            "organizations": [
                {
                    "row": listed_row(each.row, policy),
                    "counts": listed_counts(each.row, each.counts, policy),
                    "decided_by": each.decided_by,
                }
                for each in shown
            ],
            "next": following,
        }
    )
