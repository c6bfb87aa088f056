"""`/v1/matches`: records that may be the same organization, and what persons have decided of them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admission.callers import Inspecting
from api.asking.clocks import Asked, CursorText
from api.asking.paging import Limit, page
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from services.fieldwork.matching import NAME_MIN, all_decisions, candidates

router = APIRouter(prefix="/v1/matches", tags=["daily work"], responses=PROBLEMS)


class RecordShape(BaseModel):
    """An organization, or what a visit found."""

    record: str
    name: str
    region: str
    address: str | None
    plain: str = Field(description="the name without place and legal form, which is what is compared")


class CandidateShape(BaseModel):
    """Two records that may be the same."""

    left: RecordShape
    right: RecordShape
    name_score: float
    address_score: float | None
    score: float = Field(description="of 100; three parts the name's, one part the address's")


class Candidates(BaseModel):
    """One page of candidates, the most alike first."""

    as_of: date
    known_at: KnownAt
    total: int = Field(description="at most 2,000 are given")
    candidates: list[CandidateShape]
    next: str | None


class DecisionShape(BaseModel):
    """What a person decided."""

    match: str
    org: str
    other: str = Field(description="another organization, or a visit")
    same: bool
    reason: str
    decided_on: date
    undone_on: date | None
    undone_reason: str | None
    decided_by: list[int]


class ContradictedShape(BaseModel):
    """A fact without effect."""

    match: str
    contradiction: str
    position: int


class Decisions(BaseModel):
    """All decisions by the date."""

    as_of: date
    known_at: KnownAt
    decisions: list[DecisionShape]
    contradictions: list[ContradictedShape]


@router.get("", response_model=None, responses={200: {"model": Decisions}}, summary="匹配认定 Decisions")
def get(request: Request, _: Inspecting, clocks: Asked) -> Response:
    """What persons have decided of two records (`match.decided`), and what others have undone (`match.undone`)."""
    found, wrong = all_decisions(parts_of(request).queries, clocks.as_of, clocks.position)
    clock = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**clock, "decisions": found, "contradictions": wrong})


@router.get("/candidates", response_model=None, responses={200: {"model": Candidates}}, summary="疑似同一 Candidates")
def get_candidates(
    request: Request,
    _: Inspecting,
    clocks: Asked,
    *,
    region: Annotated[
        str, Query(pattern="^[0-9]{6,12}$", description="A county's code, or one below it.", examples=["880102"])
    ],
    name_min: Annotated[float, Query(ge=50, le=100, description="How alike names are at least, of 100.")] = NAME_MIN,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Pairs of organizations of one county, and of unknown ones that visits found, with names and addresses alike.

    Pairs of which a decision stands are left out. Nobody but a person decides: publish `match.decided`.
    """
    del cursor  # the clocks carry it
    found = candidates(parts_of(request).queries, region, clocks.as_of, clocks.position, name_min)
    begin = int(str(clocks.after[0])) if clocks.after else 0
    numbered = list(enumerate(found, 1))[begin:]
    shown, following = page(request, clocks, numbered[: limit + 1], limit, lambda each: (each[0],))
    clock = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**clock, "total": len(found), "candidates": [each for _, each in shown], "next": following})
