"""`/intake/notices`: the outbox of notices to offices: what waits, what was sent, and why something is not taken."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.paging import Limit
from api.asking.questions import shows
from api.intake import notices
from api.intake.notices import ChannelNamed, InState, ToOffice
from api.intake.sources_page import SECTIONS, Carried
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from services.notices.outbox import STATES

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/intake/notices", response_model=None)
@shows(notices.get)
def get(
    request: Request,
    page: Paged,
    __: Carried,
    *,
    channel: ChannelNamed = None,
    office: ToOffice = None,
    state: InState = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> HTMLResponse:
    """What `/v1/notices` tells, to be read."""
    fares, found, following = notices.outbox(request, state, channel, office, limit, cursor)
    given: dict[str, Value] = {"channel": channel, "office": office, "state": state, "limit": limit}
    return page.render(
        "notices.html",
        sections=SECTIONS,
        channels=fares,
        found=found,
        next=following,
        states=STATES,
        state=state,
        chosen={"channel": channel, "office": office},
        api=address("/v1/notices", given),
    )
