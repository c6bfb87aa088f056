"""Connections, within their limits of number, size and time: uvicorn's protocol, and who looks after all of them.

uvicorn itself sets no limit to a head (request line and headers, with httptools), none to the time that a head or a
body takes to come, and none to the number of connections. What is limited here is what costs before anybody is known;
places under way and bodies are the application's (api/admission/gate.py).
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from services.system.settings import Settings

NEVER: Final = float("inf")
# What the application needs beside the body's own time, before it reads: who calls, and waiting for a position.
LATELY_S: Final = 60.0
SLACK_S: Final = 10.0
# A connection that was told to end, with something still to be sent to a client that does not read, is cut off then.
CLOSE_S_MAX: Final = 10.0
# Requests that wait here since the client sent them before it had its answers (RFC 9112, 9.3.2); each costs kilobytes.
PIPELINED_MAX: Final = 16
# A body comes in pieces (chunks, or what the network brings at once), each of which costs microseconds: so many are as
# small as they like, the others hold so many bytes on the average.
PIECES_FREE: Final = 4_096
PIECE_BYTES: Final = 32
_TITLES: Final = {
    400: "请求有误 The request breaks a rule",
    408: "接收超时 The request took too long",
    431: "请求头过大 The headers are too large",
}


class Connections:
    """All connections of this process, and how many were ended and why."""

    def __init__(self) -> None:
        self.limits = Settings.model_construct()
        self.open: set[Connection] = set()
        self.ended: Counter[str] = Counter()
        self.crowded_at = -NEVER
        self._of: Counter[str] = Counter()
        # By address, those that wait for a request or for the rest of its head; the longest-waiting first.
        self._waiting: dict[str, dict[Connection, None]] = {}

    @property
    def crowded_lately(self) -> bool:
        """Whether one was ended in the last minute to make room."""
        return time.monotonic() - self.crowded_at < LATELY_S

    def limit(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        self.limits = settings

    def arrive(self, connection: "Connection") -> None:
        """Take in one more; where that is too many, another ends that waits: of its address, or of the busiest one."""
        address, limits = connection.address, self.limits
        self.open.add(connection)
        self._of[address] += 1
        self.wait(connection)
        if self._of[address] > limits.connections_of_one_max and address not in limits.proxies_named:
            self._make_room(address)
        elif len(self.open) > limits.connections_max:
            self._make_room(max(self._waiting, key=lambda each: len(self._waiting[each])))

    def _make_room(self, address: str) -> None:
        self.crowded_at = time.monotonic()
        # There is one: whoever has just come waits.
        next(iter(self._waiting[address])).give_up("crowded")

    def wait(self, connection: "Connection") -> None:
        """This connection waits for a request."""
        self._waiting.setdefault(connection.address, {})[connection] = None

    def work(self, connection: "Connection") -> None:
        """This connection no longer waits: its request is under way, or it ends."""
        waiting = self._waiting.get(connection.address)
        if waiting is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._waiting[connection.address]

    def leave(self, connection: "Connection") -> None:
        """This connection has ended."""
        self.work(connection)
        if connection in self.open:
            self.open.discard(connection)
            self._of[connection.address] -= 1
            if not self._of[connection.address]:
                del self._of[connection.address]

    def look(self) -> None:
        """End those whose time is over; every second."""
        now = time.monotonic()
        late: Iterable[Connection] = [each for each in self.open if each.is_late(now)]
        for each in late:
            each.give_up("late")


#: Of this process, which has one event loop.
CONNECTIONS: Final = Connections()


class Connection(HttpToolsProtocol):
    """One connection: its head within its bytes, everything within its time."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **named)
        self.address = ""
        self._deadline = NEVER
        self._send_deadline = NEVER
        self._in_head = True
        self._head_bytes = 0
        # Bytes since something was understood: a header line without end gives no callback.
        self._silent_bytes = 0
        self._pieces, self._pieces_bytes = 0, 0
        self._has_given_up = False

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's or uvloop's
        """Wait for a head, from now on."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._deadline = time.monotonic() + CONNECTIONS.limits.head_seconds_max
        CONNECTIONS.arrive(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up its place."""
        CONNECTIONS.leave(self)
        super().connection_lost(exc)

    def is_late(self, now: float) -> bool:
        """Whether the head, the body, or the client's reading has taken too long."""
        return now > min(self._deadline, self._send_deadline)

    @property
    def _is_under_way(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is not None and not cycle.response_complete

    def give_up(self, why: str) -> None:
        """End it: with an answer where a request has begun to come, at once where it was told before."""
        CONNECTIONS.work(self)
        if self._has_given_up or self.transport.is_closing() or time.monotonic() > self._send_deadline:
            CONNECTIONS.ended["cut off"] += 1
            self.transport.abort()
            return
        CONNECTIONS.ended[why] += 1
        if self._silent_bytes and self._in_head and not self._is_under_way:
            self._refuse(408, "the request was not here in time, or others needed its place; send it again")
        else:
            self._end()

    def _end(self) -> None:
        self._has_given_up = True
        self._deadline = time.monotonic() + CLOSE_S_MAX
        CONNECTIONS.work(self)
        self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with a problem (RFC 9457) and end; for what never becomes a request of the application."""
        if self._has_given_up:
            return
        problem = {
            "type": "urn:taizhang:problem:invalid-request", "title": _TITLES[status], "status": status,
            "detail": detail, "instance": "", "request_id": uuid4().hex, "errors": [],
        }  # fmt: skip
        body = json.dumps(problem, ensure_ascii=False).encode()
        head = b"content-type: application/problem+json\r\nconnection: close\r\ncache-control: no-store\r\n"
        self.transport.write(STATUS_LINE[status] + head + b"content-length: %d\r\n\r\n" % len(body) + body)
        self._end()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's answer to what is no HTTP, in the form of ours."""
        if not self._has_given_up:
            CONNECTIONS.ended["malformed"] += 1
            self._refuse(400, msg)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, as long as what is not understood yet stays small."""
        if self._has_given_up:
            return
        self._silent_bytes += len(data)
        if self._in_head and self._deadline == NEVER and not self._is_under_way:
            self._deadline = time.monotonic() + CONNECTIONS.limits.head_seconds_max
        super().data_received(data)
        if self._silent_bytes > CONNECTIONS.limits.head_bytes_max:
            self._too_large()

    def _too_large(self) -> None:
        if not self._has_given_up:
            CONNECTIONS.ended["large"] += 1
            self._refuse(431, f"a request's line and headers have at most {CONNECTIONS.limits.head_bytes_max} bytes")

    def on_message_begin(self) -> None:
        """A head begins.

        Raises:
            ConnectionError: too many wait before it; the parser reads nothing more.
        """
        if len(self.pipeline) >= PIPELINED_MAX:
            CONNECTIONS.ended["pipelined"] += 1
            self._end()
            msg = "too many requests before their answers"
            raise ConnectionError(msg)
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._pieces, self._pieces_bytes = 0, 0

    def on_url(self, url: bytes) -> None:
        """A part of the request line."""
        self._head_bytes += len(url)
        if self._head_bytes <= CONNECTIONS.limits.head_bytes_max:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those behind a body (trailers) are nobody's, and only counted."""
        self._head_bytes += len(name) + len(value) + 4
        if self._in_head and self._head_bytes <= CONNECTIONS.limits.head_bytes_max:
            super().on_header(name, value)
        elif self._head_bytes > CONNECTIONS.limits.head_bytes_max:
            self._too_large()

    def on_headers_complete(self) -> None:
        """The request begins; its body has its time from here on."""
        self._in_head, self._silent_bytes = False, 0
        if self._has_given_up:
            return
        if self._head_bytes > CONNECTIONS.limits.head_bytes_max:
            self._too_large()
            return
        limits = CONNECTIONS.limits
        self._deadline = time.monotonic() + limits.body_seconds_max + limits.wait_seconds_max + SLACK_S
        CONNECTIONS.work(self)
        # For whoever asks whether there is still somebody to work for.
        self.scope["state"]["is_gone"] = self.transport.is_closing
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body.

        Raises:
            ConnectionError: in too small parts; the parser reads nothing more.
        """
        self._silent_bytes = 0
        self._pieces, self._pieces_bytes = self._pieces + 1, self._pieces_bytes + len(body)
        if self._pieces > PIECES_FREE + self._pieces_bytes // PIECE_BYTES and not self._has_given_up:
            CONNECTIONS.ended["crumbs"] += 1
            msg = f"a body's chunks hold {PIECE_BYTES} bytes on the average; send larger ones"
            if self.cycle.response_started:
                self._end()
            else:
                self._refuse(400, msg)
            raise ConnectionError(msg)
        if not self._has_given_up:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        self._in_head, self._silent_bytes, self._head_bytes = True, 0, 0
        if self._has_given_up:
            return
        self._deadline = NEVER
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is given: the connection waits for the next request, or ends."""
        super().on_response_complete()
        if not self.pipeline:
            CONNECTIONS.wait(self)
        if self.transport.is_closing():
            self._end()
        elif self._silent_bytes and self._in_head:  # of the next head, which has its time from now on
            self._deadline = time.monotonic() + CONNECTIONS.limits.head_seconds_max

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        self._send_deadline = time.monotonic() + CONNECTIONS.limits.send_seconds_max
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has read on."""
        self._send_deadline = NEVER
        super().resume_writing()
