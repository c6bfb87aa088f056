"""Who calls, and what they may do. Deny by default: every route under /v1 names the roles it is open to."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bind_contextvars

from api.parts import parts_of
from api.problems import Problem
from services.api_keys import DEVELOPER, ApiKey, Role
from services.messages import Publisher

_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="apiKey", description="Authorization: Bearer and a key of `taizhang api-key`"
)
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="taizhang"'}


async def caller(request: Request, _: Annotated[object, Security(_BEARER)]) -> ApiKey:
    """Who calls: the holder of the API key, or under --dev the developer.

    Raises:
        Problem: 401, no key or nobody's.
    """
    parts = parts_of(request)
    if parts.settings.dev:
        request.state.reader = DEVELOPER.name
        return DEVELOPER
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem(
            "sign-in-needed",
            "send the header Authorization: Bearer and an API key; an administrator makes one with `taizhang api-key`",
            headers=_CHALLENGE,
        )
    holder = await run_in_threadpool(parts.keyring.holder, key.strip())
    if holder is None:
        raise Problem(
            "sign-in-needed",
            "this API key is nobody's, or no longer; ask an administrator for a new one",
            headers=_CHALLENGE,
        )
    bind_contextvars(caller=holder.name)
    request.state.reader = holder.name  # for the trail of reading
    return holder


Caller = Annotated[ApiKey, Depends(caller)]


def allowed(*roles: Role) -> Callable[[ApiKey], Coroutine[Any, Any, ApiKey]]:
    """A dependency that lets callers through who hold at least one of these roles, and answers 403 to others."""

    async def check(holder: Caller) -> ApiKey:
        if holder.roles.isdisjoint(roles):
            held = ", ".join(sorted(holder.roles)) or "none"
            raise Problem("not-allowed", f"this needs one of the roles {', '.join(roles)}; {holder.name} holds {held}")
        return holder

    return check


def publisher(holder: ApiKey) -> Publisher:
    """The caller as intake knows publishers."""
    sources = None if holder.sources is None else frozenset(holder.sources)
    return Publisher(holder.name, "steward" in holder.roles, sources)


Publishing = Annotated[ApiKey, Depends(allowed("publisher", "steward"))]
Stewarding = Annotated[ApiKey, Depends(allowed("steward"))]
Inspecting = Annotated[ApiKey, Depends(allowed("inspector", "steward"))]
Reading = Annotated[ApiKey, Depends(allowed("inspector", "assessment", "steward", "operator"))]
Assessing = Annotated[ApiKey, Depends(allowed("assessment"))]
Auditing = Annotated[ApiKey, Depends(allowed("auditor"))]
