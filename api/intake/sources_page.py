"""`/intake`: sources with their dispositions and lag, for stewards."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import AsOf, KnownAt
from api.asking.questions import shows
from api.intake import sources as sources_api
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from services.intake.sources import sources, total
from services.ledger import held

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# The pages of intake: the text `intake.NAME` and the path.
HELD_SHOWN: Final = 100
SECTIONS: Final = (("sources", "/intake"), ("quarantine", "/intake/quarantine"), ("notices", "/intake/notices"))


def carried(as_of: AsOf = None, known_at: KnownAt = None) -> None:
    """The clocks decide nothing here: what was received is no question of dates. They lead back to where one was."""
    del as_of, known_at


Carried = Annotated[None, Depends(carried)]


@router.get("/intake", response_model=None)
@shows(sources_api.get)
def get(request: Request, page: Paged, __: Carried) -> HTMLResponse:
    """What `/v1/sources` tells, to be read."""
    queries = parts_of(request).queries
    found, partitions = sources(queries)
    with queries.everywhere().connection() as connection:
        number = held.count(connection)
        events = held.held(connection, HELD_SHOWN) if number else []
    return page.render(
        "sources.html",
        sections=SECTIONS,
        found=found,
        partitions=partitions,
        total=total(found),
        held=events,
        held_more=number - len(events),
        api="/v1/sources",
    )
