"""`/daily`: the measures open at uncovered organizations, by office and due date."""

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText
from api.asking.filters import Filtered
from api.asking.paging import Limit
from api.asking.questions import shows
from api.fieldwork import measures, orders
from api.fieldwork.measures import DueUntil, Office, State_, work_page
from api.fieldwork.orders import owed
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.figures import filtered
from api.web.parts import parts_of
from domain.values.terms import KINDS
from services.fieldwork.measures import DUE_DAYS, STATES, open_work
from services.fieldwork.orders import all_orders, chosen

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# The pages of daily work: the text `work.nav.NAME` and the path.
SECTIONS: Final = (
    ("measures", "/daily"), ("orders", "/daily/orders"), ("reminders", "/daily/reminders"),
    ("surveys", "/daily/surveys"), ("lists", "/daily/lists"), ("branches", "/daily/branches"),
    ("instructors", "/daily/instructors"),
    ("matches", "/daily/matches"), ("supervisors", "/daily/supervisors"), ("regions", "/daily/regions"),
)  # fmt: skip


@router.get("/daily", response_model=None)
@shows(measures.get, orders.get)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    filters: Filtered,
    due_until: DueUntil,
    *,
    office: Office = None,
    state: State_ = None,
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/measures` tells, to be read; with how many orders (`/v1/orders`) wait for an answer."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    work = open_work(queries, clocks.as_of, clocks.position, filters).of_office(office).in_state(state)
    work = work.due_until(due_until)
    items, following = work_page(request, clocks, queries, work, limit)
    waiting = chosen(all_orders(queries, clocks.as_of, clocks.position)[0], office, None, None)
    day = None if due_until is None else due_until.isoformat()
    given: dict[str, Value] = {"office": office, "state": state, "due_until": day}
    return page.render(
        "work.html",
        clocks=clocks,
        sections=SECTIONS,
        filters=filters,
        kinds=KINDS,
        office=office,
        state=state,
        due_until=due_until,
        states=STATES,
        due_days=DUE_DAYS,
        tallies=work.tallies(),
        owed=owed(waiting, clocks.as_of),
        total=len(work),
        items=items,
        next=following,
        api=address("/v1/measures", page.pinned(clocks) | filtered(filters) | given | {"limit": limit}),
    )
