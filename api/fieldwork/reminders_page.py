"""`/daily/reminders`: what is due soon or overdue, and which of it `taizhang reminders` has sent when."""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText
from api.asking.filters import Filtered
from api.asking.paging import Limit
from api.asking.questions import shows
from api.fieldwork import measures
from api.fieldwork.measures import Office, work_page
from api.fieldwork.measures_page import SECTIONS
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.site.figures import filtered
from api.web.parts import parts_of
from domain.values.terms import KINDS
from services.fieldwork.measures import DUE_DAYS, open_work
from services.fieldwork.reminders import reminder_of, told_at

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

Pressing = Literal["due", "overdue"]


@router.get("/daily/reminders", response_model=None)
@shows(measures.get_reminders)
def get(
    request: Request,
    page: Paged,
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
    queries, topic = parts.queries, parts.settings.kafka_reminder_topic
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
