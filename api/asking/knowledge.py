"""The earlier of two states of knowledge: the parameter `since`."""

from typing import Annotated

from fastapi import Depends, Query, Request

from api.asking.clocks import Asked, learn, settled_position
from api.web.parts import parts_of
from api.web.problems import invalid
from services.ledger.known import Known


async def earlier(
    request: Request,
    clocks: Asked,
    since: Annotated[
        str,
        Query(
            description="The earlier state of knowledge: a position of the log (digits), or an RFC 3339 instant.",
            max_length=40,
            examples=["0"],
        ),
    ],
) -> Known:
    """`since`, settled; not later than `known_at`."""
    parts = parts_of(request)
    position = await settled_position(parts, since, "since")
    if position > clocks.position:
        rule = f"since must not be later than known_at, which is position {clocks.position}"
        raise invalid("query.since", since, "since_after_known_at", rule)
    return await learn(parts, position, since)


Since = Annotated[Known, Depends(earlier)]


async def earlier_if_any(
    request: Request,
    clocks: Asked,
    since: Annotated[
        str | None,
        Query(
            description="Only what an event after this state of knowledge bears on: a position of the log (digits), or "
            "an RFC 3339 instant.",
            max_length=40,
        ),
    ] = None,
) -> int | None:
    """`since` as a position, None where it is left out."""
    return None if since is None else (await earlier(request, clocks, since)).position


SinceIfAny = Annotated[int | None, Depends(earlier_if_any)]
