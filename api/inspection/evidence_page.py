"""`/inspection/evidence`: who signs the log's head, who is silent or refuses, and the log's keys."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import AsOf, KnownAt
from api.asking.questions import shows
from api.evidence import state
from api.inspection.changes_page import SECTIONS
from api.site.base import Paged, tidy
from api.web.parts import parts_of

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/inspection/evidence", response_model=None)
@shows(state.get)
def get(request: Request, page: Paged, as_of: AsOf = None, known_at: KnownAt = None) -> HTMLResponse:
    """What `/v1/log/state` tells, to be read. The clocks decide nothing here; they lead back to where one was."""
    del as_of, known_at
    return page.render("evidence.html", sections=SECTIONS, found=state.state_of(parts_of(request)), api="/v1/log/state")
