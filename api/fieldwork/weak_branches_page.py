"""`/daily/branches`: weak branches as the ledger finds them, and what is done about them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText
from api.asking.paging import Limit
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.fieldwork import weak_branches
from api.fieldwork.measures_page import SECTIONS
from api.fieldwork.weak_branches import found_in, region_prefix
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from services.fieldwork.weak_branches import WEAKNESSES, Weakness, all_rectifications, branches
from services.ledger.listing import names_of

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/daily/branches", response_model=None)
@shows(weak_branches.get, weak_branches.get_rectifications)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    *,
    weakness: Annotated[Weakness | None, Query(description="Only of this sort.")] = None,
    region: Annotated[str | None, Query(description="Branches covering somebody there.", max_length=12)] = None,
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/weak-branches` and `/v1/rectifications` tell, to be read."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    found = found_in(queries, clocks, weakness, region_prefix(region))
    rest = [each for each in found if clocks.after is None or each.branch > str(clocks.after[0])]
    shown, following = page_of(request, clocks, rest[: limit + 1], limit, lambda each: (each.branch,))
    states = branches(queries, [each.branch for each in shown], clocks.as_of, clocks.position)
    # Rectifications name branches of all regions: who is limited to some is not told of them here.
    rectifications = all_rectifications(queries, clocks.as_of, clocks.position)[0] if queries.scope is None else []
    named = branches(queries, [each.branch for each in rectifications], clocks.as_of, clocks.position)
    given: dict[str, Value] = {**page.pinned(clocks), "weakness": weakness, "region": region, "limit": limit}
    return page.render(
        "branches.html",
        clocks=clocks,
        sections=SECTIONS,
        weakness=weakness,
        all_weaknesses=WEAKNESSES,
        region=region,
        total=len(found),
        found=[(each, states[each.branch]) for each in shown],
        names=names_of(queries, [o for each in shown for o in each.could_stand_alone], clocks.as_of, clocks.position),
        open={each.branch: each for each in rectifications if each.closed_on is None},
        rectifications=[(each, named[each.branch]) for each in rectifications],
        next=following,
        api=address("/v1/weak-branches", given),
    )
