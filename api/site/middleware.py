"""What every request passes: its id, its log line, its measures, and on the way out the security headers."""

import re
import time
from random import getrandbits
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.site.errors import respond
from api.web.browsers import is_https
from api.web.metrics import REQUEST_SECONDS, REQUESTS
from api.web.problems import Problem
from domain.values.codes import holds_personal_identifier
from services.system.logs import logger

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_QUIET: Final = frozenset(("/health/live", "/health/ready", "/metrics"))

# RFC 6797: for a year, of this host alone; what else its domain holds is not ours to decide.
_HSTS: Final = b"max-age=31536000"

UNFORESEEN: Final = (
    "服务内部出错, 报告时请附 request_id. Something failed inside; name the request_id when you report it."
)

# A page sets a policy of its own; whatever sets none is data and needs nothing.
SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


_SECURITY: Final = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_SECURE: Final = [*_SECURITY, (b"strict-transport-security", _HSTS)]


def request_id(headers: Headers) -> str:
    """The caller's X-Request-Id where it is 1 to 64 of A-Z a-z 0-9 . _ - and names no person, else a new one."""
    given = headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given) and not holds_personal_identifier(given):
        return given
    # Unique, and no secret: every process has a seed of its own.
    return f"{getrandbits(128):032x}"


class Surroundings:
    """Pure ASGI: it stands around everything, error handlers too, so that no answer leaves without it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # RFC 9110, 9.3.2: as GET, without the content
            scope, send = {**scope, "method": "GET"}, _head_alone(send)
        began = time.perf_counter()
        identity = request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = identity
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = identity
                given = {name for name, _ in message["headers"]}
                standing = _SECURE if is_https(scope["app"].state.parts) else _SECURITY
                message["headers"] += [each for each in standing if each[0] not in given]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=identity):
            try:
                await self._app(scope, receive, send_on)
            except ClientDisconnect:
                status = status or 499  # as nginx notes it: the client went away, nobody reads an answer
            except Exception:
                # The outermost place: nothing above could answer. Whatever it is gets logged with its trace, and the
                # client an answer that tells nothing of the inside; cancellation (BaseException) goes on.
                logger().exception("request failed", path=_route(scope))
                if status:  # the answer is under way and cannot be taken back
                    raise
                problem = Problem("internal", UNFORESEEN)
                await respond(problem, scope)(scope, receive, send_on)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log by the route's template: a path or a query may name a member."""
        route = _route(scope)
        REQUESTS.labels(scope["method"] if route else "-", route or "-", str(status)).inc()
        REQUEST_SECONDS.labels(route or "-").observe(seconds)
        if scope["path"] not in _QUIET:
            milliseconds = round(seconds * 1000, 1)
            logger().info("request", method=scope["method"], route=route, status=status, duration_ms=milliseconds)


def _head_alone(send: Send) -> Send:
    """A `send` that ends the answer with its head; whatever goes on sending is told that nobody reads."""
    has_begun = False

    async def send_head(message: Message) -> None:
        nonlocal has_begun
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            has_begun = True
        elif has_begun and message.get("more_body"):
            raise ClientDisconnect

    return send_head


def _route(scope: Scope) -> str | None:
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path is not None else None
