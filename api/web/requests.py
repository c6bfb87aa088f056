"""What comes in, within its limits: parameters and bodies."""

import difflib
import json
import re
import zlib
from collections.abc import Callable
from typing import Any, Final, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from api.web.problems import Problem, invalid
from domain.values.strict_json import is_unfit, strings

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


_ALLOWED: Final[dict[Callable[..., Any], dict[str, bool]]] = {}


def _allowed(route: APIRoute) -> dict[str, bool]:
    """The query parameters of a route and of all that it depends on, and whether each may repeat."""
    if route.endpoint not in _ALLOWED:
        fields = [field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]
        _ALLOWED[route.endpoint] = {field.alias: _repeats(field.field_info.annotation) for field in fields}
    return _ALLOWED[route.endpoint]


def _repeats(annotation: Any) -> bool:  # noqa: ANN401 - any type
    return get_origin(annotation) is list or any(get_origin(each) is list for each in get_args(annotation))


def only_known(request: Request) -> None:
    """Refuse query parameters that the route does not have, and repeats of those that may stand once.

    Raises:
        Problem: 400, naming the parameter.
    """
    given = request.query_params.multi_items()
    if not given:
        return
    allowed = _allowed(request.scope["route"])
    seen: set[str] = set()
    for name, value in given:
        if name not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise invalid(f"query.{name}", value, "parameter_unknown", f"{hint}this call takes: {names}")
        if name in seen and not allowed[name]:
            raise invalid(f"query.{name}", value, "parameter_repeated", f"{name} stands once; send one value")
        if _CONTROL.search(value):
            raise invalid(f"query.{name}", ascii(value), "control_character", "text without control characters")
        seen.add(name)


# What every call but intake needs at most.
SMALL_BODY_BYTES_MAX: Final = 65_536
_GZIP: Final = zlib.MAX_WBITS | 16  # zlib.decompressobj: expect gzip's header
# RFC 9110, 8.4.1.3: x-gzip is the same as gzip.
_GZIPPED: Final = ("gzip", "x-gzip")
MEMBERS_MAX: Final = 10_000
_FEED_BYTES: Final = 1_024


def limited(receive: Receive, bytes_max: int) -> Receive:
    """`receive`, for bodies that the framework reads by itself: a Problem, 413, beyond the limit."""
    received = 0

    async def receive_within() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise Problem("too-large", f"a body has at most {bytes_max} bytes here")
        return message

    return receive_within


def of_text(receive: Receive) -> Receive:
    """`receive`, for JSON that the framework reads by itself: a Problem, 400, where a string in it is no text."""
    received = bytearray()

    async def receive_text() -> Message:
        message = await receive()
        received.extend(message.get("body", b""))
        if not message.get("more_body", False) and b"\\u" in received:
            _refuse_unfit(bytes(received))
        return message

    return receive_text


def _refuse_unfit(body: bytes) -> None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return  # the framework says what is wrong
    for each in filter(is_unfit, strings(value)):
        raise invalid("body", ascii(each[:40]), "text", "strings without U+0000 and without half of a surrogate pair")


async def read_body(request: Request, bytes_max: int) -> tuple[bytes, bool]:
    """The body, and whether it could be unpacked; if not, the bytes are as they came.

    `Content-Encoding: gzip` is unpacked, of several members too. The limit is checked while bytes come in, and on
    what they unpack to.

    Raises:
        Problem: 413 too large, 415 packed in another way; what the gate raises (api/admission/gate.py).
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", *_GZIPPED):
        raise Problem(
            "unsupported-media-type", f"Content-Encoding {encoding[:40]!r}: send the body plain or packed with gzip"
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > bytes_max:
        raise _too_large(bytes_max)
    body = await _receive(request, bytes_max)
    if encoding not in _GZIPPED:
        return body, True
    return _unpack(body, bytes_max)


async def _receive(request: Request, bytes_max: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > bytes_max:
            raise _too_large(bytes_max)
    return bytes(received)


def _unpack(body: bytes, bytes_max: int) -> tuple[bytes, bool]:
    """Unpack every member (RFC 1952, 2.2: a file is one or more, one after the other), at most 10,000."""
    plain, at = bytearray(), 0
    for _ in range(MEMBERS_MAX):
        unpacker, fed = zlib.decompressobj(_GZIP), _FEED_BYTES
        while not unpacker.eof and at < len(body):
            piece = body[at : at + fed]
            # What lies behind the member's end is given back, and copied: so little at first, then ever more.
            at, fed = at + len(piece), fed * 2
            try:
                plain += unpacker.decompress(piece, bytes_max + 1 - len(plain))
            except zlib.error:
                return body, False
            if len(plain) > bytes_max:
                raise _too_large(bytes_max)
        if not unpacker.eof:
            return body, False
        at -= len(unpacker.unused_data)
        if at == len(body):
            return bytes(plain), True
    return body, False


def _too_large(bytes_max: int) -> Problem:
    return Problem(
        "too-large",
        f"a body has at most {bytes_max} bytes, unpacked; send the events in smaller batches",
    )
