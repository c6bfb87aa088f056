"""`/me`: who I am here, what I may, my sessions, and what I looked at."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access import readings, session, sessions
from api.access.sessions import own
from api.admission.callers import Admitted
from api.asking.questions import shows
from api.site.base import Paged
from api.site.forms import give_token, submitted, token_of
from api.web.parts import parts_of

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

READINGS_SHOWN = 50


@router.get("/me", response_model=None)
@shows(session.get, sessions.list_, readings.mine)
def get(request: Request, page: Paged, holder: Admitted) -> Response:
    """What `/v1/session`, `/v1/sessions` and `/v1/readings/mine` tell, to be read."""
    parts, token = parts_of(request), token_of(request)
    response = page.render(
        "me.html",
        holder=holder,
        contact=parts.settings.access_contact,
        sessions=own(request, holder.name),
        idle_minutes=parts.settings.session_idle_minutes,
        readings=parts.readings.latest(holder.name, READINGS_SHOWN),
        token=token,
        api="/v1/session",
    )
    return give_token(response, request, token)


@router.post("/me/sessions", response_model=None)
@shows(session.get)
async def end(request: Request, holder: Admitted) -> Response:
    """End one session, or all but this one."""
    given = await submitted(request, "session")
    if given["session"]:
        parts_of(request).sessions.end(holder.name, given["session"])
    else:
        sessions.end_others(request, holder)
    return RedirectResponse("/me", 303)
