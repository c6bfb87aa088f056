"""`/inspection/signals`: patterns that an inspector should look at, each with its events."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText, read_date
from api.asking.knowledge import SinceIfAny
from api.asking.paging import Limit
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.inspection import signals
from api.inspection.changes_page import SECTIONS
from api.inspection.signals import DEADLINES_MAX
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.assessment.campaigns import deadlines as due_dates
from domain.inspection.signals import SIGNALS, Signal
from services.assessment.campaigns import campaigns
from services.inspection.changes import described
from services.inspection.signals import find, hit_key
from services.ledger.sight import Sight

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# Beyond this a hit's events are counted, and its address leads to them all.
EVENTS_SHOWN: Final = 6


@router.get("/inspection/signals", response_model=None)
@shows(signals.get)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    since: SinceIfAny,
    *,
    signal: Annotated[Signal | None, Query(description="Only this one; left out: all.")] = None,
    deadline: Annotated[
        list[str] | None,
        Query(
            description="Deadlines, YYYY-MM-DD; left out: the due dates of the targets of all campaigns known.",
            max_length=DEADLINES_MAX,
        ),
    ] = None,
    limit: Limit = 30,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/signals` tells, to be read."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    if deadline:
        deadlines = [read_date("deadline", each) for each in deadline]
    else:
        deadlines = due_dates(campaigns(queries, clocks.as_of, clocks.position).campaigns)
    wanted = SIGNALS if signal is None else (signal,)
    found = find(queries, clocks.as_of, clocks.position, signals=wanted, deadlines=deadlines)
    after = tuple(clocks.after) if clocks.after else None
    rest = [hit for hit in found.newer(since) if after is None or hit_key(hit) > after]
    shown, following = page_of(request, clocks, rest[: limit + 1], limit, hit_key)
    with queries.connection() as connection:
        events = described(connection, {p for hit in shown for p in hit.positions[:EVENTS_SHOWN]})
    events = Sight(queries, clocks.as_of, clocks.position).described(events)
    return page.render(
        "signals.html",
        clocks=clocks,
        sections=SECTIONS,
        signal=signal,
        all_signals=SIGNALS,
        deadlines=sorted(set(deadlines)),
        found=found,
        since=since,
        shown=shown,
        events=events,
        events_shown=EVENTS_SHOWN,
        next=following,
        api=address(
            "/v1/signals",
            page.pinned(clocks)
            | {"since": since}
            | {"signal": list(wanted), "deadline": [str(each) for each in deadlines]},
        ),
    )
