"""Reading a request's body within its limits: bytes, unpacked bytes, and time."""

import asyncio
import zlib
from typing import Final

from fastapi import HTTPException, Request
from starlette.types import Message, Receive

from api.web.problems import Problem

# What every call but intake needs at most.
SMALL_BODY_BYTES_MAX: Final = 65_536
_GZIP: Final = zlib.MAX_WBITS | 16  # zlib.decompressobj: expect gzip's header


def limited(receive: Receive, bytes_max: int) -> Receive:
    """`receive`, for bodies that the framework reads by itself: HTTPException 413 beyond the limit."""
    received = 0

    async def receive_within() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            # FastAPI lets only this exception through from where it reads a body.
            raise HTTPException(413, f"a body has at most {bytes_max} bytes here", {"connection": "close"})
        return message

    return receive_within


async def read_body(request: Request, bytes_max: int, seconds_max: float) -> tuple[bytes, bool]:
    """The body, and whether it could be unpacked; if not, the bytes are as they came.

    `Content-Encoding: gzip` is unpacked. The limit is checked while bytes come in, and on what they unpack to.

    Raises:
        Problem: 408 too slow, 413 too large, 415 packed in another way.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise Problem(
            "unsupported-media-type", f"Content-Encoding {encoding[:40]!r}: send the body plain or packed with gzip"
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > bytes_max:
        raise _too_large(bytes_max)
    try:
        async with asyncio.timeout(seconds_max):
            body = await _receive(request, bytes_max)
    except TimeoutError:
        raise Problem(
            "body-too-slow",
            f"the body was not here within {seconds_max:g} s; send smaller batches, or over a better connection",
            headers={"connection": "close"},
        ) from None
    if encoding != "gzip":
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
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, bytes_max + 1)
    except zlib.error:
        return body, False
    if len(plain) > bytes_max:
        raise _too_large(bytes_max)
    if not unpacker.eof or unpacker.unused_data:
        return body, False
    return plain, True


def _too_large(bytes_max: int) -> Problem:
    return Problem(
        "too-large",
        f"a body has at most {bytes_max} bytes, unpacked; send the events in smaller batches",
        headers={"connection": "close"},
    )
