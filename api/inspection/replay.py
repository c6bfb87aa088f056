"""Replay of a region or the whole city, event by event."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.knowledge import Since
from api.asking.paging import Limit, page
from api.asking.questions import BY_HTTP, INSPECTING, Not, question
from api.inspection.changes import ChangeEventShape
from api.web.answers import PROBLEMS, answer
from api.web.shapes import Figures, KnownAt, figures
from domain.figures.comparison import Pair, count_differences
from services.inspection.replay import Step, replay

router = APIRouter(prefix="/v1", tags=["inspection"], responses=PROBLEMS)


class Stepping(ChangeEventShape):
    """One event; `previous` and `next` are the positions of the steps around it, over all pages."""

    previous: int | None
    next: int | None


class ReplayStep(Stepping):
    """One event that changed a row that the filters mean, and the figures as known before and with it."""

    organizations: int = Field(description="rows that it changed")
    before: Figures
    after: Figures
    difference: dict[str, int] = Field(description="by count, those that differ")


class ReplayShape(BaseModel):
    """A stretch of what changed, in order of position, or backwards."""

    as_of: date
    since: KnownAt
    known_at: KnownAt
    steps_in_all: int
    steps: list[ReplayStep]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get("/replay", response_model=None, responses={200: {"model": ReplayShape}}, summary="回放 Replay")
@question(
    INSPECTING,
    "scoped",
    trail="replay",
    command=BY_HTTP,
    page=Not("one step after the other, for programs; /inspection shows what changed"),
    forms=Not("rows of steps, each with two states; /v1/changes has the table"),
)
def get_replay(
    request: Request,
    clocks: Asked,
    since: Since,
    filters: Filtered,
    *,
    direction: Annotated[Literal["forwards", "backwards"], Query(description="In which order to step.")] = "forwards",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Every event between two states of knowledge that changed a row of the date, with the figures around it.

    Without filters the whole city; with `region` one district or township. From one step to the next by its `next`,
    and back by its `previous`.
    Example: `/v1/replay?as_of=2024-12-31&since=0&region=5101&direction=backwards`
    """
    del cursor  # the clocks carry it
    found = replay(
        ledger_at(request, clocks),
        since.position,
        filters,
        after=int(str(clocks.after[0])) if clocks.after else None,
        backwards=direction == "backwards",
        limit=limit + 1,
    )
    shown, following = page(request, clocks, found.steps, limit, lambda each: (each.event.position,))
    return answer(
        {
            "as_of": clocks.as_of,
            "since": since,
            "known_at": clocks.known_at(),
            "steps_in_all": found.steps_in_all,
            "steps": [_step(each) for each in shown],
            "next": following,
        }
    )


def _step(each: Step) -> dict[str, Any]:
    differences = count_differences(Pair(each.after, each.before))
    return {
        **each.event._asdict(),
        "organizations": each.organizations,
        "before": figures(each.before),
        "after": figures(each.after),
        "difference": {name: by for name, by in differences.items() if by},
        "previous": each.previous,
        "next": each.next,
    }
