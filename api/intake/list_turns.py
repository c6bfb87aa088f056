"""What `taizhang reconcile` asks of `/v1/lists`: a source's own facts, what others have, and the plan in one turn."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX, Asked
from api.asking.questions import IS_A_FILE, PUBLISHING, Not, act, question
from api.intake.lists import Source, known_at, may_speak
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails, invalid
from api.web.publishing import messages_of
from api.web.requests import read_body
from domain.values.fields import OrganizationId
from services.intake.in_turn import Grounds, act_on
from services.lists import elsewhere, facts
from services.lists.plan import TURN_EVENTS_MAX
from services.lists.turns import last_position, matters

router = APIRouter(prefix="/v1/lists", tags=["lists"], responses=PROBLEMS)


class TurnShape(BaseModel):
    """Events of a plan, to be published in one turn."""

    events: list[dict[str, Any]] = Field(min_length=1, max_length=TURN_EVENTS_MAX)
    about: list[OrganizationId] = Field(default=[], description="organizations by which the plan was decided")
    sources: list[str] = Field(default=[], description="other sources by whose lists it was")


class TurnAnswer(BaseModel):
    """What was published."""

    published: dict[str, int]
    position: int


class AboutShape(BaseModel):
    """Organizations of a list."""

    orgs: list[OrganizationId] = Field(min_length=1, max_length=elsewhere.ORGANIZATIONS_MAX)


class ElsewhereShape(BaseModel):
    """What is known of them, of other sources too."""

    events: list[dict[str, Any]] = Field(description="events of organizations, and what was said of them")
    lists: list[dict[str, Any]] = Field(description="the other sources' lists, as they stated them")


@router.get(
    "/facts",
    response_model=None,
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "One JSON object a line"}},
    summary="来源事实 A source's own facts",
)
@question(
    PUBLISHING,
    "whole",
    trail=Not("a source's own facts, to itself"),
    command="reconcile",
    page=Not("/daily/lists uses it"),
    forms=IS_A_FILE,
)
def source_facts(request: Request, holder: Admitted, clocks: Asked, source: Source) -> Response:
    """All that a source has published of organizations and of its lists, and what was said of it, one object a line.

    What `taizhang reconcile` compares a list with, up to the log's head: first `{"head"}`, the position; `{"word"}`,
    corrections and retractions; `{"list"}`, lists as they were stated; `{"ended"}`, organizations that other sources
    have deregistered; then `{"position", "event"}`, the events as received.
    """
    may_speak(holder, source)
    parts = parts_of(request)
    position = known_at(request, clocks)

    def lines() -> Iterator[bytes]:
        with parts.queries.connection() as connection:
            yield from facts.lines(connection, parts.queries.view.current, source, position)

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})


@router.post("/elsewhere", response_model=None, responses={200: {"model": ElsewhereShape}},
             summary="他源情况 What others have of them")  # fmt: skip
@question(
    PUBLISHING,
    "whole",
    trail="list",
    command="reconcile",
    page=Not("/daily/lists uses it"),
    forms=IS_A_FILE,
)
def others(request: Request, holder: Admitted, clocks: Asked, source: Source, body: AboutShape) -> Response:
    """The events of organizations that a list leaves out, or that another source has ended, of all sources.

    By them `taizhang reconcile` tells whom another source still has, and whom the ledger lacks.
    """
    may_speak(holder, source)
    parts = parts_of(request)
    with parts.queries.connection() as connection:
        position = clocks.position if "known_at" in request.query_params else facts.head(connection)
        found = elsewhere.gathered(connection, parts.queries.view.current, source, body.orgs, position)
    return answer(found)


@router.post(
    "/turn",
    response_model=None,
    responses={200: {"model": TurnAnswer}, 409: {"model": ProblemDetails, "description": "Something came since"}},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": TurnShape.model_json_schema()}}}
    },
    summary="发布清单 Publish in turn",
)
@act(PUBLISHING, "whole", command="reconcile", page=Not("/daily/lists publishes a list by itself"))
async def turn(
    request: Request,
    holder: Admitted,
    source: Source,
    decided_at: Annotated[
        int, Query(ge=0, le=POSITION_MAX, description="The position on which these events were decided.")
    ],
) -> Response:
    """Publish events of a list's plan in one turn at the log: all of them, or nothing.

    What `taizhang reconcile --publish` sends. It is refused (409) where the source, or another about the organizations
    named, has said something since the position.
    """
    may_speak(holder, source)
    parts = parts_of(request)
    raw, _ = await read_body(request, parts.settings.body_bytes_max)
    try:
        body = TurnShape.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        at = "".join(f"/{part}" for part in first["loc"])
        raise invalid(at, None, first["type"], first["msg"]) from None
    if any(event.get("source") != source for event in body.events):
        raise invalid("/events", source, "source", "all events of a list's plan are of the list's source")
    grounds = Grounds(decided_at, matters(source, body.about, body.sources))
    events = [json.dumps(event, ensure_ascii=False).encode() for event in body.events]
    messages = messages_of(request, holder.publisher(), events)
    receipts = await run_in_threadpool(act_on, parts.intake, grounds, messages)
    counts = Counter(receipt.disposition for receipt in receipts)
    return answer({"published": dict(counts), "position": last_position(receipts, decided_at)})
