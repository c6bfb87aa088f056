"""`/v1/exemplars`: branches, organizations and offices found by criteria that the question states (典型)."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText, ledger_at
from api.asking.filters import Filtered, key
from api.asking.paging import Limit, T, counted_page
from api.asking.questions import ASK, FIGURES_ONLY, READING, question
from api.assessment.ranking import SMALL_MAX, WhichRate
from api.assessment.scores import OfficesBy
from api.exports.lists import WHOLE, Sheet, taken_away
from api.exports.table_page import table_page
from api.web.answers import PROBLEMS, answer
from api.web.problems import invalid
from api.web.shapes import KnownAt, RateShape, filters_of
from domain.figures.ranking import SMALL_BELOW
from domain.ledger.rates import is_region_prefix
from domain.values.decimals import decimal
from domain.values.terms import Formation, Tier
from services.assessment.exemplars import branches, days_looked_at, offices, organizations
from services.ledger.branches import Wanted
from services.ledger.listing import names_of

router = APIRouter(tags=["assessment"], responses=PROBLEMS)

_MANY = 10_000
_RATIO_PLACES = 4
MonthsAsked = Annotated[
    int,
    Query(
        ge=0, le=36, description="On the date, and on the same day of each of so many months before; of a month's last "
        "day, on the months' last days.",
    ),
]  # fmt: skip
MembersAsked = Annotated[
    int,
    Query(
        ge=0,
        le=_MANY,
        description="Full and probationary members, at least; of a small unit those where its band begins: 1 or 3.",
    ),
]


class ExemplaryBranch(BaseModel):
    """A branch that was in effect on each of the days."""

    branch: str
    name: str
    tier: Tier
    formation: Formation
    region: str
    formed_on: date
    covers_in_all: int = Field(description="active organizations that it or a branch below it covers, each once")


class ExemplaryOrganizationShape(BaseModel):
    """An organization that was effectively covered on each of the days."""

    org: str
    name: str
    region: str


class ExemplaryOfficeShape(BaseModel):
    """A division or body whose rate was at least so much on each of the days."""

    key: dict[str, str | None]
    rate: RateShape
    lowest: RateShape = Field(description="the lowest of the days")


class Exemplars(BaseModel):
    """What all three answers have: the criteria as they were asked, and on which days they were looked at."""

    as_of: date
    known_at: KnownAt
    judged: bool = Field(description="whether an activity policy is in force; without one nobody lives or does not")
    criteria: dict[str, Any]
    days: list[date]
    total: int
    next: str | None


class ExemplaryBranches(Exemplars):
    """Branches by identifier."""

    branches: list[ExemplaryBranch]


class ExemplaryOrganizations(Exemplars):
    """Organizations by identifier."""

    organizations: list[ExemplaryOrganizationShape]


class ExemplaryOffices(Exemplars):
    """Divisions or bodies by key."""

    group_by: list[str]
    offices: list[ExemplaryOfficeShape]


def _paged(request: Request, clocks: Clocks, found: Sequence[T], limit: int) -> tuple[int, Sequence[T], str | None]:
    return counted_page(request, clocks, limit, lambda after, many: (len(found), found[after : after + many]))


def _head(request: Request, clocks: Clocks, months: int, **criteria: object) -> dict[str, Any]:
    return {
        "as_of": clocks.as_of,
        "known_at": clocks.known_at(),
        "judged": ledger_at(request, clocks).is_judged,
        "criteria": {"months": months} | {name: value for name, value in criteria.items() if value is not None},
        "days": days_looked_at(clocks.as_of, months),
    }


@router.get(
    "/v1/exemplars/branches",
    response_model=None,
    responses={200: {"model": ExemplaryBranches}},
    summary="典型党组织 Exemplary branches",
)
@question(READING, "scoped", trail="list", command=ASK)
@taken_away(Sheet("branches", ExemplaryBranch, WHOLE))
def get_branches(  # noqa: PLR0917 - each is a part of the question
    request: Request,
    clocks: Asked,
    months: MonthsAsked = 12,
    members_min: MembersAsked = 3,
    covers_min: Annotated[int, Query(ge=0, le=_MANY, description="Covers at least so many organizations.")] = 1,
    tier: Annotated[Tier | None, Query(description="Only this tier.")] = None,
    region: Annotated[str | None, Query(description="Branches whose region begins so.", max_length=12)] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Branches that were in effect, so had held every meeting that they owe, on the date and in each month before it.

    Example: `/v1/exemplars/branches?as_of=2026-06-30&months=12&members_min=7`
    """
    del cursor  # the clocks carry it
    if region is not None and not is_region_prefix(region):
        raise invalid("query.region", region, "region", "a region prefix is 1 to 12 digits")
    wanted = Wanted(tier=tier, region=region)
    found = branches(ledger_at(request, clocks), wanted, months, members_min, covers_min)
    total, shown, following = _paged(request, clocks, found, limit)
    asked = {"members_min": members_min, "covers_min": covers_min, "tier": tier, "region": region}
    names = tuple(ExemplaryBranch.model_fields)
    return answer(
        {
            **_head(request, clocks, months, **asked),
            "total": total,
            "branches": [{name: getattr(each, name) for name in names} for each in shown],
            "next": following,
        }
    )


