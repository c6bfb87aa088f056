"""Who calls, and what they may do. `decide` is the one place; api/rules.py has the rules that it goes by."""

from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.parts import Parts, parts_of
from api.problems import Problem
from api.rules import rule_for
from services.holders import DEVELOPER, Holder
from services.logs import logger

_BEARER: Final = HTTPBearer(auto_error=False, scheme_name="bearer", description="Authorization: Bearer and an API key")
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="taizhang"'}
# Whoever calls what needs no sign-in: no role, and nothing in sight.
ANYONE: Final = Holder("anyone", frozenset(), frozenset(), ())


def identify(request: Request, parts: Parts) -> Holder:
    """Who calls: the holder of the API key, or under --dev the developer.

    Raises:
        Problem: 401, nobody who is known.
    """
    if parts.settings.dev:
        return DEVELOPER
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Problem(
            "sign-in-needed",
            "send the header Authorization: Bearer and an API key; an administrator makes one",
            headers=_CHALLENGE,
        )
    holder = parts.keyring.holder(credential.strip())
    if holder is None:
        raise Problem(
            "sign-in-needed",
            "this API key is nobody's, or no longer; ask an administrator for a new one",
            headers=_CHALLENGE,
        )
    return holder


def decide(holder: Holder, method: str, path: str) -> None:
    """Let a holder through to the route with this template, or not.

    Raises:
        Problem: 403, no role for it, or one that is limited to regions where the route is not.
    """
    rule = rule_for(method, path)
    if rule is None:
        if holder is not DEVELOPER:
            raise Problem("not-allowed", "this call has no rule that lets anyone in (api/rules.py)")
        logger().warning("route without a rule", method=method, route=path)
        return
    if rule.roles is None:
        return
    if rule.roles and holder.roles.isdisjoint(rule.roles):
        held, needed = (", ".join(sorted(roles)) or "none" for roles in (holder.roles, rule.roles))
        raise Problem("not-allowed", f"this needs one of the roles {needed}; {holder.name} holds {held}")
    if rule.regions == "whole" and holder.scope is not None:
        regions = ", ".join(holder.scope)
        raise Problem("not-allowed", f"this tells of all regions; {holder.name} is limited to {regions}")


async def admit(request: Request, _: Annotated[object, Security(_BEARER)]) -> Holder:
    """The caller, once let through to the route; what follows sees no more than the caller may.

    Raises:
        Problem: 401 or 403.
    """
    parts, path = parts_of(request), request.scope["route"].path
    rule = rule_for(request.method, path)
    if rule is not None and rule.roles is None:
        return ANYONE
    holder = await run_in_threadpool(identify, request, parts)
    bind_contextvars(caller=holder.name)
    decide(holder, request.method, path)
    request.state.reader = holder.name  # for the trail of reading
    request.state.scope = holder.scope
    return holder


Admitted = Annotated[Holder, Depends(admit)]
# What a route calls its caller; who that may be is said in api/rules.py.
Publishing = Admitted
Stewarding = Admitted
Inspecting = Admitted
Reading = Admitted
Assessing = Admitted
Auditing = Admitted
