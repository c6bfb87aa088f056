"""`/inspection/events`: the trail of events by subject, source, type, effective date and position."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.access import Inspecting
from api.clocks import POSITION_MAX, Asked, CursorText, read_date
from api.cursors import Cursor, encode
from api.pages.addresses import Value, address
from api.pages.base import Paged, tidy
from api.pages.inspection import SECTIONS
from api.paging import Limit
from api.parts import parts_of
from api.problems import invalid
from domain.events import EVENT_TYPES
from services.audit import Trail, audit
from services.sight import Sight

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/inspection/events", response_model=None)
def get(
    request: Request,
    page: Paged,
    _: Inspecting,
    clocks: Asked,
    *,
    subject: Annotated[str | None, Query(description="That speak of this identifier.", max_length=128)] = None,
    source: Annotated[str | None, Query(description="Of this source.", max_length=256)] = None,
    type: Annotated[str | None, Query(description="Of this type.", max_length=100)] = None,  # noqa: A002 - CloudEvents' own name
    effective_from: Annotated[str | None, Query(description="Effective on this date or later.")] = None,
    effective_to: Annotated[str | None, Query(description="Effective on this date or earlier.")] = None,
    position_from: Annotated[int | None, Query(ge=1, le=POSITION_MAX, description="At this position or later.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/audit` tells, to be read."""
    del cursor  # the clocks carry it
    if type is not None and type not in EVENT_TYPES:
        raise invalid("query.type", type, "type_unknown", f"the types are {', '.join(EVENT_TYPES)}")
    trail = Trail(
        subject,
        source,
        type,
        None if effective_from is None else read_date("effective_from", effective_from),
        None if effective_to is None else read_date("effective_to", effective_to),
    )
    after = int(str(clocks.after[0])) if clocks.after else (position_from or 1) - 1
    queries = parts_of(request).queries.pinned()
    sight = Sight(queries, clocks.as_of, clocks.position)
    found = audit(queries, trail, sight, after=after, known_at=clocks.position, limit=limit)
    following = None
    if found.after is not None:
        following = encode(Cursor(clocks.as_of, clocks.position, (found.after,)), request)
    given: dict[str, Value] = {
        "subject": subject, "source": source, "type": type, "effective_from": effective_from,
        "effective_to": effective_to, "position_from": position_from,
    }  # fmt: skip
    return page.render(
        "trail.html",
        clocks=clocks,
        sections=SECTIONS,
        given=given,
        types=EVENT_TYPES,
        events=found.events,
        next=following,
        api=address("/v1/audit", page.pinned(clocks) | given | {"limit": limit}),
    )
