"""`/v1/orders`: supervision orders (督办单), whom they are with, and which are owed an answer."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked
from api.asking.questions import ASK, READING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from domain.events.orders import OrderAnswer, OrderGround, OrderOutcome
from domain.fieldwork.orders import Contradiction, Order, State
from services.fieldwork.orders import all_orders, chosen

router = APIRouter(prefix="/v1/orders", tags=["daily work"], responses=PROBLEMS)

HeldBy = Annotated[str | None, Query(description="Only what is with this office.", max_length=80)]
IssuedBy = Annotated[str | None, Query(description="Only what this office has issued.", max_length=80)]
OrderState = Annotated[State | None, Query(description="Only in this state.")]


class RisenShape(BaseModel):
    """An office to which an order rose, and the day."""

    office: str
    on: date


class OrderShape(BaseModel):
    """One order."""

    order: str
    ground: OrderGround
    asks: str
    office: str = Field(description="to which it was issued")
    region: str
    by: str = Field(description="the office that issued it")
    by_region: str | None = Field(description="null: the whole city's")
    held_by: str = Field(description="whom it is with: the last office it has risen to, or the one it was issued to")
    issued_on: date
    due_on: date
    overdue_days: int
    state: State
    since: date = Field(description="the day of its state")
    said: OrderAnswer | None
    remark: str | None
    outcome: OrderOutcome | None
    risen: list[RisenShape] = Field(description="the first first; an order never falls back")
    rises_on: date | None = Field(description="should it be unanswered still; null where it rises no more")
    decided_by: list[int]


class WithoutEffect(BaseModel):
    """An act that contradicts what stands."""

    order: str
    region: str
    contradiction: Contradiction
    position: int


class Orders(BaseModel):
    """Orders, what is owed first."""

    as_of: date
    known_at: KnownAt
    unanswered: int
    overdue: int
    orders: list[OrderShape]
    contradictions: list[WithoutEffect]


@router.get("", response_model=None, responses={200: {"model": Orders}}, summary="督办单 Supervision orders")
@question(READING, "scoped", trail="orders", command=ASK)
@taken_away(Sheet("orders", OrderShape))
def get(
    request: Request, clocks: Asked, *, office: HeldBy = None, by: IssuedBy = None, state: OrderState = None
) -> Response:
    """Orders issued to offices, as their events have them at both clocks.

    An order unanswered at the end of its due date rises to the next office on the day after, and on from there every so
    many days, as it says itself; one sent back is unanswered again, until its new date.

    Example: `/v1/orders?as_of=2024-12-31&state=issued`
    """
    found, wrong = all_orders(parts_of(request).queries, clocks.as_of, clocks.position)
    listed = chosen(found, office, by, state)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            **owed(listed, clocks.as_of),
            "orders": [_shown(each, clocks.as_of) for each in listed],
            "contradictions": wrong,
        }
    )


def owed(found: Sequence[Order], as_of: date) -> dict[str, int]:
    """How many are owed an answer, and how many of these are overdue."""
    unanswered = [each for each in found if each.is_unanswered]
    return {"unanswered": len(unanswered), "overdue": sum(each.overdue_days(as_of) > 0 for each in unanswered)}


def _shown(order: Order, as_of: date) -> dict[str, Any]:
    rises = order.is_unanswered and len(order.risen) < len(order.rises_to)
    told = {name: value for name, value in order._asdict().items() if name not in ("rises_to", "rise_days")}
    return told | {
        "held_by": order.held_by, "overdue_days": order.overdue_days(as_of),
        "rises_on": order.rises_on if rises else None, "risen": [each._asdict() for each in order.risen],
    }  # fmt: skip
