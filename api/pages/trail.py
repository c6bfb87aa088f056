"""`/inspection/events`: the trail of events by subject, source, type, effective and recorded range, position."""

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.access import Inspecting
from api.clocks import Asked, CursorText
from api.pages.addresses import Value, address
from api.pages.base import Paged, tidy
from api.pages.inspection import SECTIONS
from api.paging import Limit
from api.parts import parts_of
from api.routes.audit import TrailQuestion, trail_page
from domain.events import EVENT_TYPES

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

#: What the page's form asks for; the rest of the question stays in the address.
FIELDS: Final = ("subject", "source", "type", "effective_from", "effective_to", "position_from")
RECORDED: Final = ("recorded_from", "recorded_to")


@router.get("/inspection/events", response_model=None)
def get(
    request: Request,
    page: Paged,
    _: Inspecting,
    clocks: Asked,
    asked: TrailQuestion,
    *,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/audit` tells, to be read."""
    del cursor  # the clocks carry it
    events, following = trail_page(request, parts_of(request).queries.pinned(), asked, clocks, limit)
    asked_for: dict[str, Value] = {name: request.query_params.get(name) for name in (*FIELDS, *RECORDED)}
    return page.render(
        "trail.html",
        clocks=clocks,
        sections=SECTIONS,
        given={name: asked_for[name] for name in FIELDS},
        types=EVENT_TYPES,
        events=events,
        next=following,
        api=address("/v1/audit", page.pinned(clocks) | asked_for | {"limit": limit}),
    )
