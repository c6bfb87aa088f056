"""`/daily/reminders`: what is due soon or overdue, and which of it `taizhang reminders` has sent when."""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.access import Reading
from api.clocks import Asked, CursorText
from api.filters import Filtered
from api.pages.addresses import address
from api.pages.base import Paged, tidy
from api.pages.figures import filtered
from api.pages.work import SECTIONS
from api.paging import Limit
from api.parts import parts_of
from api.routes.measures import Office, work_page
from domain.terms import KINDS
from services.measures import DUE_DAYS, open_work
from services.reminders import reminder_of, told_at

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

Pressing = Literal["due", "overdue"]


@router.get("/daily/reminders", response_model=None)
def get(
    request: Request,
    page: Paged,
    _: Reading,
    clocks: Asked,
    filters: Filtered,
    *,
    office: Office = None,
    state: Annotated[Pressing | None, Query(description="Only those that are due, or overdue.")] = None,
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/measures/reminders` tells, to be read, and when each was sent."""
    del cursor  # the clocks carry it
    parts = parts_of(request)
    queries, topic = parts.queries.pinned(), parts.settings.kafka_reminder_topic
    work = open_work(queries, clocks.as_of, clocks.position, filters).of_office(office).pressing().in_state(state)
    items, following = work_page(request, clocks, queries, work, limit)
    found = [reminder_of(item, name, clocks.as_of, clocks.position) for item, name in items]
    # An id says nothing of an organization, and these are of those in sight.
    with queries.everywhere().connection() as connection:
        told = told_at(connection, topic, found)
    return page.render(
        "reminders.html",
        clocks=clocks,
        sections=SECTIONS,
        filters=filters,
        kinds=KINDS,
        office=office,
        state=state,
        states=get_args(Pressing),
        due_days=DUE_DAYS,
        topic=topic,
        total=len(work),
        reminders=[
            (item, name, each.since, told.get(each.id)) for (item, name), each in zip(items, found, strict=True)
        ],
        next=following,
        api=address("/v1/measures/reminders", page.pinned(clocks) | filtered(filters) | {"office": office}),
    )
