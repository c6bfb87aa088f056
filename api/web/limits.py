"""Limits on what comes in, before anything is read: the length of an address, and how many requests at once."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.problems import Problem

ADDRESS_BYTES_MAX: Final = 8_192
# Whatever waits beyond these would only wait for threads and connections.
CONCURRENT_MAX: Final = 512
_ALWAYS: Final = frozenset(("/health/live", "/health/ready", "/metrics"))


class Limits:
    """Pure ASGI, inside `Surroundings`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is not None:
            response = problem.response(scope["path"][:ADDRESS_BYTES_MAX], scope["state"]["request_id"])
            await response(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way -= 1

    def _problem(self, scope: Scope) -> Problem | None:
        length = len(scope["raw_path"]) + len(scope["query_string"])
        if length > ADDRESS_BYTES_MAX:
            return Problem("address-too-long", f"an address has at most {ADDRESS_BYTES_MAX} bytes, this one {length}")
        if self._under_way >= CONCURRENT_MAX:
            detail = f"{CONCURRENT_MAX} requests are under way, which is the limit; try again in a second"
            return Problem("not-ready", detail, headers={"retry-after": "1"})
        return None
