"""`GET /v1/changes`: what changed between two states of knowledge of one date."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText, ledger_at
from api.asking.filters import Filtered, Grouped, key
from api.asking.knowledge import Since
from api.asking.paging import Limit, page
from api.asking.questions import INSPECTING, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.shapes import Figures, KnownAt, ListedRowShape, figures, knowledge, listed_row
from domain.figures.comparison import Pair, count_differences, pairs, rate_differences
from domain.inspection.row_changes import Reason
from domain.ledger.bands import MEMBERS, is_small
from domain.ledger.policy import Policy
from domain.values.clocks import Basis
from services.inspection.changes import Change, changes
from services.ledger.known import Known
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1/changes", tags=["inspection"], responses=PROBLEMS)


class Differences(BaseModel):
    """After less before: counts as numbers, rates in percentage points; null over 0, and where a side has no answer."""

    counts: dict[str, int | None]
    rates: dict[str, str | None] = Field(examples=[{"organization_coverage": "-1.25"}])


class BothSides(BaseModel):
    """Figures on both sides, null where the group had no row, and their difference."""

    before: Figures | None
    after: Figures | None
    difference: Differences


class ChangedGroup(BothSides):
    """One group: its key by dimension."""

    key: dict[str, str | None]


class DaysLate(BaseModel):
    """Days from effective date to recorded date in Asia/Shanghai, of facts; null where there is none."""

    min: int | None
    median: int | None
    max: int | None


class SourceShape(BaseModel):
    """What came from one source."""

    source: str
    events: int = Field(description="events that touched an organization that moved")
    organizations: int = Field(description="organizations that moved and that they touched")
    days_late: DaysLate


class ChangeShape(BaseModel):
    """One organization that moved; rows as of the date, null while not active."""

    org: str
    before: ListedRowShape | None
    after: ListedRowShape | None
    moved: dict[str, int] = Field(
        description="by count: what it adds after less what it added before; members of a small unit are left out"
    )
    positions: list[int] = Field(description="the events in between that touched it; the last 100")


class ChangeEventShape(BaseModel):
    """An event through which something changed."""

    position: int
    source: str
    id: str
    type: str
    subject: str | None
    reason: Reason = Field(description="late_fact: learned on a later day than it is effective on")
    effective_on: date | None = Field(description="of a correction its replacement's, of a retraction its target's")
    recorded_at: datetime
    learned_at: datetime
    basis: Basis = Field(description="what learned_at and days_late rest on")
    days_late: int | None = Field(description="from effective date to the date of learned_at in Asia/Shanghai")


class ChangesShape(BaseModel):
    """What changed; organizations by identifier."""

    as_of: date
    since: KnownAt
    known_at: KnownAt
    group_by: list[str]
    groups: list[ChangedGroup]
    total: BothSides
    organizations_moved: int
    sources: list[SourceShape]
    organizations: list[ChangeShape]
    events: dict[int, ChangeEventShape] = Field(description="by position: the events of this page's organizations")
    next: str | None = Field(description="`cursor` of the next page of organizations; null on the last")


def both_sides(pair: Pair) -> dict[str, Any]:
    """Before (`other`) and after (`this`), as answers show them."""
    return {
        "before": None if pair.other is None else figures(pair.other),
        "after": None if pair.this is None else figures(pair.this),
        "difference": {"counts": count_differences(pair), "rates": rate_differences(pair)},
    }


def told_moves(each: Change, before: Policy, after: Policy) -> dict[str, int]:
    """By count how much an organization moved it; of a small unit's members, on either side, nothing is told."""
    sides = ((each.before, before), (each.after, after))
    small = any(row is not None and is_small(row, policy) for row, policy in sides)
    return {name: moved for name, moved in each.moved.items() if not small or name not in MEMBERS}


def shown_change(each: Change, before: Policy, after: Policy) -> dict[str, Any]:
    """An organization that moved, as answers show it; the policies of both sides say of whom members are in bands."""
    return {
        **each._asdict(),
        "moved": told_moves(each, before, after),
        "before": None if each.before is None else listed_row(each.before, before),
        "after": None if each.after is None else listed_row(each.after, after),
    }


@router.get("", response_model=None, responses={200: {"model": ChangesShape}}, summary="变动 What changed since")
@question(INSPECTING, "scoped", trail="changes", command="changes")
@taken_away(Sheet("organizations", ChangeShape, 10_000))
def get(
    request: Request,
    clocks: Asked,
    since: Since,
    filters: Filtered,
    group_by: Grouped,
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """One date as known at two moments: counts and rates on both sides, who moved, by which events, how late.

    An organization has moved if a count or a dimension of its row differs. The filters mean rows on each side.
    Example: `/v1/changes?as_of=2024-12-31&since=2025-01-05T09:00:00%2B08:00&group_by=region:6`
    """
    del cursor  # the clocks carry it
    ledger = ledger_at(request, clocks)
    earlier = ledger.as_known_at(since.position)
    left, right = (each.rates(group_by, filters) for each in (earlier, ledger))
    after = str(clocks.after[0]) if clocks.after else None
    found = changes(ledger, since.position, filters, after=after, limit=limit + 1)
    shown, following = page(request, clocks, found.page, limit, lambda each: (each.org,))
    on_page = {position for each in shown for position in each.positions}
    groups = pairs(right.groups, left.groups)
    return answer(
        {
            **_head(ledger.queries, clocks, since),
            "group_by": group_by,
            "groups": [{"key": key(group_by, values), **both_sides(pair)} for values, pair in groups.items()],
            "total": both_sides(Pair(right.total, left.total)),
            "organizations_moved": found.organizations_moved,
            "sources": [
                {
                    "source": each.source, "events": each.events, "organizations": each.organizations,
                    "days_late": dict(zip(("min", "median", "max"), each[3:], strict=True)),
                }
                for each in found.sources
            ],
            "organizations": [shown_change(each, earlier.policy, ledger.policy) for each in shown],
            "events": {p: event for p, event in found.events.items() if p in on_page},
            "next": following,
        }
    )  # fmt: skip


def _head(queries: Queries, clocks: Clocks, since: Known) -> dict[str, Any]:
    known = queries.learned_since(since.position, clocks.known)
    return {"as_of": clocks.as_of, "since": knowledge(since), "known_at": knowledge(known)}
