"""Events that the service itself publishes in the name of whoever asked for them."""

import asyncio
from collections.abc import Sequence

from fastapi import Request

from api.web.parts import parts_of
from api.web.problems import Problem, faults
from services.log.messages import Message, Publisher, Receipt


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
    receipts: list[Receipt] = await asyncio.wrap_future(parts_of(request).group_commit.submit(messages))
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
