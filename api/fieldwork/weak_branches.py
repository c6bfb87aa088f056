"""`/v1/weak-branches` and `/v1/rectifications`: weak branches as the ledger finds them, and what is done about them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText
from api.asking.paging import Limit, page
from api.asking.questions import ASK, READING, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import KnownAt
from domain.ledger.rates import is_region_prefix
from services.fieldwork.weak_branches import WeakBranch, Weakness, all_rectifications, branches, weak_branches
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1", tags=["daily work"], responses=PROBLEMS)


class WeakBranchShape(BaseModel):
    """One weak branch."""

    branch: str
    name: str | None
    tier: str | None
    region: str | None
    formation: str
    covers: int = Field(description="active organizations")
    full_members: int = Field(description="at these organizations")
    weaknesses: list[Weakness]
    could_stand_alone: list[str] = Field(description="eligible organizations without a branch of their own")
    rectification: str | None = Field(description="the one that is open")


class WeakBranches(BaseModel):
    """One page of weak branches, by name."""

    as_of: date
    known_at: KnownAt
    total: int
    branches: list[WeakBranchShape]
    next: str | None


@router.get(
    "/weak-branches",
    response_model=None,
    responses={200: {"model": WeakBranches}},
    summary="组织设置提示 Notices on the setting of branches",
)
@question(READING, "scoped", trail="weak_branches", command="weak-branches")
@taken_away(Sheet("branches", WeakBranchShape, WHOLE))
def get(
    request: Request,
    clocks: Asked,
    *,
    weakness: Annotated[Weakness | None, Query(description="Only of this sort.")] = None,
    region: Annotated[str | None, Query(description="Branches covering somebody there.", max_length=12)] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """What is noticed of how branches are set up, at both clocks.

    - `could_stand_alone`: a joint or affiliated branch covers organizations that are eligible and have no branch of
      their own.
    - `below_threshold`: the organizations that a branch covers have fewer full members together than the policy asks
      for to form a branch; `without_members`: no member at all.
    - `joint_over_many`: it covers more than five jointly. `standalone_over_several`: it is the own one of several.
    - `committee_covers`: a committee that covers organizations itself. `tier_not_carried`: a general branch of fewer
      than 50, or a committee of fewer than 100 full and probationary members, with those below it.

    Nothing of it is held against anybody.
    """
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    found = found_in(queries, clocks, weakness, region_prefix(region))
    rest = [each for each in found if clocks.after is None or each.branch > str(clocks.after[0])]
    shown, following = page(request, clocks, rest[: limit + 1], limit, lambda each: (each.branch,))
    states = branches(queries, [each.branch for each in shown], clocks.as_of, clocks.position)
    under_way = {
        each.branch: each.rectification
        for each in all_rectifications(queries, clocks.as_of, clocks.position)[0]
        if each.closed_on is None
    }
    listed: list[dict[str, Any]] = []
    for each in shown:
        state = states[each.branch]
        own = {"name": state.name, "tier": state.tier, "region": state.region}
        listed.append({**each._asdict(), **own, "rectification": under_way.get(each.branch)})
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "total": len(found),
            "branches": listed,
            "next": following,
        }
    )


def region_prefix(region: str | None) -> str | None:
    """A region prefix as the query has it, checked."""
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    return region


def found_in(queries: Queries, clocks: Clocks, weakness: Weakness | None, region: str | None) -> list[WeakBranch]:
    """The weak branches of a sort and of a region; None for all."""
    found = weak_branches(queries, clocks.as_of, clocks.position, region)
    return [each for each in found if weakness is None or weakness in each.weaknesses]


class RectificationShape(BaseModel):
    """One rectification."""

    rectification: str
    branch: str
    grounds: list[str]
    plan: str
    office: str
    opened_on: date
    due_on: date
    closed_on: date | None
    outcome: str | None
    reason: str | None
    decided_by: list[int]


class ContradictedShape(BaseModel):
    """A fact without effect."""

    rectification: str
    contradiction: str
    position: int


class Rectifications(BaseModel):
    """All rectifications opened by the date."""

    as_of: date
    known_at: KnownAt
    open: int
    overdue: int
    rectifications: list[RectificationShape]
    contradictions: list[ContradictedShape]


@router.get(
    "/rectifications", response_model=None, responses={200: {"model": Rectifications}}, summary="整顿 Rectifications"
)
@question(READING, "whole", trail="weak_branches", command=ASK)
@taken_away(Sheet("rectifications", RectificationShape))
def get_rectifications(request: Request, clocks: Asked) -> Response:
    """Rectifications opened and closed, as the offices' events have them at both clocks."""
    found, wrong = all_rectifications(parts_of(request).queries, clocks.as_of, clocks.position)
    unfinished = [each for each in found if each.closed_on is None]
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "open": len(unfinished),
            "overdue": sum(each.due_on < clocks.as_of for each in unfinished),
            "rectifications": found,
            "contradictions": wrong,
        }
    )
