"""`/work`: the measures open at uncovered organizations, by office and due date."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.access import Reading
from api.clocks import Asked, CursorText
from api.filters import Filtered
from api.pages.addresses import Value, address
from api.pages.base import Paged, tidy
from api.pages.figures import filtered
from api.paging import Limit
from api.paging import page as page_of
from api.parts import parts_of
from api.routes.measures import Office, names
from domain.terms import KINDS
from services.measures import DUE_DAYS, STATES, State, item_key, open_items, tallies

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/work", response_model=None)
def get(
    request: Request,
    page: Paged,
    _: Reading,
    clocks: Asked,
    filters: Filtered,
    *,
    office: Office = None,
    state: Annotated[State | None, Query(description="due: within 30 days; overdue: past its due date.")] = None,
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/measures` tells, to be read."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries.pinned()
    work = open_items(queries, clocks.as_of, clocks.position, filters)
    items = [i for i in work.items if office in (None, i.office) and state in (None, i.state)]
    rest = [i for i in items if clocks.after is None or item_key(i) > tuple(clocks.after)]
    shown, following = page_of(request, clocks, rest[: limit + 1], limit, item_key)
    given: dict[str, Value] = {"office": office, "state": state}
    return page.render(
        "work.html",
        clocks=clocks,
        filters=filters,
        kinds=KINDS,
        office=office,
        state=state,
        all_states=STATES,
        due_days=DUE_DAYS,
        tallies=tallies(items),
        total=len(items),
        items=list(zip(shown, names(queries, shown), strict=True)),
        next=following,
        api=address("/v1/measures", page.pinned(clocks) | filtered(filters) | given | {"limit": limit}),
    )
