"""`GET /v1/notices`: the outbox of notices to offices, and how each channel fares."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import read_position
from api.asking.paging import Limit
from api.asking.questions import ASK, STEWARDING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from services.notices.outbox import Fault, Notice, Standing, State, page, standings

router = APIRouter(prefix="/v1/notices", tags=["operation"], responses=PROBLEMS)

ChannelNamed = Annotated[str | None, Query(max_length=40, description="Only of this channel")]
ToOffice = Annotated[str | None, Query(max_length=80, description="Only to this office")]
InState = Annotated[State | None, Query(description="Only in this state")]


class NoticeShape(BaseModel):
    """One notice."""

    no: int = Field(description="its place: an office's notices on a channel are sent in this order")
    id: str = Field(description="the `webhook-id`; the same at every attempt")
    channel: str
    office: str | None = Field(description="null: of no office in particular")
    occasion: str
    subject: str = Field(description="the organization, the order or the source")
    region: str | None
    on: date = Field(description="the day it fell on")
    due_on: date | None
    known_at: int
    found_at: datetime
    state: State = Field(description="held: it was there before the channel began, or before a restore")
    tries: int
    begun_at: datetime | None = Field(description="since when an attempt has had no answer: it may have arrived")
    fault: Fault | None = Field(description="why the last attempt was not taken")
    fault_detail: str | None
    sent_at: datetime | None


class ChannelShape(BaseModel):
    """How a channel fares."""

    name: str
    began_at: datetime | None = Field(description="when it first looked at the ledger; null: it has yet to")
    sent: int = Field(description="notices that were taken, ever")
    fault: Fault | None = Field(description="why the first that was tried and still waits was not taken")
    fault_detail: str | None
    waiting: int
    held: int
    waiting_since: datetime | None


class Notices(BaseModel):
    """Channels, and one page of notices, newest first."""

    channels: list[ChannelShape]
    notices: list[NoticeShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get("", response_model=None, responses={200: {"model": Notices}}, summary="通知 The outbox of notices")
@question(STEWARDING, "whole", trail="notices", command=ASK)
@taken_away(Sheet("notices", NoticeShape))
def get(
    request: Request,
    *,
    channel: ChannelNamed = None,
    office: ToOffice = None,
    state: InState = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """What was told to which office on which channel, what waits, what is held, and why something is not taken.

    A notice names an organization, an order or a source by its identifier, and no person.

    Example: `/v1/notices?state=waiting`
    """
    fares, found, following = outbox(request, state, channel, office, limit, cursor)
    return answer({"channels": fares, "notices": found, "next": following})


def outbox(  # noqa: PLR0917 - the filters of one list
    request: Request, state: State | None, channel: str | None, office: str | None, limit: int, cursor: str | None
) -> tuple[list[Standing], list[Notice], str | None]:
    """How channels fare, one page of notices, and the cursor of the next."""
    before = None if cursor is None else read_position("cursor", cursor)
    with parts_of(request).queries.everywhere().connection() as connection:
        fares = standings(connection)
        found = page(connection, state, channel, office, before, limit + 1)
    return fares, found[:limit], str(found[limit - 1].no) if len(found) > limit else None
