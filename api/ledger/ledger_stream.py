"""`GET /v1/ledger/stream`: the current ledger and its changes as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.admission.callers import Admitted, caller_of, is_unchanged
from api.asking.questions import BY_HTTP, FOR_PROGRAMS, INSPECTING, Not, question
from api.web.answers import PROBLEMS
from api.web.parts import parts_of
from api.web.problems import invalid
from services.access.callers import Holder
from services.ledger.ledger_stream import Change, Changes, Mark, changes, mark_now, sight_of
from services.ledger.queries import Queries
from services.ledger.view import View
from services.serving.serving import STOPPING
from services.system.settings import SHANGHAI

router = APIRouter(prefix="/v1/ledger", tags=["ledger"], responses=PROBLEMS)

POLL_S: Final = 0.25
# How often a quiet stream looks whether its caller still has access; whoever lost it is cut off within a second.
LOOK_S: Final = 0.5
# So that proxies on the way do not take a quiet stream for a dead one.
KEEP_ALIVE_S: Final = 15.0
_RETRY: Final = b"retry: 2000\n\n"

After = Annotated[
    str | None,
    Query(max_length=80, description="where to go on: a position, or a change's id; left out: the whole ledger first"),
]
LastEventId = Annotated[str | None, Header(max_length=80, description="the same, as browsers send it")]


@router.get(
    "/stream",
    response_model=None,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events without end"}},
    summary="台账变更流 The ledger's changes, from a position on",
)
@question(INSPECTING, "scoped", trail="stream", command=BY_HTTP, page=FOR_PROGRAMS, forms=Not("a stream without end"))
async def stream(
    request: Request, holder: Admitted, after: After = None, last_event_id: LastEventId = None
) -> Response:
    """Each organization's current row, at first and whenever it changes.

    Events are named `row`, with data `{"org", "position", "as_of", "row"}`; `row` is null once the organization is no
    longer active. Whoever keeps the last one of each organization has the current ledger. After each batch comes an
    event `mark`, the only one with an id, so a stream that is taken up again at its last id leaves nothing out.

    Where the ledger was rebuilt since the last mark, a batch begins with an event `version`, with data `{"version",
    "ruleset", "read_by", "whole"}`: the rules that made the rows from here on, as `evidence` names them elsewhere. What
    differs follows; where `whole` is true that is the whole ledger, and what a copy holds beyond it is gone. So it is,
    too, where the copy was made by somebody who saw other regions.

    The stream ends with the caller's access: after a revocation, a last day, a sign-out or a change of regions nothing
    more goes out. Taken up again it is answered as any call.
    """
    queries = parts_of(request).queries.following()
    text = after if after is not None else last_event_id
    try:
        since = Mark.beginning() if text is None else await run_in_threadpool(_mark, text, request)
    except ValueError as error:
        raise invalid("query.after", text, "mark", str(error)) from error
    since = since._replace(sight=sight_of(queries.scope))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return _Stream(_events(request, holder, queries, since), headers=headers, media_type="text/event-stream")


def _mark(text: str, request: Request) -> Mark:
    parts = parts_of(request)
    head, _ = parts.recorder.head()
    return Mark.parse(text, parts.queries, head, _today())


class _Stream(StreamingResponse):
    """One of the streams that this process has open; it keeps a place of its own, and none among the requests."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = parts_of(Request(scope))
        with parts.places.streams.held(parts.asker):
            scope["state"]["place"].give_back()
            await super().__call__(scope, receive, send)


def _today() -> date:
    return datetime.now(UTC).astimezone(SHANGHAI).date()


async def _events(request: Request, holder: Holder, queries: Queries, since: Mark) -> AsyncIterator[bytes]:
    yield _RETRY
    quiet_s, looked = 0.0, time.monotonic()
    seats, caller = parts_of(request).seats.work, caller_of(holder)
    while not STOPPING.is_set() and not await request.is_disconnected():
        if mark_now(queries.view.current, since, _today()) != since:
            async with seats.held(caller):
                found = await run_in_threadpool(changes, queries, since, _today())
            if found.anew is not None:
                yield _version(found.anew, is_whole=found.is_whole)
            while True:
                async with seats.held(caller):
                    piece = await run_in_threadpool(_next_piece, found)
                # Asked once the rows are read, so that none of them is younger than what the log says of the caller.
                if piece is None or STOPPING.is_set() or not await is_unchanged(request, holder):
                    break
                yield piece
            if piece is not None:
                return
            yield f"id: {found.mark}\nevent: mark\ndata: {found.mark.position}\n\n".encode()
            since, quiet_s, looked = found.mark, 0.0, time.monotonic()
            continue
        await asyncio.sleep(POLL_S)
        if time.monotonic() - looked >= LOOK_S:
            if not await is_unchanged(request, holder):
                return
            looked = time.monotonic()
        quiet_s += POLL_S
        if quiet_s >= KEEP_ALIVE_S:
            yield b": still here\n\n"
            quiet_s = 0.0


def _next_piece(found: Changes) -> bytes | None:
    """The next rows as events; None where there are no more."""
    part = next(found.parts, None)
    return None if part is None else b"".join(_event(change, found.mark) for change in part.changes)


def _version(view: View, *, is_whole: bool) -> bytes:
    data = {
        "version": view.label, "ruleset": view.version.ruleset, "read_by": view.read_by, "whole": is_whole,
    }  # fmt: skip
    return b"event: version\ndata: " + orjson.dumps(data) + b"\n\n"


def _event(change: Change, mark: Mark) -> bytes:
    return b"event: row\ndata: " + orjson.dumps(change.as_json(mark)) + b"\n\n"
