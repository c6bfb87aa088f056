"""Events that the service itself publishes in the name of whoever asked for them."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from fastapi import Request
from psycopg import Cursor
from psycopg.rows import TupleRow

from api.web.parts import Parts, parts_of
from api.web.problems import Problem, faults
from services.intake.in_turn import Grounds, act_on
from services.log.messages import Message, Publisher, Receipt
from services.log.turns import Turn
from services.system.errors import StoreUnavailableError

# How often one that waits looks whether the database still answers.
LOOK_S: Final = 0.5
# What is left to do for so many is less than to wait for a seat.
FEW: Final = 20


def messages_of(request: Request, sender: Publisher, events: Sequence[bytes], begin: int = 0) -> list[Message]:
    """Events as messages of this request, in the sender's name; `begin` is the first one's index in the request."""
    identity = request.state.request_id
    return [
        Message(raw, {"channel": "http", "request": identity, "index": index}, sender)
        for index, raw in enumerate(events, begin)
    ]


async def submit(request: Request, sender: Publisher, events: Sequence[bytes], begin: int = 0) -> list[Receipt]:
    """What became of each, in order, once it is durable; `begin` is the first one's index in the request."""
    messages = messages_of(request, sender, events, begin)
    return await receipts_of(parts_of(request), messages)


async def receipts_of(parts: Parts, messages: Sequence[Message]) -> list[Receipt]:
    """What became of messages, once it is durable; their commit is many requests', and no work of this one.

    Raises:
        StoreUnavailableError: the database does not answer, or its network does not.
    """
    loop = asyncio.get_running_loop()
    submitted = parts.group_commit.submit(messages)
    answer = parts.awaited.wait_for(submitted)
    away: list[StoreUnavailableError] = []
    next_look: asyncio.TimerHandle

    def look() -> None:
        nonlocal next_look
        try:
            parts.group_commit.check()
        except StoreUnavailableError as error:
            away.append(error)
            answer.cancel()
        else:
            next_look = loop.call_later(LOOK_S, look)

    next_look = loop.call_later(LOOK_S, look)
    try:
        at_work_for = parts.seat.give_back()
        receipts = await answer
        if at_work_for is not None and len(messages) > FEW:
            await parts.seat.take(at_work_for)
    except asyncio.CancelledError:
        if away:
            raise away[0] from None
        raise
    finally:
        next_look.cancel()
        submitted.cancel()  # nothing where it has come; what still waits in the queue has nobody to hear of it
    return receipts


async def publish(request: Request, sender: Publisher, event: bytes) -> int:
    """One event's position.

    Raises:
        Problem: 400, intake refuses it; it lies in quarantine with the same reasons.
    """
    (receipt,) = await submit(request, sender, [event])
    if receipt.position is None:
        raise Problem(
            "invalid-request",
            f"{receipt.reasons[0].message}; it is kept in quarantine under {receipt.quarantine_id}",
            errors=faults(receipt.reasons),
        )
    return receipt.position


class Draft(Protocol):
    """An act of an office made ready: its event, what it was decided on, and what decides in the turn."""

    event: bytes
    grounds: Grounds

    def check(self, cursor: Cursor[TupleRow], turn: Turn) -> None:
        """Refuse it by raising."""


def publish_act(request: Request, sender: Publisher, draft: Draft) -> int:
    """Publish an act's one event, decided in the writer's turn; its position.

    Raises:
        CameSinceError, ActRefusedError: and what else the draft's check raises; nothing is stored.
    """
    messages = messages_of(request, sender, [draft.event])
    (receipt,) = act_on(parts_of(request).intake, draft.grounds, messages, draft.check)
    assert receipt.position is not None  # noqa: S101 - what an act publishes is in the log
    return receipt.position
