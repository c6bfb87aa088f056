"""`GET /v1/today`: what waits for whoever asks, by role and place."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import decide
from api.asking.clocks import POSITION_MAX, Asked, Clocks, learn
from api.asking.knowledge import earlier
from api.asking.questions import ASK, READING, Not, Question, let_in, question, question_of
from api.exports.lists import Sheet, taken_away
from api.fieldwork import measures, orders
from api.inspection import changes, signals
from api.intake import quarantine
from api.web.answers import PROBLEMS, answer
from api.web.browsers import cookie_name
from api.web.cookies import cookie
from api.web.parts import Parts, parts_of, parts_of_all
from api.web.shapes import KnownAt
from services.assessment.campaigns import knowledge_on
from services.desk.today import (
    ITEMS,
    Item,
    Waiting,
    changes_waiting,
    due_until,
    measures_waiting,
    orders_waiting,
    quarantine_waiting,
    signals_waiting,
)
from services.ledger.known import Known
from services.ledger.ledger_at import LedgerAt
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1/today", tags=["daily work"], responses=PROBLEMS)

# The position up to which this browser's reader has looked.
LOOKED_COOKIE: Final = "taizhang-looked"
# Who has not looked yet is told of so many days.
LOOKED_BACK: Final = timedelta(7)
POSITION_DIGITS_MAX: Final = len(str(POSITION_MAX))
MEASURES: Final[frozenset[Item]] = frozenset(("measures_overdue", "measures_due"))


class WaitingShape(BaseModel):
    """One item that waits."""

    item: Item
    total: int = Field(description="as many as the list behind it has")
    new: int | None = Field(description="of them since the earlier look; null where that says nothing")


class TodayShape(BaseModel):
    """What waits, of each item that the caller may ask for by itself."""

    as_of: date
    known_at: KnownAt
    since: KnownAt
    due_until: date = Field(description="the last day of what is due within the week")
    items: list[WaitingShape]


async def last_look(
    request: Request,
    clocks: Asked,
    since: Annotated[
        str | None,
        Query(
            description="The earlier look: a position of the log (digits), or an RFC 3339 instant. Left out: up to "
            "where this browser has looked, or what was known seven days before `as_of`.",
            max_length=40,
        ),
    ] = None,
) -> Known:
    """The earlier look, settled."""
    if since is not None:
        return await earlier(request, clocks, since)
    parts = parts_of(request)
    kept = cookie(request, cookie_name(parts_of_all(request), LOOKED_COOKIE)) or ""
    # Another program may have written it: what is no position of a log is no look.
    if kept.isdecimal() and len(kept) <= POSITION_DIGITS_MAX:
        return await learn(parts, min(int(kept), clocks.position))
    return await learn(parts, await run_in_threadpool(_a_week_before, parts, clocks))


def _a_week_before(parts: Parts, clocks: Clocks) -> int:
    day = clocks.as_of - LOOKED_BACK
    return min(knowledge_on(parts.queries, parts.recorder, [day])[day], clocks.position)


LastLook = Annotated[Known, Depends(last_look)]


@router.get("", response_model=None, responses={200: {"model": TodayShape}}, summary="今日待办 What waits today")
@question(
    READING, "scoped", trail=Not("lengths of lists, each of which is recorded where it is looked at"), command=ASK
)
@taken_away(Sheet("items", WaitingShape))
def get(
    request: Request,
    clocks: Asked,
    since: LastLook,
    *,
    item: Annotated[list[Item] | None, Query(description="Only these; may repeat. Left out: all.")] = None,
) -> Response:
    """How many measures are overdue or due within the week, orders, signals and messages wait, organizations moved.

    Each number is the length of its own list for the same caller: `/v1/measures?state=overdue`, or
    `?state=due&due_until=…`, `unanswered` of `/v1/orders`, `/v1/changes?since=…`, `/v1/signals`,
    `/v1/quarantine?state=open`. Whoever may not ask for a list is not told how long it is.
    """
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "since": since,
            "due_until": due_until(clocks.as_of),
            "items": waiting(request, clocks, since, item or ITEMS),
        }
    )


def waiting(request: Request, clocks: Clocks, since: Known, items: Collection[Item] = ITEMS) -> list[Waiting]:
    """What waits for the caller; each item within the grants that open its own question."""
    found: list[Waiting] = []
    day, position = clocks.as_of, clocks.position
    if not MEASURES.isdisjoint(items) and (queries := _asked_of(request, measures.get)) is not None:
        found += [each for each in measures_waiting(queries, day, position) if each.item in items]
    if "orders" in items and (queries := _asked_of(request, orders.get)) is not None:
        found.append(orders_waiting(queries, day, position, since.position))
    if "changes" in items and (queries := _asked_of(request, changes.get)) is not None:
        found.append(changes_waiting(LedgerAt(queries, day, position), since.position))
    if "signals" in items and (queries := _asked_of(request, signals.get)) is not None:
        found.append(signals_waiting(queries, day, position, since.position))
    if "quarantine" in items and _asked_of(request, quarantine.list_) is not None:
        found.append(quarantine_waiting(parts_of(request).quarantine, since.recorded_at))
    return found


def _asked_of(request: Request, endpoint: Any) -> Queries | None:  # noqa: ANN401 - an endpoint
    """The questions as the caller may put them to another call; None for whoever may not call it."""
    queries, rule = parts_of(request).queries, question_of(endpoint)
    holders = request.state.holders
    if not isinstance(rule, Question) or not let_in(holders, rule):
        return None
    return queries.within(decide(holders, rule).scope)
