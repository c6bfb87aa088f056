"""`/v1/supervisors`: the supervisors that registries write as text, and the bodies that they may mean."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, Clocks, CursorText, reached, read_date, settled_position, today
from api.asking.paging import Limit, counted_page
from api.asking.questions import PUBLISHING, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails
from api.web.publishing import messages_of
from api.web.shapes import KnownAt
from domain.values.fields import BodyId, Name, RegionCode
from domain.values.terms import BodyKind
from services.access.callers import Holder
from services.fieldwork.supervisors import KIND, SOURCE, Answer, Draft, Supervisor, Supervisors
from services.intake.in_turn import act_on

router = APIRouter(prefix="/v1/supervisors", tags=["bodies"], responses=PROBLEMS)

_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemDetails, "description": "Something came of one of the organizations after what was looked at"}
}
Where = Annotated[
    str | None,
    Query(pattern="^[0-9]{2,12}$", description="Only organizations whose code begins so.", examples=["880102"]),
]
OfKind = Annotated[BodyKind, Query(description="Bodies of which kind.")]


class BodyCandidateShape(BaseModel):
    """A body that a text may mean."""

    body: str
    name: str
    score: float = Field(description="of 100; by its name, or by one that it had before")
    placed: int = Field(description="how many organizations with the text answer to it already")


class SupervisorShape(BaseModel):
    """A text, however it is written."""

    text: str = Field(description="as most write it")
    written: list[str] = Field(description="every way of writing it, the most frequent first")
    organizations: int = Field(description="who have it")
    open: int = Field(description="of them of whom nobody has said to which body of the kind they answer")
    none: int = Field(description="of them of whom it was said that they answer to none of the kind")
    candidates: list[BodyCandidateShape] = Field(description="at most five; those of others with the same text first")


class SupervisorsShape(BaseModel):
    """One page of the texts, those with most open first."""

    as_of: date
    known_at: KnownAt
    kind: BodyKind
    region: str | None
    total: int = Field(description="how many texts there are")
    open: int = Field(description="how many organizations are open, over all texts")
    supervisors: list[SupervisorShape]
    next: str | None


class SupervisorRow(BaseModel):
    """A text beside one of the bodies that it may mean; beside none where none is like it."""

    text: str
    organizations: int
    open: int
    none: int
    body: str | None
    name: str | None
    score: float | None
    placed: int | None


def _rows(answered: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in answered["supervisors"]:
        text = {name: each[name] for name in ("text", "organizations", "open", "none")}
        for at in each["candidates"] or [dict.fromkeys(BodyCandidateShape.model_fields)]:
            yield {**text, **at}


class Listed:
    """A page of the texts, for the call and for the page."""

    def __init__(self, request: Request, clocks: Clocks, kind: BodyKind, region: str | None, limit: int) -> None:
        found = Supervisors(parts_of(request).queries, kind, region, clocks.as_of, clocks.position)

        def read(begin: int, count: int) -> tuple[int, list[Supervisor]]:
            return len(found), found.part(begin, count)

        self.open = found.open
        self.total, self.shown, self.next = counted_page(request, clocks, limit, read)


@router.get(
    "", response_model=None, responses={200: {"model": SupervisorsShape}}, summary="主管单位比对 Supervisors as texts"
)
@question(PUBLISHING, "scoped", trail="matches", command="supervisors")
@taken_away(Sheet(_rows, SupervisorRow))
def get(  # each is a query parameter of its own
    request: Request,
    clocks: Asked,
    *,
    kind: OfKind = KIND,
    region: Where = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The supervisors that registries write as text (主管单位), with the bodies of a kind that each may mean.

    Open are organizations of which nobody has said to which body of the kind they answer. A text is matched by no rule:
    a person says what it means (`POST /v1/supervisors`), of those who are open then; who comes later with the same text
    is open again, with what was said before as the first candidate.

    Example: `/v1/supervisors?as_of=2024-12-31&region=880107`
    """
    del cursor  # the clocks carry it
    listed = Listed(request, clocks, kind, region, limit)
    return answer(
        {
            "as_of": clocks.as_of, "known_at": clocks.known_at(), "kind": kind, "region": region,
            "total": listed.total, "open": listed.open,
            "supervisors": [
                {**each._asdict(), "candidates": [at._asdict() for at in each.candidates]} for each in listed.shown
            ],
            "next": listed.next,
        }
    )  # fmt: skip


class NewAnswer(BaseModel):
    """What a person says a text means, on the state that the person looked at."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": "区民政局", "body": "body:civil-affairs", "region": "880107", "as_of": "2024-12-31",
                 "known_at": "1"}
            ]
        },
    )  # fmt: skip

    text: Name
    body: BodyId | None = Field(description="null: who has it answers to none of the kind (直接登记)")
    kind: BodyKind = KIND
    region: RegionCode | None = Field(default=None, description="of whom it is said; everybody if left out")
    as_of: str | None = Field(default=None, max_length=40, description="from which date; today if left out")
    known_at: str | None = Field(
        default=None, max_length=40, description="the state that was looked at, as `GET /v1/supervisors` told it"
    )
    source: str = Field(default=SOURCE, min_length=1, max_length=256)


class AnsweredShape(BaseModel):
    """How many organizations were placed, and the position of the last event that says so."""

    placed: int
    position: int


@router.post(
    "",
    status_code=201,
    response_model=None,
    responses={201: {"model": AnsweredShape}, **NOT_FOUND, **_CONFLICT},
    summary="认定 Say what a text means",
)
@act(PUBLISHING, "scoped", command="place-supervised")
async def decide(request: Request, holder: Admitted, _: Annotated[int, Depends(reached)], body: NewAnswer) -> Response:
    """`organization.placed` of every organization that has the text and is open, all of them or none.

    409 where something came of one of them, or of the body, after `known_at`; nothing is stored then. At most 1,000 at
    once. A single placement is corrected, retracted or followed by another like every fact.
    """
    as_of = today() if body.as_of is None else read_date("as_of", body.as_of)
    known_at = await settled_position(parts_of(request), body.known_at)
    said = Answer(body.text, body.body, body.kind, body.region, as_of, body.source)
    placed, position = await run_in_threadpool(decided, request, holder, said, known_at)
    return answer({"placed": placed, "position": position}, 201)


def decided(request: Request, holder: Holder, said: Answer, known_at: int) -> tuple[int, int]:
    """Publish what a person says on the state known at a position; how many were placed, the last event's position."""
    parts = parts_of(request)
    draft = Draft(parts.queries.pinned(), said, known_at)
    messages = messages_of(request, holder.publisher(), draft.events)
    receipts = act_on(parts.intake, draft.grounds, messages, draft.check)
    return len(receipts), max(each.position or 0 for each in receipts)
