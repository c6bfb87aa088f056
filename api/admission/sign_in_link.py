"""`/sign-in/link`: somebody without a provider signs in by a link that an administrator made, once."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.sessions import begin_session
from api.asking.questions import open_to_anyone
from api.site.base import Paged
from api.web.browsers import same_origin
from api.web.parts import parts_of
from api.web.problems import Problem

router = APIRouter(tags=["pages"], responses={303: {"description": "Goes on"}})

_ADDRESS: Final = "/sign-in/link/{token}"
Token = Annotated[str, Path(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get(_ADDRESS, response_model=None, response_class=HTMLResponse)
@open_to_anyone("before sign-in nobody is known")
def ask(page: Paged, token: Token) -> HTMLResponse:
    """A page with one button: programs that look at links before people do must not use one up."""
    return page.render("sign_in_link.html", token=token)


@router.post(_ADDRESS, response_model=None)
@open_to_anyone("before sign-in nobody is known")
def redeem(request: Request, token: Token) -> Response:
    """Begin the session of the link's holder."""
    parts = parts_of(request)
    same_origin(request)
    holder = parts.sessions.redeem(token)
    if holder is None:
        raise Problem("sign-in-needed", "this link was used, or is over; ask whoever sent it for a new one")
    response = RedirectResponse("/", 303)
    begin_session(response, parts, request, holder, "link")
    return response
