"""`GET /v1/branches/tiers`: how many branches there are of each tier. The example of a small question, whole."""

from datetime import date

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, ledger_at
from api.asking.questions import ASK, FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.shapes import KnownAt
from domain.values.terms import Tier
from services.fieldwork.branch_tiers import branch_tiers

router = APIRouter(tags=["daily work"], responses=PROBLEMS)


class TierShape(BaseModel):
    """The branches of one tier."""

    tier: Tier
    branches: int = Field(description="that cover an active organization")
    covers: int = Field(description="these organizations; a joint branch's more than one")


class Tiers(BaseModel):
    """The tiers, the most branches first."""

    as_of: date
    known_at: KnownAt
    tiers: list[TierShape]


@router.get(
    "/v1/branches/tiers", response_model=None, responses={200: {"model": Tiers}}, summary="党组织类别 Branches by tier"
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("tiers", TierShape))
def get(request: Request, clocks: Asked) -> Response:
    """Branches by tier at both clocks; for a caller limited to regions those of which all that they cover is there.

    Example: `/v1/branches/tiers?as_of=2024-12-31&format=xlsx`
    """
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**head, "tiers": branch_tiers(ledger_at(request, clocks))})


table_page(router, "/daily/tiers", get)
