"""`GET /v1/anomalies`: contradictions between facts, at both clocks."""

from datetime import date
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText
from api.asking.paging import Limit, page
from api.asking.questions import ASK, INSPECTING, question
from api.exports.lists import Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import AnomalyShape, KnownAt
from domain.values.terms import Anomaly
from services.ledger.anomalies import anomalies, sort_key

router = APIRouter(tags=["anomalies"], responses=PROBLEMS)


class Anomalies(BaseModel):
    """One page, by anomaly, subject and position."""

    as_of: date
    known_at: KnownAt
    anomalies: list[AnomalyShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get(
    "/v1/anomalies",
    response_model=None,
    responses={200: {"model": Anomalies}},
    summary="数据疑点 Contradictions between facts",
)
@question(
    INSPECTING,
    "scoped",
    trail="anomalies",
    command=ASK,
)
@taken_away(Sheet("anomalies", AnomalyShape, 10_000))
def get(
    request: Request,
    clocks: Asked,
    *,
    anomaly: Annotated[Anomaly | None, Query(description="Only of this name.")] = None,
    subject: Annotated[str | None, Query(description="Only on this subject.", max_length=128)] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Facts that contradict each other are kept; the rules decide their effect, and this list names them."""
    del cursor  # the clocks carry it
    after = cast("tuple[str, str, int, str] | None", clocks.after)
    queries = parts_of(request).queries
    found = anomalies(
        queries, clocks.as_of, clocks.position, anomaly=anomaly, subject=subject, after=after, limit=limit + 1
    )
    shown, following = page(request, clocks, found, limit, sort_key)
    return answer({"as_of": clocks.as_of, "known_at": clocks.known_at(), "anomalies": list(shown), "next": following})


table_page(router, "/inspection/anomalies", get)
