"""Quarantine for stewards: what was set aside, and its end."""

import base64
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX, read_position
from api.asking.questions import ONE_RECORD, STEWARDING, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.intake.events import EventResult, result
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import Fault, ProblemDetails
from domain.values.fields import REASON_LENGTH_MAX
from services.intake.quarantine import PAGE_MAX, Filters, Quarantined, State
from services.intake.quarantine_expiry import EVERY, expire, write_anew

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"], responses=PROBLEMS)

Number = Annotated[int, Path(ge=1, le=POSITION_MAX, description="The quarantine id", examples=[1])]


class QuarantinedMessage(BaseModel):
    """One message that was set aside."""

    quarantine_id: int
    received_at: datetime
    source: str | None = Field(description="null where it cannot be read")
    id: str | None = Field(description="the event's id; null where it cannot be read")
    publisher: str
    intake: dict[str, Any] = Field(description="the channel and its coordinates")
    reasons: list[Fault]
    raw_sha256: str
    raw_bytes: int
    emptied_at: datetime | None = Field(
        description="since when its bytes are gone: it held numbers or names of persons, and was discarded or is old"
    )
    state: State = Field(description="open, or the end that it came to")


class QuarantinePage(BaseModel):
    """One page, newest first."""

    quarantined: list[QuarantinedMessage]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class Action(BaseModel):
    """One step taken."""

    number: int
    at: datetime
    by: str
    action: Literal["accepted", "duplicate", "still_refused", "discarded"]
    position: int | None
    reasons: list[Fault] | None
    reason: str | None


class QuarantineDossier(QuarantinedMessage):
    """One message whole."""

    attributes: dict[str, str] | None = Field(description="binary mode's CloudEvents attributes")
    raw_base64: str = Field(description="the bytes as received; empty where they are gone")
    actions: list[Action]


class Discard(BaseModel):
    """Why a message is closed without effect."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "a test of the registry"}]})

    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)


def _shown(message: Quarantined) -> dict[str, Any]:
    return {
        "quarantine_id": message.id,
        "received_at": message.received_at,
        "source": message.source,
        "id": message.event_id,
        "publisher": message.publisher,
        "intake": message.intake,
        "reasons": message.reasons,
        "raw_sha256": message.raw_sha256.hex(),
        "raw_bytes": message.raw_bytes,
        "emptied_at": message.emptied_at,
        "state": message.state,
    }


@router.get("", response_model=None, responses={200: {"model": QuarantinePage}}, summary="列出 What was set aside")
@question(STEWARDING, "whole", trail="quarantine", command="quarantine list")
@taken_away(Sheet("quarantined", QuarantinedMessage))
def list_(
    request: Request,
    *,
    state: Annotated[State | None, Query(description="Only in this state")] = None,
    source: Annotated[str | None, Query(max_length=256, description="Only of this source")] = None,
    publisher: Annotated[str | None, Query(max_length=200, description="Only by this publisher")] = None,
    rule: Annotated[str | None, Query(max_length=100, description="Only refused by this rule")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """Newest first. Messages that arrive while you page do not shift what follows."""
    before = None if cursor is None else read_position("cursor", cursor)
    filters = Filters(state, source, publisher, rule)
    page = parts_of(request).quarantine.page(filters, before=before, limit=limit + 1)
    more = len(page) > limit
    page = page[:limit]
    following = str(page[-1].id) if more else None
    return answer({"quarantined": [_shown(message) for message in page], "next": following})


@router.get(
    "/{quarantine_id}",
    response_model=None,
    responses={200: {"model": QuarantineDossier}, **NOT_FOUND},
    summary="查看 One message whole",
)
@question(STEWARDING, "whole", trail="quarantine", command="quarantine show", forms=ONE_RECORD)
def get(request: Request, quarantine_id: Number) -> Response:
    """With its bytes as received, and every step that was taken with it."""
    dossier = parts_of(request).quarantine.get(quarantine_id)
    raw = base64.b64encode(dossier.raw).decode()
    more = {"attributes": dossier.attributes, "raw_base64": raw, "actions": list(dossier.actions)}
    return answer(_shown(dossier.message) | more)


class Expired(BaseModel):
    """How many messages lost their bytes."""

    emptied: int


@router.post(
    "/expire", response_model=None, responses={200: {"model": Expired}}, summary="清除 Let bytes go that are due"
)
@act(STEWARDING, "whole", command="quarantine expire", page=Not("the service does so by itself, every hour"))
def expire_(request: Request) -> Response:
    """Of what held numbers or names of persons, and was discarded or kept for long enough (`quarantine_days`)."""
    parts = parts_of(request)
    emptied = expire(parts.intake.writer, timedelta(days=parts.settings.quarantine_days))
    write_anew(parts.intake.writer, EVERY)
    return answer({"emptied": emptied})


_ENDED: dict[int | str, dict[str, Any]] = {409: {"model": ProblemDetails, "description": "Its end is recorded already"}}


@router.post(
    "/{quarantine_id}/redrive",
    response_model=None,
    responses={200: {"model": EventResult}, **NOT_FOUND, **_ENDED},
    summary="重新提交 Read a message again with today's rules",
)
@act(STEWARDING, "whole", command="quarantine redrive")
def redrive(request: Request, holder: Admitted, quarantine_id: Number) -> Response:
    """Take it in if the rules allow it now; if not, it stays open, and the attempt is recorded with the reasons."""
    return answer(result(parts_of(request).quarantine.redrive(quarantine_id, holder.publisher())))


@router.post(
    "/{quarantine_id}/discard",
    response_model=None,
    responses={200: {"model": QuarantineDossier}, **NOT_FOUND, **_ENDED},
    summary="不予采用 Close a message without effect",
)
@act(
    STEWARDING,
    "whole",
    command="quarantine discard",
)
def discard(request: Request, holder: Admitted, quarantine_id: Number, body: Discard) -> Response:
    """Its bytes stay, with the reason; those of what was refused for numbers or names of persons go, its hash stays."""
    parts_of(request).quarantine.discard(quarantine_id, holder.publisher(), body.reason)
    return get(request, quarantine_id)
