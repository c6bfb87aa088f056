"""`/sign-in`: people sign in with the provider of OpenID Connect that the settings name."""

import base64
import hashlib
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.admission.sessions import ME, begin_session
from api.asking.questions import open_to_anyone
from api.web.answers import NOT_FOUND, PROBLEMS
from api.web.browsers import cookie_name, forget, keep, own_address
from api.web.cookies import cookie
from api.web.parts import Parts, parts_of
from api.web.problems import Problem
from services.access.oidc import Provider, ProviderError, TokenError

router = APIRouter(tags=["access"], responses={**PROBLEMS, **NOT_FOUND, 303: {"description": "Goes on"}})

_UNDER_WAY: Final = "sign-in"
SIGN_IN_S_MAX: Final = 600
_ADDRESS: Final = "/sign-in"
Text = Annotated[str | None, Query(max_length=2_000)]


def _provider(parts: Parts) -> Provider:
    if parts.provider is None:
        raise Problem("not-found", "this service has no sign-in for people; use an API key")
    return parts.provider


def _redirect_uri(parts: Parts) -> str:
    return f"{own_address(parts)}{_ADDRESS}/callback"


def _own_path(text: str) -> str:
    """A path of this service; anything that a browser could take for another host leads to the first page."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_own else "/"


@router.get(_ADDRESS, response_class=Response, status_code=303, summary="登录 Sign in")
@open_to_anyone("before sign-in nobody is known")
def begin(
    request: Request,
    then: Annotated[str, Query(alias="next", max_length=2_000, description="The path to go on to.")] = "/",
) -> Response:
    """On to the provider, with a state, a nonce and a code challenge that are new each time."""
    parts = parts_of(request)
    provider, verifier = _provider(parts), secrets.token_urlsafe(48)
    state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    try:
        address = provider.address(_redirect_uri(parts), state, nonce, challenge)
    except ProviderError as error:
        raise Problem("not-ready", f"{error}; sessions under way go on", headers={"retry-after": "5"}) from error
    response = RedirectResponse(address, 303)
    content = {"state": state, "nonce": nonce, "verifier": verifier, "next": _own_path(then)}
    sealed = parts.seal.close(_UNDER_WAY, content, SIGN_IN_S_MAX)
    keep(response, parts, f"{cookie_name(parts)}-sign-in", sealed, SIGN_IN_S_MAX)
    return response


@router.get(f"{_ADDRESS}/callback", response_class=Response, status_code=303, summary="登录返回 Back from the provider")
@open_to_anyone("before sign-in nobody is known")
def end(  # noqa: PLR0917 - what providers send
    request: Request,
    state: Text = None,
    code: Text = None,
    error: Text = None,
    error_description: Text = None,
    iss: Text = None,
    session_state: Text = None,
    scope: Text = None,
) -> Response:
    """Redeem the code, begin the session, go on to where the person wanted to be."""
    del error_description, session_state, scope  # told by some providers; they decide nothing here
    parts = parts_of(request)
    provider, name = _provider(parts), cookie_name(parts)
    begun = parts.seal.open(_UNDER_WAY, cookie(request, f"{name}-sign-in") or "")
    if begun is None or not secrets.compare_digest(begun["state"].encode(), (state or "").encode()):
        raise Problem("sign-in-needed", "this sign-in was not begun in this browser, or too long ago; begin again")
    if error is not None or code is None or (iss is not None and iss.rstrip("/") != provider.issuer):
        raise Problem("sign-in-needed", "the sign-in provider let nobody in; begin again")
    try:
        subject = provider.person(code, begun["verifier"], _redirect_uri(parts), begun["nonce"])
    except (TokenError, ProviderError) as fault:
        raise Problem("sign-in-needed", str(fault)) from fault
    holder = parts.seal.pseudonym(provider.issuer, subject)
    # Whoever was granted nothing is told what to send to whom, and not that a page is closed.
    onward = begun["next"] if parts.grants.of_holder(holder) else ME
    response = RedirectResponse(onward, 303)
    begin_session(response, parts, request, holder, "provider")
    forget(response, parts, f"{name}-sign-in")
    return response
