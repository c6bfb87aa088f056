"""`/assessment/compare`: two pairs of clocks side by side; `/assessment/what-if`: two policies."""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, Clocks
from api.asking.filters import Filtered
from api.asking.questions import shows
from api.assessment import compare, ranking
from api.assessment import what_if as what_if_api
from api.assessment.compare import other_clocks
from api.assessment.what_if import supposition
from api.site.addresses import Value, address
from api.site.base import Page, Paged, tidy
from api.site.figures import By, dimension_of, filtered
from api.web.parts import parts_of
from domain.figures.comparison import Pair, count_differences, pairs, rate_differences
from domain.figures.contributions import contributions
from domain.ledger.rates import RATES, Counts, Filters, Key, Rate, rates
from domain.values.periods import months_before
from domain.values.terms import FORMATIONS, RateName
from services.assessment.what_if import Supposition, what_if

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# The counts that the whole is compared by, beside its rates.
COUNTED: Final = ("organizations", "organization_covered", "work_covered", "eligible", "eligible_covered", "excluded")
By_ = Annotated[By, Query(description="What the table is broken down by.")]
Rate_ = Annotated[RateName, Query(description="The rate that the table shows.")]


class Side(NamedTuple):
    """One group on both sides, None where a side lacks it, and the difference in percentage points.

    `part` is what the group contributes to the difference of the whole, in points; as shown, the parts add up to it.
    """

    key: str | None
    this: Rate | None
    other: Rate | None
    points: str | None
    part: str | None


class Whole(NamedTuple):
    """The whole on both sides: each rate with its difference in points, each count with its difference."""

    rates: list[tuple[str, Rate, Rate, str | None]]
    counts: list[tuple[str, int, int, int | None]]


def sides(this: Mapping[Key, Counts], other: Mapping[Key, Counts], rate: RateName) -> list[Side]:
    """The groups of both sides, sorted by key, null last."""
    here, there = ({key: rates(counts)[rate] for key, counts in side.items()} for side in (this, other))
    parts = contributions(there, here)
    return [
        Side(
            key[0],
            here.get(key),
            there.get(key),
            rate_differences(pair)[rate],
            None if parts is None else parts.groups[key].points,
        )
        for key, pair in pairs(this, other).items()
    ]


def whole(this: Counts, other: Counts) -> Whole:
    """Both wholes side by side."""
    pair = Pair(this, other)
    gaps, moved = rate_differences(pair), count_differences(pair)
    left, right = this._asdict(), other._asdict()
    return Whole(
        [(name, rates(this)[name], rates(other)[name], gaps[name]) for name in RATES],
        [(name, left[name], right[name], moved[name]) for name in COUNTED],
    )


@router.get("/assessment/compare", response_model=None)
@shows(compare.get_compare, ranking.get_contributions)
def get_compare(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: Asked,
    other: Annotated[Clocks, Depends(other_clocks)],
    filters: Filtered,
    rate: Rate_ = "organization_coverage",
    by: By_ = "region",
) -> HTMLResponse:
    """The same figures as `/v1/rates/compare`, as a table."""
    queries = parts_of(request).queries
    dimension = dimension_of(queries, clocks, filters, by)
    group_by = () if dimension is None else (dimension,)
    here = queries.rates(clocks.as_of, clocks.position, group_by, filters)
    there = queries.rates(other.as_of, other.position, group_by, filters)
    there_pinned: dict[str, Value] = {"as_of": other.as_of.isoformat(), "known_at": other.position}
    return page.render(
        "compare.html",
        clocks=clocks,
        other=other,
        filters=filters,
        rate=rate,
        by=by,
        dimension=dimension,
        whole=whole(here.total, there.total),
        sides=sides(here.groups, there.groups, rate) if dimension else [],
        behind=page.pinned(clocks) | filtered(filters),
        behind_other=there_pinned | filtered(filters),
        year_before=months_before(clocks.as_of, 12),
        api=_api(
            page, clocks, filters, "/v1/rates/compare",
            {"other_as_of": other.as_of.isoformat(), "other_known_at": other.position, "group_by": dimension},
        ),
    )  # fmt: skip


@router.get("/assessment/what-if", response_model=None)
@shows(what_if_api.get_what_if)
def get_what_if(  # noqa: PLR0917 - each is a part of the address
    request: Request,
    page: Paged,
    clocks: Asked,
    supposed: Annotated[Supposition, Depends(supposition)],
    filters: Filtered,
    rate: Rate_ = "organization_coverage",
    by: By_ = "region",
) -> HTMLResponse:
    """The same figures as `/v1/rates/what-if`, as a table; nothing is stored."""
    queries = parts_of(request).queries
    dimension = dimension_of(queries, clocks, filters, by)
    found = what_if(
        queries, clocks.as_of, clocks.position, supposed, () if dimension is None else (dimension,), filters
    )
    given: dict[str, Value] = {
        "full_members_for_branch": supposed.full_members_for_branch,
        "employees_for_branch": supposed.employees_for_branch,
        "formations_counted": supposed.formations_counted,
        "exclusions_ignored": "true" if supposed.exclusions_ignored else None,
    }
    return page.render(
        "what_if.html",
        clocks=clocks,
        filters=filters,
        rate=rate,
        by=by,
        dimension=dimension,
        supposed=supposed,
        in_force=found.in_force.policy,
        policy=found.supposed.policy,
        formations=FORMATIONS,
        whole=whole(found.supposed.total, found.in_force.total),
        sides=sides(found.supposed.groups, found.in_force.groups, rate) if dimension else [],
        behind=page.pinned(clocks) | filtered(filters),
        api=_api(page, clocks, filters, "/v1/rates/what-if", {**given, "group_by": dimension}),
    )


def _api(page: Page, clocks: Clocks, filters: Filters, path: str, parameters: Mapping[str, Value]) -> str:
    return address(path, page.pinned(clocks) | filtered(filters) | dict(parameters))
