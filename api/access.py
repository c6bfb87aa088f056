"""Who calls, and what they may do. `decide` is the one place; api/rules.py has the rules that it goes by."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.parts import Parts, parts_of
from api.problems import Problem
from api.rules import rule_for
from services.api_keys import digest
from services.holders import DEVELOPER, Holder, together
from services.logs import logger

_BEARER: Final = HTTPBearer(auto_error=False, scheme_name="bearer", description="Authorization: Bearer and an API key")
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="taizhang"'}
# Whoever calls what needs no sign-in: no role, and nothing in sight.
ANYONE: Final = Holder("anyone", frozenset(), frozenset(), ())


def identify(request: Request, parts: Parts) -> list[Holder]:
    """Who calls, one for each grant: the holder of the API key, or under --dev the developer.

    Raises:
        Problem: 401, nobody who is known.
    """
    if parts.settings.dev:
        return [DEVELOPER]
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Problem(
            "sign-in-needed",
            "send the header Authorization: Bearer and an API key; an administrator makes one",
            headers=_CHALLENGE,
        )
    key = credential.strip()
    holder = parts.keyring.holder(key)
    holders = [holder] if holder is not None else parts.grants.of_key(digest(key))
    if not holders:
        raise Problem(
            "sign-in-needed",
            "this API key is nobody's, or no longer; ask an administrator for a new one",
            headers=_CHALLENGE,
        )
    return holders


def decide(holders: Sequence[Holder], method: str, path: str) -> Holder:
    """Let a holder through to the route with this template, or not; what it sees there is by the grants that do.

    Args:
        holders: one for each grant in force, all of one name.
        method: of HTTP.
        path: the route's template.

    Raises:
        Problem: 403, no role for it, or only one that is limited to regions where the route is not.
    """
    rule, name = rule_for(method, path), holders[0].name
    if rule is None:
        if holders[0] is not DEVELOPER:
            raise Problem("not-allowed", "this call has no rule that lets anyone in (api/rules.py)")
        logger().warning("route without a rule", method=method, route=path)
        return DEVELOPER
    fit = [each for each in holders if not rule.roles or not each.roles.isdisjoint(rule.roles)]
    if not fit:
        held, needed = (", ".join(sorted(roles)) or "none" for roles in (together(holders).roles, rule.roles or ()))
        raise Problem("not-allowed", f"this needs one of the roles {needed}; {name} holds {held}")
    if rule.regions == "whole":
        limited, fit = together(fit).scope, [each for each in fit if each.scope is None]
        if not fit:
            raise Problem("not-allowed", f"this tells of all regions; {name} is limited to {', '.join(limited or ())}")
    return together(fit)


async def admit(request: Request, _: Annotated[object, Security(_BEARER)]) -> Holder:
    """The caller, once let through to the route; what follows sees no more than the caller may.

    Raises:
        Problem: 401 or 403.
    """
    parts, path = parts_of(request), request.scope["route"].path
    rule = rule_for(request.method, path)
    if rule is not None and rule.roles is None:
        return ANYONE
    holders = await run_in_threadpool(identify, request, parts)
    bind_contextvars(caller=holders[0].name)
    holder = decide(holders, request.method, path)
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
Administering = Admitted
