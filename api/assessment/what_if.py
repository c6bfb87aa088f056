"""`GET /v1/rates/what-if`: the same history under another policy, beside the policy in force."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked
from api.asking.filters import Filtered, Grouped, key
from api.asking.questions import FIGURES_ONLY, READING, question
from api.assessment.compare import Differences
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import Evidence, Figures, KnownAt, figures
from domain.figures.comparison import Pair, count_differences, pairs, rate_differences
from domain.values.fields import EMPLOYEES_MAX
from domain.values.terms import FORMATIONS, Formation, MembersCounted
from services.assessment.what_if import Supposition, what_if

router = APIRouter(prefix="/v1/rates", tags=["assessment"], responses=PROBLEMS)

Threshold = Annotated[int | None, Query(ge=1, le=EMPLOYEES_MAX, description="Left out: as in force.")]


class PolicyShape(BaseModel):
    """What the campaign asks for."""

    full_members_for_branch: int
    employees_for_branch: int
    formations_counted: list[Formation]
    members_counted: MembersCounted
    small_unit: int


class Supposed(BaseModel):
    """Figures in force and supposed; null on a side that does not have the group."""

    in_force: Figures | None
    supposed: Figures | None
    differences: Differences = Field(description="supposed less in force")


class SupposedGroup(Supposed):
    """One group on both sides."""

    key: dict[str, str | None]


class WhatIfShape(BaseModel):
    """Two policies side by side; nothing is stored."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    in_force: PolicyShape
    supposed: PolicyShape
    exclusions_ignored: bool
    group_by: list[str]
    groups: list[SupposedGroup] = Field(description="those of both sides, sorted by key, null last")
    total: Supposed


def supposition(
    *,
    full_members_for_branch: Threshold = None,
    employees_for_branch: Threshold = None,
    formations_counted: Annotated[
        list[Formation] | None, Query(description="The formations that count; may repeat. Left out: as in force.")
    ] = None,
    exclusions_ignored: Annotated[bool, Query(description="Count the excluded like all others.")] = False,
    members_counted: Annotated[
        MembersCounted | None,
        Query(description="Whose relation makes eligible. Left out: as in force."),
    ] = None,
    small_unit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="As the policy has it; it decides no figure of a group.")
    ] = None,
) -> Supposition:
    """What this question supposes."""
    counted = tuple(each for each in FORMATIONS if each in formations_counted) if formations_counted else None
    return Supposition(
        full_members_for_branch, employees_for_branch, counted, exclusions_ignored, members_counted, small_unit
    )


@router.get(
    "/what-if", response_model=None, responses={200: {"model": WhatIfShape}}, summary="假设 Under another policy"
)
@question(READING, "scoped", trail=FIGURES_ONLY, command="what-if")
@taken_away(Sheet("groups", SupposedGroup, total=True))
def get_what_if(
    request: Request,
    clocks: Asked,
    supposed: Annotated[Supposition, Depends(supposition)],
    filters: Filtered,
    group_by: Grouped,
) -> Response:
    """Counts and rates as they are, and as they would be under other thresholds, formations or without exclusions.

    Filters on what the policy decides (`measure`, `eligible`) mean the rows under each side's own policy.

    Example: `/v1/rates/what-if?as_of=2024-12-31&full_members_for_branch=5&formations_counted=standalone&group_by=kind`
    """
    queries = parts_of(request).queries
    found = what_if(queries, clocks.as_of, clocks.position, supposed, group_by, filters)
    both = pairs(found.supposed.groups, found.in_force.groups)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": queries.evidence(clocks.position),
            "in_force": found.in_force.policy,
            "supposed": found.supposed.policy,
            "exclusions_ignored": supposed.exclusions_ignored,
            "group_by": group_by,
            "groups": [{"key": key(group_by, values), **_sides(pair)} for values, pair in both.items()],
            "total": _sides(Pair(found.supposed.total, found.in_force.total)),
        }
    )


def _sides(pair: Pair) -> dict[str, Any]:
    return {
        "in_force": None if pair.other is None else figures(pair.other),
        "supposed": None if pair.this is None else figures(pair.this),
        "differences": {"counts": count_differences(pair), "rates": rate_differences(pair)},
    }
