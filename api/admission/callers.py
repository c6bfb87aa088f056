"""Who calls, and what they may do. `decide` is the one place; what a call says of itself is the rule it goes by."""

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

import psycopg
from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import HTTPBearer
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from structlog.contextvars import bind_contextvars

from api.asking.questions import Question, let_in, question_of
from api.web.browsers import cookie_name, same_origin
from api.web.cookies import cookie
from api.web.parts import Parts, parts_of_all
from api.web.places import Place
from api.web.problems import Problem
from api.web.requests import only_known
from api.web.seats import Seat, seat_of
from services.access.api_keys import digest
from services.access.callers import DEVELOPER, Holder, together
from services.access.oidc import ProviderError, TokenError
from services.system.logs import logger
from services.system.settings import LOOPBACK

_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="Authorization: Bearer and an API key, or an access token",
)
_DOTS_OF_JWT: Final = 2
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="taizhang"'}
# A body that took longer to come is from a caller who is looked at again; the log's grants are judged in turn anyway.
SLOW_S: Final = 1.0
# For whom places are kept free: who must look, and end what fills the others.
RESERVED: Final = frozenset(("operator", "administrator"))
# Whoever calls what needs no sign-in: no role, and nothing in sight.
ANYONE: Final = Holder("anyone", frozenset(), frozenset(), ())


