"""The two clocks of a question (spec/domain.md, Two clocks), and waiting for the projections."""

import asyncio
import re
import time
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from api.asking import cursors
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, invalid
from api.web.shapes import knowledge
from domain.values.instants import parse_date, parse_instant
from services.ledger.known import Known
from services.ledger.ledger_at import LedgerAt
from services.system.errors import InstantToComeError
from services.system.settings import SHANGHAI

POSITION_MAX: Final = 2**63 - 1
_POSITION: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
# In a query string a plus that is not escaped arrives as a space: 2025-01-05T09:00:00 08:00.
_SPACED_OFFSET: Final = re.compile(r" ([0-9]{2}:[0-9]{2})$")
_POLL_S: Final = 0.005
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

AsOf = Annotated[
    str | None,
    Query(description="The date whose end is asked for, YYYY-MM-DD. Left out: today in Asia/Shanghai.", max_length=40,
          examples=["2024-12-31"]),
]  # fmt: skip
KnownAt = Annotated[
    str | None,
    Query(description="As known at a position of the log (digits), or at an RFC 3339 instant: the last position "
          "learned at or before it (of an import, on its sources' word); one that is still to come is refused. Left "
          "out: the latest position.",
          max_length=40, examples=["2025-01-05T09:00:00+08:00"]),
]  # fmt: skip
MinPosition = Annotated[
    str | None,
    Query(description="Wait until the projections have reached this position, at most a few seconds; then 503 with "
          "Retry-After. Send the position that POST /v1/events answered, and you read your own writes.",
          max_length=40, examples=["1"]),
]  # fmt: skip
CursorText = Annotated[
    str | None, Query(alias="cursor", description="`next` of the page before; send the same other parameters with it.")
]


class Clocks(NamedTuple):
    """Both clocks, settled: a date and a position that the projections have reached."""

    as_of: date
    known: Known
    after: tuple[object, ...] | None = None

    @property
    def position(self) -> int:
        """The position up to which all is known."""
        return self.known.position

    @property
    def recorded_at(self) -> datetime | None:
        """When that position was recorded; None for 0."""
        return self.known.recorded_at

    def known_at(self) -> dict[str, object]:
        """`known_at` as answers show it."""
        return knowledge(self.known)


def read_date(name: str, text: str) -> date:
    """A date of the query; a Problem where it is none."""
    try:
        return parse_date(text)
    except ValueError as error:
        raise invalid(f"query.{name}", text, "date", str(error)) from None


def read_instant(name: str, text: str) -> datetime:
    """An instant of the query, in UTC to the microsecond; a Problem where it is none."""
    try:
        nanoseconds = parse_instant(_SPACED_OFFSET.sub(r"+\1", text))
    except ValueError as error:
        raise invalid(f"query.{name}", text, "instant", f"{error}, or a position as digits") from None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def read_position(name: str, text: str) -> int:
    """A position of the query; a Problem where it is none."""
    if not _POSITION.fullmatch(text) or int(text) > POSITION_MAX:
        raise invalid(f"query.{name}", text, "position", f"a position is a whole number from 0 to {POSITION_MAX}")
    return int(text)


def today() -> date:
    """Today in Asia/Shanghai."""
    return datetime.now(SHANGHAI).date()


async def reached(request: Request, min_position: MinPosition = None) -> int:
    """Wait for `min_position`, if given; return the position that the projections have reached."""
    parts = parts_of(request)
    await wait_for(parts, 0 if min_position is None else read_position("min_position", min_position))
    return parts.queries.position


async def wait_for(parts: Parts, position: int) -> None:
    """Wait until the projections have reached a position, and answer from there.

    Raises:
        Problem: 503, that takes too long, or too many wait; 429, too many of this caller's do.
    """
    # Right after the start there is no version of the projection in memory yet.
    view = parts.queries.view
    if view.position < position or view.current.version.number == 0:
        with parts.places.waits.held(parts.asker):
            async with parts.seat.paused():
                await _wait(parts, position)


async def _wait(parts: Parts, position: int) -> None:
    view = parts.queries.view
    deadline = time.monotonic() + parts.settings.wait_seconds_max
    while True:
        view.renew()
        if view.position >= position and view.current.version.number:
            return
        if time.monotonic() > deadline:
            raise Problem(
                "not-ready",
                f"the projections have reached position {view.position}, not yet {position}; try again in a second, or "
                "see /health/ready if this goes on",
                headers={"retry-after": "1"},
            )
        await asyncio.sleep(_POLL_S)


async def settled_position(parts: Parts, known_at: str | None, name: str = "known_at") -> int:
    """The position that the parameter `name` means, reached."""
    if known_at is None:
        return parts.queries.position
    if known_at.isdecimal():
        position = read_position(name, known_at)
        if position > parts.queries.position:
            head, _ = await run_in_threadpool(parts.recorder.head)
            if position > head:
                rule = f"the log ends at position {head}; ask as known at that one or an earlier one"
                raise invalid(f"query.{name}", known_at, "position_unknown", rule)
    else:
        position = await _position_at(parts, known_at, name)
    await wait_for(parts, position)
    return position


async def _position_at(parts: Parts, known_at: str, name: str) -> int:
    """The last position learned at or before an instant; one about to come is waited for."""
    instant = read_instant(name, known_at)
    while True:
        try:
            return await run_in_threadpool(parts.recorder.position_at, instant)
        except InstantToComeError as error:
            if error.in_s > parts.settings.wait_seconds_max:
                raise invalid(f"query.{name}", known_at, "instant_to_come", str(error)) from error
            with parts.places.waits.held(parts.asker):
                async with parts.seat.paused():
                    await asyncio.sleep(error.in_s)


async def clocks(
    request: Request,
    _: Annotated[int, Depends(reached)],
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Clocks:
    """The clocks of this question; those of the cursor where there is one."""
    parts = parts_of(request)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        bound = cursors.decode(cursor, request)
        await wait_for(parts, bound.position)
        cursors.require_rules(bound, parts.queries.view.current.label)
        date_, position, after = bound.as_of, bound.position, bound.after
    else:
        date_ = today() if as_of is None else read_date("as_of", as_of)
        position, after = await settled_position(parts, known_at), None
    return Clocks(date_, await learn(parts, position, known_at), after)


async def learn(parts: Parts, position: int, asked: str | None = None) -> Known:
    """When a position was recorded and learned; `asked` is the parameter that it was found by."""
    if asked is not None and not asked.isdecimal():
        return await run_in_threadpool(parts.queries.learned_by, position)
    known = parts.queries.known(position)
    return await run_in_threadpool(parts.queries.learn, position) if known is None else known


def ledger_at(request: Request, clocks: Clocks) -> LedgerAt:
    """The ledger that this question is about."""
    return LedgerAt(parts_of(request).queries, clocks.as_of, clocks.position)


Asked = Annotated[Clocks, Depends(clocks)]
