"""`GET /v1/rates/vintage`: one rate at period ends down, as known at period ends across."""

from datetime import date, datetime
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking.clocks import MinPosition, learn, reached, read_date, read_instant, settled_position
from api.asking.filters import Filtered
from api.asking.questions import FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import Parts, parts_of
from api.web.problems import invalid
from api.web.shapes import KnownAt, RateShape, knowledge
from domain.ledger.rates import rates
from domain.values.periods import Step, points
from domain.values.terms import RateName
from services.assessment.campaigns import knowledge_on
from services.ledger.known import Known
from services.system.settings import SHANGHAI

router = APIRouter(prefix="/v1/rates", tags=["inspection"], responses=PROBLEMS)

SIDE_MAX: Final = 60


class VintageRow(BaseModel):
    """One date; a cell for each state of knowledge, null where that is earlier than the date."""

    as_of: date
    period: str
    cells: list[RateShape | None]


class Vintage(BaseModel):
    """Dates down, states of knowledge across."""

    rate: RateName
    step: Step
    known: list[KnownAt]
    rows: list[VintageRow]


class CellShape(BaseModel):
    """One cell of the table, as a row of its own."""

    as_of: date
    period: str
    known_position: int
    known_recorded_at: datetime | None
    known_learned_at: datetime | None
    rate: RateShape


def _cells(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells of an answer that have a rate, date by date."""
    return [
        {
            "as_of": each["as_of"], "period": each["period"], "known_position": known["position"],
            "known_recorded_at": known["recorded_at"], "known_learned_at": known["learned_at"], "rate": cell,
        }
        for each in said["rows"]
        for known, cell in zip(said["known"], each["cells"], strict=True)
        if cell is not None
    ]  # fmt: skip


class Column(NamedTuple):
    """A state of knowledge, and the date in Asia/Shanghai whose end it stands for; None before all events."""

    known: Known
    day: date | None


@router.get("/vintage", response_model=None, responses={200: {"model": Vintage}}, summary="版本表 The vintage table")
@question(READING, "scoped", trail=FIGURES_ONLY, command="vintage")
@taken_away(Sheet(_cells, CellShape))
async def get_vintage(
    request: Request,
    filters: Filtered,
    begin: Annotated[str, Query(alias="from", description="The first date, YYYY-MM-DD.", examples=["2024-01-31"])],
    end: Annotated[str, Query(alias="to", description="The last date, YYYY-MM-DD.", examples=["2024-12-31"])],
    *,
    rate: Annotated[RateName, Query(description="Which rate.")] = "organization_coverage",
    step: Annotated[Step, Query(description="The ends of which periods go down.")] = "month",
    known: Annotated[
        list[str] | None,
        Query(
            description="The states of knowledge that go across: positions or RFC 3339 instants; may repeat. Left out: "
            "the last position learned by the end, in Asia/Shanghai, of each date that goes down.",
            max_length=SIDE_MAX,
        ),
    ] = None,
    min_position: MinPosition = None,
) -> Response:
    """A rate that looked good at the deadline and was taken back later falls from left to right in its row.

    At most 60 dates down and 60 states of knowledge across.
    Example: `/v1/rates/vintage?from=2024-01-31&to=2024-12-31&rate=organization_coverage&region=5101`
    """
    await reached(request, min_position)
    parts = parts_of(request)
    first, last = read_date("from", begin), read_date("to", end)
    down = points(first, last, step, SIDE_MAX)
    if not down:
        rule = f"from {begin} to {end} by {step} must be 1 to {SIDE_MAX} dates; take a shorter range or a longer step"
        raise invalid("query.to", end, "range", rule)
    across = [await _given(parts, each) for each in known] if known else await run_in_threadpool(
        _at_the_ends, parts, [point.as_of for point in down]
    )  # fmt: skip

    def cell(as_of: date, column: Column) -> dict[str, Any] | None:
        if column.day is None or column.day < as_of:
            return None
        return rates(parts.queries.rates(as_of, column.known.position, (), filters).total)[rate]._asdict()

    def table() -> list[dict[str, Any]]:
        return [
            {"as_of": p.as_of, "period": p.period, "cells": [cell(p.as_of, column) for column in across]} for p in down
        ]

    return answer(
        {
            "rate": rate,
            "step": step,
            "known": [knowledge(each.known) for each in across],
            "rows": await run_in_threadpool(table),
        }
    )


async def _given(parts: Parts, text: str) -> Column:
    """An instant stands for the day that it lies in, a position for that on which it was learned."""
    known = await learn(parts, await settled_position(parts, text, "known"), text)
    until = known.learned_at if text.isdecimal() else read_instant("known", text)
    return Column(known, None if until is None else until.astimezone(SHANGHAI).date())


def _at_the_ends(parts: Parts, days: list[date]) -> list[Column]:
    """What was known at the end of each day in Asia/Shanghai, or is known now where it is not over."""
    reached, known = parts.queries.position, knowledge_on(parts.queries, parts.recorder, days)
    return [Column(parts.queries.learned_by(min(known[day], reached)), day) for day in days]
