"""The gate that every request passes: a place for it, the caller before its body, and the body's limits."""

import asyncio
import time
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.admission.callers import admit_once
from api.web.cookies import plain_cookies
from api.web.parts import Parts
from api.web.places import Place
from api.web.problems import Problem, invalid
from api.web.requests import SMALL_BODY_BYTES_MAX, limited, of_text
from api.web.seats import Seat, seat_of
from services.fieldwork.outlines import BYTES_MAX as OUTLINES_BYTES_MAX
from services.province.report_file import BYTES_MAX as REPORT_BYTES_MAX

ADDRESS_BYTES_MAX: Final = 8_192
# These are answered whatever else is under way.
ALWAYS: Final = frozenset(("/health/live", "/health/ready", "/metrics"))
# What takes events or files has limits of its own on their size.
INTAKE: Final = frozenset(("/v1/events", "/v1/lists", "/v1/lists/turn", "/daily/lists"))
# What is larger than the bodies of other calls, by how its path begins; a file's text has at most each sign escaped.
_LARGER: Final = {
    "/v1/outlines/": OUTLINES_BYTES_MAX,
    "/v1/province/reports": 2 * REPORT_BYTES_MAX + SMALL_BODY_BYTES_MAX,
}
# Who still sends while the answer leaves gets so long to read it: a connection that is closed with bytes unread takes
# the answer with it (RFC 9112, 9.6).
LINGER_S: Final = 1.0
LINGER_BYTES: Final = 4 << 20


class Gate:
    """Pure ASGI, inside `Surroundings`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        plain_cookies(scope)
        parts: Parts = scope["app"].state.parts
        peer = client_of(scope, parts.settings.proxies_named)
        scope["client"] = (peer, 0)
        body = _Body(scope, receive, send, parts)
        place = None
        try:
            _not_too_long(scope)
            _is_text(scope)
            if scope["path"] not in ALWAYS:
                place = Place(parts.places.requests, f"address {peer}")
                scope["state"]["place"] = place
                scope["state"]["seat"] = Seat(parts.seats.work)
        except Problem as problem:
            # No page: whoever is refused here is to cost nothing more.
            answer = problem.response(scope["path"], scope["state"]["request_id"])
            await answer(scope, body.receive, body.send)
        else:
            larger = (size for begins, size in _LARGER.items() if scope["path"].startswith(begins))
            bytes_max = next(larger, SMALL_BODY_BYTES_MAX)
            within = body.receive if scope["path"] in INTAKE else of_text(limited(body.receive, bytes_max))
            await self._app(scope, within, body.send)
        finally:
            seat_of(scope).give_back()
            if place is not None:
                place.give_back()
        await body.end()


def _not_too_long(scope: Scope) -> None:
    length = len(scope["raw_path"]) + len(scope["query_string"])
    if length > ADDRESS_BYTES_MAX:
        # The answer repeats the path.
        scope["path"] = scope["path"][:ADDRESS_BYTES_MAX]
        raise Problem("address-too-long", f"an address has at most {ADDRESS_BYTES_MAX} bytes, this one {length}")


def _is_text(scope: Scope) -> None:
    """Refuse what is no text: bytes that are no UTF-8 (half of a surrogate pair is none), and NUL."""
    for name, given in (("path", scope["raw_path"]), ("query", scope["query_string"])):
        _decoded(name, unquote_to_bytes(given))
    together = b"\n".join(given for _, given in scope["headers"])
    if together.isascii() and b"\x00" not in together:
        return
    for name, given in scope["headers"]:
        _decoded(f"header.{name.decode('latin-1')}", given)


def _decoded(name: str, given: bytes) -> None:
    try:
        if "\x00" not in given.decode():
            return
    except UnicodeDecodeError:
        pass
    raise invalid(name, ascii(given[:80]), "text", "UTF-8 without U+0000; percent-encode what an address holds")


class _Body:
    """A request's body on its way in: whoever reads it first has the caller admitted; and the answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, parts: Parts) -> None:
        headers = Headers(scope=scope)
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_whole = headers.get("content-length", "0").strip("0") == "" and "transfer-encoding" not in headers
        self._seconds_max = parts.settings.body_seconds_max
        self._deadline: float | None = None
        self._last: Message | None = None
        self._worked_for: str | None = None

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()
        if self._deadline is None:
            await admit_once(Request(self._scope))
            self._deadline = time.monotonic() + self._seconds_max
        # Nobody works while a client sends.
        self._worked_for = seat_of(self._scope).give_back() or self._worked_for
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            told = f"the body was not here within {self._seconds_max:g} s; send smaller ones, or by a better connection"
            raise Problem("body-too-slow", told) from None
        self._is_whole = not message.get("more_body", False)
        if self._is_whole and self._worked_for is not None:
            await seat_of(self._scope).take(self._worked_for)
        return message

    async def send(self, message: Message) -> None:
        seat_of(self._scope).give_back()
        if message["type"] == "http.response.start" and not self._is_whole:
            MutableHeaders(scope=message)["connection"] = "close"
        elif message["type"] == "http.response.body" and not message.get("more_body") and not self._is_whole:
            self._last = {**message, "more_body": True}
            message = self._last
        await self._send(message)

    async def end(self) -> None:
        """End an answer that left before the body was here; what still comes is read for a moment, and thrown away."""
        if self._last is None:
            return
        deadline, read = time.monotonic() + LINGER_S, 0
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                while read < LINGER_BYTES:
                    message = await self._receive()
                    read += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        break
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def client_of(scope: Scope, proxies: frozenset[str]) -> str:
    """The address that a request comes from; where proxies of ours stand before us, the one that the first was given.

    Only the addresses that our own proxies added to X-Forwarded-For are believed: from the right, up to the first
    that is none of them.
    """
    client: Any = scope.get("client")
    peer = str(client[0]) if client else ""
    if peer not in proxies:
        return peer
    given = Headers(scope=scope).getlist("x-forwarded-for")
    for each in reversed([part.strip() for line in given for part in line.split(",")]):
        try:
            peer = str(ip_address(each))
        except ValueError:
            return peer
        if peer not in proxies:
            return peer
    return peer
