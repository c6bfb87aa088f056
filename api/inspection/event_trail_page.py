"""`/inspection/events`: the trail of events by subject, source, type, effective and recorded range, position."""

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText
from api.asking.paging import Limit
from api.asking.questions import shows
from api.inspection import event_trail
from api.inspection.changes_page import SECTIONS
from api.inspection.event_trail import TrailQuestion, known_over, trail_page
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.events.types import EVENT_TYPES

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

#: What the page's form asks for; the rest of the question stays in the address.
FIELDS: Final = ("subject", "source", "type", "effective_from", "effective_to", "position_from")
RECORDED: Final = ("recorded_from", "recorded_to")


@router.get("/inspection/events", response_model=None)
@shows(event_trail.get_audit)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    asked: TrailQuestion,
    *,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/audit` tells, to be read."""
    del cursor  # the clocks carry it
    events, following = trail_page(request, parts_of(request).queries, asked, clocks, limit)
    asked_for: dict[str, Value] = {name: request.query_params.get(name) for name in (*FIELDS, *RECORDED)}
    return page.render(
        "trail.html",
        clocks=clocks._replace(known=known_over(request, asked, clocks)),
        sections=SECTIONS,
        given={name: asked_for[name] for name in FIELDS},
        types=EVENT_TYPES,
        events=events,
        next=following,
        api=address("/v1/audit", page.pinned(clocks) | asked_for | {"limit": limit}),
    )
