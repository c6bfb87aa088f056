"""`GET /v1/measures/calendar`: due dates for calendars (RFC 5545)."""

from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import groupby

from fastapi import APIRouter, Request
from icalendar import Alarm, Calendar, Event
from starlette.responses import Response

from api.asking.clocks import Asked
from api.asking.filters import Filtered
from api.asking.questions import BY_HTTP, IS_A_FILE, READING, Not, question
from api.fieldwork.measures import Office
from api.web.answers import PROBLEMS
from api.web.parts import parts_of
from domain.ledger.rates import Filters
from domain.values.terms import Measure
from services.evidence.notes.identity import history
from services.evidence.notes.signing import signer_for
from services.fieldwork.measures import Item, names, open_work
from services.ledger.queries import Queries
from services.system.settings import SHANGHAI

router = APIRouter(prefix="/v1/measures", tags=["daily work"], responses=PROBLEMS)

TITLES = {
    "establish_large": "力争建立党组织",
    "establish": "建立党组织",
    "combine": "联合组建",
    "instruct": "选派指导员",
}
NAMES_SHOWN = 20
_UID_DIGITS = 16


@router.get(
    "/calendar",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}, "description": "RFC 5545"}},
    summary="到期日历 Due dates as iCalendar",
)
@question(
    READING,
    "scoped",
    trail="measures",
    command=BY_HTTP,
    page=Not("a file for calendars, linked from /daily"),
    forms=IS_A_FILE,
)
def calendar(request: Request, clocks: Asked, filters: Filtered, *, office: Office = None) -> Response:
    """One all-day event for each due date and measure, with a reminder a week before."""
    queries = parts_of(request).queries
    work = open_work(queries, clocks.as_of, clocks.position, filters).of_office(office).dated()
    items = sorted(work.page(None, len(work)), key=lambda i: (i.due_on, i.measure, i.org))
    uid = _uid(request, filters, office)
    made = Calendar()
    made.add("prodid", "-//Taizhang//measures//ZH")
    made.add("version", "2.0")
    made.add("x-wr-calname", f"台账到期 {office or '全部'}")
    for (due, measure), group in groupby(items, lambda i: (i.due_on, i.measure)):
        if due is not None:
            made.add_component(_event(queries, due, measure, list(group), uid, clocks.recorded_at))
    return Response(made.to_ical(), media_type="text/calendar")


def _uid(request: Request, filters: Filters, office: str | None) -> str:
    """The end of every UID of a calendar: of its filters, its reader's regions and the log that it is made of.

    RFC 5545, 3.8.4.7, asks for one that no other calendar has: an event lists what passes these filters alone.
    """
    parts = parts_of(request)
    asked = (office, *filters, *(parts.queries.scope or ()))
    digest = sha256("\n".join(map(str, asked)).encode()).hexdigest()[:_UID_DIGITS]
    # By the log's first key, which stays when the key is changed.
    with parts.recorder.datastore.get_connection() as connection:
        found = history(connection)
        signer = signer_for(parts.settings.log_key_path, parts.settings.log_origin)
        log = signer.key(connection).verifier if found is None else found.first
    return f"{digest}@{log.key_id.hex()}.taizhang"


def _event(  # noqa: PLR0917 - one event
    queries: Queries, due: date, measure: Measure, items: list[Item], uid: str, stamp: datetime | None
) -> Event:
    named = names(queries, items[:NAMES_SHOWN])
    event = Event()
    event.add("uid", f"{due.isoformat()}-{measure}-{uid}")
    event.add("dtstamp", stamp or datetime(1970, 1, 1, tzinfo=SHANGHAI))
    event.add("dtstart", due)
    event.add("summary", f"{TITLES[measure]}到期 {len(items)} 家 due")
    more = [f"… {len(items) - NAMES_SHOWN} 家"] if len(items) > NAMES_SHOWN else []
    event.add("description", "\n".join([*(f"{i.org} {n}" for i, n in zip(items, named, strict=False)), *more]))
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", f"{TITLES[measure]}一周后到期")
    alarm.add("trigger", timedelta(days=-7))
    event.add_component(alarm)
    return event
