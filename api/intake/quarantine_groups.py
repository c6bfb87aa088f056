"""Quarantine for stewards, by the group: what one fault caused, tried and redriven together."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX
from api.asking.questions import STEWARDING, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import Fault, ProblemDetails, faults
from domain.values.fields import REASON_LENGTH_MAX
from services.intake.quarantine import Filters
from services.intake.quarantine_groups import GROUP_MAX, discard_group, groups, redrive_group, try_group

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"], responses=PROBLEMS)


class GroupShape(BaseModel):
    """The open messages that one rule refused, from one source."""

    rule: str
    source: str | None = Field(description="null where it cannot be read")
    messages: int
    first_received_at: datetime
    last_received_at: datetime
    example: int = Field(description="the quarantine id of the newest")
    reason: str = Field(description="the newest one's reason, in words")


class Groups(BaseModel):
    """All groups, the largest first."""

    groups: list[GroupShape]


class GroupRedrive(BaseModel):
    """Which open messages are meant; all, if nothing is said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"rule": "type_unknown"}]})

    rule: str | None = Field(None, max_length=100)
    source: str | None = Field(None, max_length=256)
    publisher: str | None = Field(None, max_length=200)
    trial: str | None = Field(
        None, max_length=100, description="`trial` of a dry run: do exactly what it showed, or nothing (409)"
    )


class Refusal(BaseModel):
    """One message that is refused still."""

    quarantine_id: int
    reasons: list[Fault]


class GroupOutcome(BaseModel):
    """What became, or would become, of the messages."""

    dry_run: bool
    accepted: int
    duplicate: int
    still_refused: int
    remaining: int = Field(description=f"left for the next call; one takes {GROUP_MAX}")
    refusals: list[Refusal] = Field(description="the first of those still refused")
    trial: str | None = Field(description="names what this dry run showed; send it along with the redrive")


@router.get("/groups", response_model=None, responses={200: {"model": Groups}}, summary="分组 Open messages by reason")
@question(
    STEWARDING,
    "whole",
    trail=Not("counts of messages, which name nobody"),
    command="quarantine groups",
)
@taken_away(Sheet("groups", GroupShape))
def list_groups(request: Request) -> Response:
    """By rule and source. A message that breaks several rules stands in several groups."""
    return answer({"groups": groups(parts_of(request).recorder)})


@router.post(
    "/redrive",
    response_model=None,
    responses={
        200: {"model": GroupOutcome},
        409: {"model": ProblemDetails, "description": "What the trial showed would not come out any more"},
    },
    summary="成组重新提交 Redrive a group of open messages",
)
@act(STEWARDING, "whole", command="quarantine redrive-group")
def redrive(
    request: Request,
    holder: Admitted,
    body: GroupRedrive,
    *,
    dry_run: Annotated[bool, Query(description="Only say what would become of them")] = True,
) -> Response:
    """A dry run unless `dry_run=false`: it records nothing, and says what today's rules would give.

    A redrive with the dry run's `trial` does what it showed, or nothing: 409 where it would come out otherwise by now.
    """
    parts = parts_of(request)
    filters = Filters("open", body.source, body.publisher, body.rule)
    if dry_run:
        outcome = try_group(parts.recorder, filters, holder.name)
    else:
        outcome = redrive_group(parts.quarantine, parts.recorder, filters, holder.publisher(), body.trial)
    refusals: list[dict[str, Any]] = [
        {"quarantine_id": id_, "reasons": faults(reasons)} for id_, reasons in outcome.refusals
    ]
    return answer({**outcome._asdict(), "refusals": refusals})


class GroupDiscard(BaseModel):
    """Which open messages are closed without effect, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"rule": "type_unknown", "until": 12, "reason": "a test of the registry"}]},
    )

    rule: str = Field(max_length=100)
    source: str | None = Field(None, max_length=256)
    publisher: str | None = Field(None, max_length=200)
    until: int = Field(
        ge=1, le=POSITION_MAX, description="the number of the newest message that was looked at; later ones stay open"
    )
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)


class Discarded(BaseModel):
    """How many were closed."""

    discarded: int


@router.post(
    "/discard", response_model=None, responses={200: {"model": Discarded}}, summary="成组不予采用 Close a group"
)
@act(STEWARDING, "whole", command=Not("by page or HTTP; `quarantine discard` closes one"))
def discard(request: Request, holder: Admitted, body: GroupDiscard) -> Response:
    """Close the open messages meant without effect, at most 1,000 in a call; their bytes stay, with the reason."""
    parts = parts_of(request)
    filters = Filters("open", body.source, body.publisher, body.rule)
    ended = discard_group(parts.quarantine, parts.recorder, filters, holder.publisher(), body.reason, body.until)
    return answer({"discarded": ended})
