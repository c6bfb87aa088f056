"""`/sign-out` and `/signed-out`: the session ends on the server, and the browser is left with nothing of it.

The form's answer leads to a page of this service and never to another host: browsers hold the whole chain of
redirects to the page's `form-action`. That page goes on to the provider by itself, as a navigation of its own.
"""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.asking.questions import open_to_anyone
from api.site.base import Paged
from api.web.browsers import cookie_name, forget, own_address, same_origin
from api.web.cookies import cookie
from api.web.parts import Parts, parts_of
from services.access.oidc import ProviderError
from services.system.logs import logger

router = APIRouter(tags=["pages"], responses={303: {"description": "Goes on"}})

_ADDRESS: Final = "/signed-out"
# W3C Clear Site Data: what the browser has kept of this site; cookies of other tools on this host stay theirs.
_CLEAR: Final = '"cache", "storage"'


@router.post("/sign-out", response_model=None, summary="退出 Sign out")
@open_to_anyone("ends a session, whoever holds it")
def sign_out(request: Request) -> Response:
    """End the session of this browser, here and on the server."""
    parts, name = parts_of(request), cookie_name(parts_of(request))
    same_origin(request)
    way = parts.sessions.sign_out(cookie(request, name) or "")
    if way is not None:
        logger().info("signed out", way=way)
    onward = "?at=provider" if way == "provider" and _leave(parts) else ""
    response = RedirectResponse(f"{_ADDRESS}{onward}", 303)
    forget(response, parts, name)
    response.headers["clear-site-data"] = _CLEAR
    return response


@router.get(_ADDRESS, response_model=None, response_class=HTMLResponse)
@open_to_anyone("says that nobody is signed in")
def signed_out(
    request: Request,
    page: Paged,
    at: Annotated[Literal["provider"] | None, Query(description="Where a session may go on.")] = None,
) -> HTMLResponse:
    """That the session is over; where the provider offers it, on to end the one there (RP-Initiated Logout 1.0)."""
    parts = parts_of(request)
    leave = None if at is None else _leave(parts)
    response = page.render("signed_out.html", leave=leave, again=parts.provider is not None)
    if leave is not None:
        response.headers["refresh"] = f"0; url={leave}"
    return response


def _leave(parts: Parts) -> str | None:
    """Where the provider ends its own session; None where it offers no such address, or does not answer."""
    if parts.provider is None:
        return None
    try:
        return parts.provider.sign_out_address(f"{own_address(parts)}{_ADDRESS}")
    except ProviderError:
        return None
