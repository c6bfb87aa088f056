"""`/v1/sessions`: the caller's own sessions, and their end."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.questions import BY_HTTP, SIGNED_IN, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.browsers import cookie_name
from api.web.cookies import cookie
from api.web.parts import parts_of
from services.access.sessions import Session, Way

router = APIRouter(prefix="/v1/sessions", tags=["access"], responses=PROBLEMS)

SessionPath = Annotated[str, Path(max_length=100, description="`session:…`", examples=["session:example"])]
_ON_ME: Final = Not("ended on /me")


class OwnSession(BaseModel):
    """A session that is open."""

    session: str = Field(description="its name; it opens nothing")
    way: Way = Field(description="how it was begun: by the provider's word, or by a link")
    began_at: datetime
    seen_at: datetime = Field(description="the last request, to half a minute")
    until: datetime = Field(description="when it ends, whatever its holder does; without requests it ends sooner")
    this: bool = Field(description="whether this request is of it")


class OwnSessions(BaseModel):
    """The newest first."""

    sessions: list[OwnSession]


class Ended(BaseModel):
    """How many sessions were ended."""

    ended: int


def own(request: Request, holder: str) -> list[OwnSession]:
    """The open sessions of the caller."""
    parts = parts_of(request)
    present = _present(request)
    return [
        OwnSession(**{name: value for name, value in each._asdict().items() if name != "holder"},
                   this=present is not None and each.session == present.session)
        for each in parts.sessions.of_holder(holder)
    ]  # fmt: skip


def _present(request: Request) -> Session | None:
    parts = parts_of(request)
    return parts.sessions.open(cookie(request, cookie_name(parts)) or "")


@router.get("", response_model=None, responses={200: {"model": OwnSessions}}, summary="我的会话 My sessions")
@question(SIGNED_IN, "none", trail=Not("the caller's own sessions"), command=BY_HTTP)
@taken_away(Sheet("sessions", OwnSession))
def list_(request: Request, holder: Admitted) -> Response:
    """The caller's open sessions; none of a machine, which has a key."""
    return answer({"sessions": [each.model_dump() for each in own(request, holder.name)]})


@router.post("/end", response_model=None, responses={200: {"model": Ended}}, summary="结束其他会话 End the others")
@act(SIGNED_IN, "none", command=BY_HTTP, page=_ON_ME)
def end_others(request: Request, holder: Admitted) -> Response:
    """End every session of the caller but this one."""
    present = _present(request)
    but = None if present is None else present.session
    return answer({"ended": parts_of(request).sessions.end_all(holder.name, but)})


@router.post(
    "/{session}/end",
    response_model=None,
    responses={200: {"model": Ended}, **NOT_FOUND},
    summary="结束会话 End one session",
)
@act(SIGNED_IN, "none", command=BY_HTTP, page=_ON_ME)
def end(request: Request, holder: Admitted, session: SessionPath) -> Response:
    """End one of the caller's sessions, in whatever browser it is."""
    parts_of(request).sessions.end(holder.name, session)
    return answer({"ended": 1})
