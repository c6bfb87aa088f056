"""`/ledger`: the ledger's rows, found by name, code, region, trade, measure and coverage."""

from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.paging import PAGE_MAX
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.ledger import organizations
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.site.figures import filtered
from api.web.parts import parts_of
from domain.ledger.bands import bands
from domain.values.terms import CATEGORIES_OF_KIND, FORMATIONS, KINDS, MEASURES
from services.ledger.listing import SORTS, ListKey, Sort, listing

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

SECTIONS: Final = "ABCDEFGHIJKLMNOPQRST"


@router.get("/ledger", response_model=None)
@shows(organizations.list_)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    *,
    q: Annotated[str | None, Query(description="A part of the name or of the identifier.", max_length=100)] = None,
    sort: Annotated[Sort, Query(description="The order.")] = "org",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """The same rows as `/v1/organizations` gives for the same parameters."""
    del cursor  # the clocks carry it
    queries, policy = parts_of(request).queries, ledger_at(request, clocks).policy
    after = ListKey(*cast("tuple[int, str]", clocks.after)) if clocks.after else None
    found = listing(
        queries, clocks.as_of, clocks.position, filters, part=q, sort=sort, after=after, limit=limit + 1
    )  # fmt: skip
    shown, following = page_of(request, clocks, found, limit, lambda each: each.key)
    # How many a part of a name finds would take reading them all.
    total = None if q else queries.rates(clocks.as_of, clocks.position, (), filters).total.registered
    return page.render(
        "ledger.html",
        clocks=clocks,
        filters=filters,
        q=q,
        sort=sort,
        sorts=SORTS,
        rows=[(each.row, bands(each.row, policy)) for each in shown],
        total=total,
        next=following,
        kinds=KINDS,
        categories=CATEGORIES_OF_KIND,
        formations=FORMATIONS,
        measures=MEASURES,
        sections=SECTIONS,
        log_is_empty=queries.position == 0,
        behind=page.pinned(clocks) | filtered(filters),
        api=address("/v1/organizations", page.pinned(clocks) | filtered(filters) | {"q": q, "sort": sort}),
    )
