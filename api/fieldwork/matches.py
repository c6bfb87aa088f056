"""`/v1/matches`: records that may be the same organization, and what persons have decided of them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, CursorText, reached, read_date, settled_position, today
from api.asking.paging import Limit, page
from api.asking.questions import ASK, INSPECTING, PUBLISHING, act, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails
from api.web.publishing import publish_act
from api.web.shapes import KnownAt
from domain.events.surveys import VisitId
from domain.values.fields import OrganizationId, Reason
from services.access.callers import Holder
from services.fieldwork.match_decisions import SOURCE, Answer, Draft, Said, all_decisions, require_in_sight
from services.fieldwork.matching import NAME_MIN, candidates

router = APIRouter(prefix="/v1/matches", tags=["daily work"], responses=PROBLEMS)

_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemDetails, "description": "A decision of the pair stands, or came after what was looked at"}
}


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
@question(INSPECTING, "scoped", trail="matches", command=ASK)
@taken_away(Sheet("decisions", DecisionShape))
def get(request: Request, clocks: Asked) -> Response:
    """What persons have decided of two records (`match.decided`), and what others have undone (`match.undone`)."""
    found, wrong = all_decisions(parts_of(request).queries, clocks.as_of, clocks.position)
    clock = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**clock, "decisions": found, "contradictions": wrong})


class NewDecision(BaseModel):
    """What a person says of two records, on the state that the person looked at."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"org": "uscc:9151010452601815XG", "other": "group:g-1", "answer": "different", "reason": "two firms",
                 "as_of": "2024-12-31", "known_at": "1"}
            ]
        },
    )  # fmt: skip

    org: OrganizationId
    other: OrganizationId | VisitId
    answer: Answer = Field(description="`undo` takes the decision that stands back")
    reason: Reason
    as_of: str | None = Field(default=None, max_length=40, description="from which date; today if left out")
    known_at: str | None = Field(
        default=None, max_length=40, description="the state that was looked at, as `GET /v1/matches` told it"
    )
    source: str = Field(default=SOURCE, min_length=1, max_length=256)


class DecidedShape(BaseModel):
    """The decision's name, and the position of the event that says it."""

    match: str
    position: int


@router.post(
    "",
    status_code=201,
    response_model=None,
    responses={201: {"model": DecidedShape}, **NOT_FOUND, **_CONFLICT},
    summary="认定 Decide, or undo a decision",
)
@act(PUBLISHING, "scoped", command="decide-match")
async def decide(
    request: Request, holder: Admitted, _: Annotated[int, Depends(reached)], body: NewDecision
) -> Response:
    """One decision of two records that stands until it is undone, decided on the state known at `known_at`.

    409 where something was said of the pair after it, or a decision stands; nothing is stored then. Whoever is limited
    to a place decides of records that are both there.
    """
    as_of = today() if body.as_of is None else read_date("as_of", body.as_of)
    known_at = await settled_position(parts_of(request), body.known_at)
    said = Said(body.org, body.other, body.answer, as_of, body.reason, body.source)
    match, position = await run_in_threadpool(decided, request, holder, said, known_at)
    return answer({"match": match, "position": position}, 201)


def decided(request: Request, holder: Holder, said: Said, known_at: int) -> tuple[str, int]:
    """Publish what a person says on the state known at a position; the decision's name and its event's position."""
    queries = parts_of(request).queries.pinned()
    require_in_sight(queries, said.org, said.other, said.on, known_at)
    # Of records in sight all that was said decides, wherever they were when it was.
    draft = Draft(queries.everywhere(), said, known_at)
    return draft.match, publish_act(request, holder.publisher(), draft)


@router.get("/candidates", response_model=None, responses={200: {"model": Candidates}}, summary="疑似同一 Candidates")
@question(INSPECTING, "scoped", trail="matches", command="matches")
@taken_away(Sheet("candidates", CandidateShape, WHOLE))
def get_candidates(
    request: Request,
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

    Pairs of which a decision stands are left out. Nobody but a person decides: `POST /v1/matches`.
    """
    del cursor  # the clocks carry it
    found = candidates(parts_of(request).queries, region, clocks.as_of, clocks.position, name_min)
    begin = int(str(clocks.after[0])) if clocks.after else 0
    numbered = list(enumerate(found, 1))[begin:]
    shown, following = page(request, clocks, numbered[: limit + 1], limit, lambda each: (each[0],))
    clock = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**clock, "total": len(found), "candidates": [each for _, each in shown], "next": following})