def identify(request: Request, parts: Parts, *, is_request: bool = True) -> list[Holder]:
    """Who calls, one for each grant: of an API key, of an access token, of a session, or under --dev the developer.

    `is_request` is false where an answer goes on: that keeps no session from being idle.

    Raises:
        Problem: 401, nobody who is known; 403, a browser that another site made send this.
        HTTPException: 303, a page for somebody who can sign in.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    credential = credential.strip()
    # The word alone is no credential: a page of another site can send it, with this browser's cookie.
    by_credential = scheme.lower() == "bearer" and bool(credential)
    if parts.settings.dev or not by_credential:
        same_origin(request)
    if parts.settings.dev:
        _own_machine(request)
        return [DEVELOPER]
    if by_credential:
        return _by_credential(parts, credential)
    session = parts.sessions.open(cookie(request, cookie_name(parts)) or "", is_request=is_request)
    if session is not None:
        return _by_name(parts, session.holder)
    if parts.provider is not None and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        raise HTTPException(303, headers={"location": f"/sign-in?{urlencode({'next': asked})}"})
    raise _unknown("send the header Authorization: Bearer and an API key; an administrator makes one")


def _own_machine(request: Request) -> None:
    """Without sign-in, answer to this machine's own names alone: another name is another site's (DNS rebinding)."""
    if request.url.hostname not in LOOPBACK:
        raise Problem("not-allowed", f"with --dev this service answers to {', '.join(LOOPBACK)} only")


def _by_credential(parts: Parts, credential: str) -> list[Holder]:
    # A JWT has three parts; a key has no dot.
    if parts.provider is not None and credential.count(".") == _DOTS_OF_JWT:
        try:
            subject = parts.provider.machine(credential)
        except TokenError as error:
            raise _unknown(str(error)) from error
        except ProviderError as error:
            raise Problem("not-ready", str(error), headers={"retry-after": "5"}) from error
        return _by_name(parts, parts.seal.pseudonym(parts.provider.issuer, subject))
    holder = parts.keyring.holder(credential)
    holders = [holder] if holder is not None else parts.grants.of_key(digest(credential))
    if not holders:
        raise _unknown("this API key is nobody's, or no longer; ask an administrator for a new one")
    return holders


def _by_name(parts: Parts, name: str) -> list[Holder]:
    """What somebody may do who proved a name; whoever was granted nothing may ask for that name alone."""
    return parts.grants.of_holder(name) or [Holder(name, frozenset(), frozenset(), ())]


def _unknown(detail: str) -> Problem:
    return Problem("sign-in-needed", detail, headers=_CHALLENGE)


def decide(holders: Sequence[Holder], rule: Question | None) -> Holder:
    """Let a holder through to a call, or not; what it sees there is by the grants that do.

    Args:
        holders: one for each grant in force, all of one name.
        rule: what the call says of itself; one that says nothing is closed.

    Raises:
        Problem: 403, no role for it, or only one that is limited to regions where the route is not.
    """
    name = holders[0].name
    if rule is None:
        if holders[0] is not DEVELOPER:
            raise Problem("not-allowed", "this call has no rule that lets anyone in (api/asking/questions.py)")
        logger().warning("call without a rule")
        return DEVELOPER
    fit = let_in(holders, rule)
    if not fit and let_in(holders, rule._replace(regions="scoped")):
        limited = together(let_in(holders, rule._replace(regions="scoped"))).scope
        raise Problem("not-allowed", f"this tells of all regions; {name} is limited to {', '.join(limited or ())}")
    if not fit:
        held, needed = (", ".join(sorted(roles)) or "none" for roles in (together(holders).roles, rule.roles or ()))
        ask = "" if together(holders).roles else f"; send the name {name} to an administrator, who grants access"
        raise Problem("not-allowed", f"this needs one of the roles {needed}; {name} holds {held}{ask}")
    return together(fit)


async def admit(request: Request, _: Annotated[object, Security(_BEARER)]) -> Holder:
    """The caller, once let through to the route, in its turn; what follows sees no more than the caller may.

    Raises:
        Problem: as `admit_once`, and as `only_known`.
        ClientDisconnect: it waits no longer, so nobody works for it.
    """
    holder = await admit_once(request)
    await seat_of(request.scope).take(_address(request) if holder is ANYONE else caller_of(holder))
    is_gone = request.scope["state"].get("is_gone")
    if is_gone is not None and is_gone():
        raise ClientDisconnect
    only_known(request)
    return holder


async def admit_once(request: Request) -> Holder:
    """The caller, looked at when first asked: before a body is read, or before the route's own work.

    Raises:
        Problem: 401 or 403; 429, more than one caller may have under way; 503, no place is left.
    """
    if not hasattr(request.state, "holder"):
        request.state.holder = await _admit(request)
    holder: Holder = request.state.holder
    return holder


async def _admit(request: Request) -> Holder:
    parts, rule = parts_of_all(request), question_of(request.scope["route"].endpoint)
    address = _address(request)
    place: Place | None = getattr(request.state, "place", None)
    if rule is not None and rule.roles is None:
        _not_too_many(parts, address)
        if place is not None:
            place.take(address)
        return ANYONE
    knock = Seat(parts.seats.knocks)
    try:
        # Without sign-in nothing is waited for, and a thread costs more than the question.
        if parts.settings.dev:
            holders = identify(request, parts)
        else:
            await knock.take(address)
            holders = await run_in_threadpool(identify, request, parts)
    except Problem:
        _not_too_many(parts, address)
        raise
    finally:
        knock.give_back()
    _not_too_many(parts, holders[0].name)
    if place is not None:
        place.take(caller_of(holders[0]), from_reserve=not together(holders).roles.isdisjoint(RESERVED))
    bind_contextvars(caller=holders[0].name)
    request.state.holders = holders  # for what the head of a page says, and what its navigation leads to
    holder = decide(holders, rule)
    request.state.reader = holder.name  # for the trail of reading
    request.state.scope = holder.scope
    return holder


async def still(request: Request, holder: Holder, since: float) -> Holder:
    """The caller once more, after a body was read since an instant of the monotonic clock: access may have ended.

    Raises:
        Problem: 401 or 403.
    """
    parts = parts_of_all(request)
    if parts.settings.dev or time.monotonic() - since < SLOW_S:
        return holder
    holders = await run_in_threadpool(identify, request, parts)
    return decide(holders, question_of(request.scope["route"].endpoint))


async def is_unchanged(request: Request, holder: Holder) -> bool:
    """Whether a caller may still have an answer without an end, as when it began.

    By the log as it stands, no older than this call: what is recorded after a revocation goes out to nobody whom it
    concerns. Where the log cannot be asked, nobody knows, and the answer ends.
    """
    parts = parts_of_all(request)
    if parts.settings.dev:
        return True
    try:
        holders = await run_in_threadpool(partial(identify, request, parts, is_request=False))
        return decide(holders, question_of(request.scope["route"].endpoint)).scope == holder.scope
    except (HTTPException, Problem, psycopg.Error, PoolTimeout):
        return False


def caller_of(holder: Holder) -> str:
    """By which name a caller holds places and turns."""
    return f"caller {holder.name}"


def count_address(request: Request) -> None:
    """Count a request that anyone may make, of its address.

    Raises:
        Problem: 429, it sends more than it may.
    """
    _not_too_many(parts_of_all(request), _address(request))


def _address(request: Request) -> str:
    return f"address {request.client.host if request.client else ''}"


def _not_too_many(parts: Parts, client: str) -> None:
    """Count a request of a client, known by name or else by address.

    Raises:
        Problem: 429, it sends more than it may.
    """
    wait_s = parts.rate_limits.take(client)
    if wait_s:
        most = f"{parts.settings.requests_per_second:g} requests a second"
        headers = {"retry-after": str(math.ceil(wait_s))}
        raise Problem("too-many-requests", f"one client may send {most}; wait, and send more slowly", headers=headers)


Admitted = Annotated[Holder, Depends(admit)]