@router.get(
    "/v1/exemplars/organizations",
    response_model=None,
    responses={200: {"model": ExemplaryOrganizations}},
    summary="典型单位 Exemplary organizations",
)
@question(READING, "scoped", trail="list", command=ASK)
@taken_away(Sheet("organizations", ExemplaryOrganizationShape, WHOLE))
def get_organizations(  # noqa: PLR0917 - each is a part of the question
    request: Request,
    clocks: Asked,
    filters: Filtered,
    months: MonthsAsked = 12,
    members_min: MembersAsked = 0,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Organizations, not excluded, that a branch in effect covered on the date and in each month before it.

    Example: `/v1/exemplars/organizations?as_of=2026-06-30&months=6&kind=new_social`
    """
    del cursor  # as above
    ledger = ledger_at(request, clocks)
    found = organizations(ledger, filters, months, members_min)
    total, shown, following = _paged(request, clocks, found, limit)
    called = names_of(ledger.queries, [each.org for each in shown], clocks.as_of, clocks.position)
    return answer(
        {
            **_head(request, clocks, months, members_min=members_min, **filters_of(filters)),
            "total": total,
            "organizations": [{"org": each.org, "name": called[each.org], "region": each.region} for each in shown],
            "next": following,
        }
    )


async def ratio(
    least: Annotated[
        str,
        Query(description="A ratio of up to four places.", pattern=r"^(0\.[0-9]{1,4}|0|1|1\.0{1,4})$", max_length=6),
    ] = "0.8",
) -> Fraction:
    """The least rate that is asked for, exactly."""
    return Fraction(least)


@router.get(
    "/v1/exemplars/offices",
    response_model=None,
    responses={200: {"model": ExemplaryOffices}},
    summary="典型地区和机构 Exemplary divisions and bodies",
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("offices", ExemplaryOfficeShape, WHOLE))
def get_offices(  # noqa: PLR0917 - each is a part of the question
    request: Request,
    clocks: Asked,
    filters: Filtered,
    by: OfficesBy,
    least: Annotated[Fraction, Depends(ratio)],
    rate: WhichRate = "effective_coverage",
    months: MonthsAsked = 12,
    small_below: Annotated[int, Query(ge=0, le=SMALL_MAX, description="Over no fewer than so many.")] = SMALL_BELOW,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Divisions or bodies whose rate was at least `least` on the date and in each month before it.

    Example: `/v1/exemplars/offices?as_of=2026-06-30&by=region:9&rate=effective_coverage&least=0.6&months=3`
    """
    del cursor  # as above
    least_of = {"rate": rate, "least": decimal(least, _RATIO_PLACES), "small_below": small_below}
    found = offices(ledger_at(request, clocks), filters, by, rate, least, months, small_below)
    total, shown, following = _paged(request, clocks, found, limit)
    return answer(
        {
            **_head(request, clocks, months, **least_of, **filters_of(filters)),
            "group_by": [by],
            "total": total,
            "offices": [{"key": key((by,), each.key), "rate": each.rate, "lowest": each.lowest} for each in shown],
            "next": following,
        }
    )


table_page(router, "/assessment/exemplars", get_branches)
table_page(router, "/assessment/exemplars/organizations", get_organizations)
table_page(router, "/assessment/exemplars/offices", get_offices)
