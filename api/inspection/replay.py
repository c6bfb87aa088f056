"""Replay of a region or the whole city, and of one branch, event by event."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.knowledge import Since
from api.asking.paging import Limit, page
from api.asking.questions import BY_HTTP, INSPECTING, Not, question
from api.inspection.changes import ChangeEventShape
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.problems import invalid
from api.web.shapes import Figures, KnownAt, figures
from domain.figures.comparison import Pair, count_differences
from domain.ledger.branches import Branch
from domain.values.codes import CodeError, check_named
from domain.values.terms import Formation
from services.inspection.replay import BranchStep, Step, branch_history, replay

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


class BranchState(BaseModel):
    """A branch as it stands on the date."""

    name: str | None
    tier: str | None
    formation: str | None
    region: str | None
    covers: list[str]
    pairs: dict[str, Formation] = Field(description="of those covered otherwise than by the branch's own formation")
    groups: int = Field(description="党小组 groups that it says it has")


class BranchStepShape(Stepping):
    """One event that speaks of the branch, and its state before and after; null while not formed."""

    before: BranchState | None
    after: BranchState | None


class BranchHistory(BaseModel):
    """One page of a branch's history, in order of position."""

    as_of: date
    known_at: KnownAt
    branch: str
    events: list[BranchStepShape]
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


@router.get(
    "/branches/{branch}/history",
    response_model=None,
    responses={200: {"model": BranchHistory}, **NOT_FOUND},
    summary="党组织的变更记录 Every event that speaks of a branch",
)
@question(
    INSPECTING,
    "scoped",
    trail="history",
    command=BY_HTTP,
    page=Not("a branch has no page of its own; its organizations' dossiers name it"),
    forms=Not("rows of steps, each with two states; /v1/audit?subject= has the table"),
)
def get_branch_history(
    request: Request,
    branch: Annotated[str, Path(description="`branch:…`", max_length=100, examples=["branch:example-1"])],
    clocks: Asked,
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """In order of position, each with the branch's state on `as_of` before and after the event was known."""
    del cursor  # the clocks carry it
    try:
        check_named(branch, "branch")
    except CodeError as error:
        raise invalid("path.branch", branch, error.rule, str(error)) from None
    after = int(str(clocks.after[0])) if clocks.after else 0
    found = branch_history(ledger_at(request, clocks), branch, after=after, limit=limit + 1)
    shown, following = page(request, clocks, found, limit, lambda each: (each.event.position,))
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at(), "branch": branch}
    return answer({**head, "events": [_branch_step(each) for each in shown], "next": following})


def _branch_step(each: BranchStep) -> dict[str, Any]:
    states = {"before": _state(each.before), "after": _state(each.after)}
    return {**each.event._asdict(), **states, "previous": each.previous, "next": each.next}


def _state(branch: Branch | None) -> dict[str, Any] | None:
    return None if branch is None else {**branch._asdict(), "pairs": dict(sorted(branch.pairs))}
