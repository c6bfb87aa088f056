"""`/today`: what waits for whoever looks, each number leading to its list."""

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.asking.clocks import Asked, Clocks, read_position
from api.asking.questions import shows
from api.desk import today
from api.desk.today import LOOKED_COOKIE, LastLook, waiting
from api.site.addresses import Value, address
from api.site.base import Page, Paged, tidy
from api.site.forms import give_token, submitted, token_of
from api.web.browsers import cookie_name, keep
from api.web.parts import parts_of_all
from services.desk.today import Item, due_until
from services.ledger.known import Known

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

_YEAR_S: Final = 31_536_000


@router.get("/today", response_model=None)
@shows(today.get)
def get(request: Request, page: Paged, clocks: Asked, since: LastLook) -> Response:
    """What `/v1/today` tells, to be read."""
    token = token_of(request)
    response = page.render(
        "today.html",
        clocks=clocks,
        since=since,
        items=[(each, *_behind(page, clocks, since, each.item)) for each in waiting(request, clocks, since)],
        token=token,
        api=address("/v1/today", page.pinned(clocks) | {"since": since.position}),
    )
    return give_token(response, request, token)


@router.post("/today", response_model=None)
@shows(today.get)
async def looked(request: Request) -> Response:
    """Keep in this browser up to where its reader has looked."""
    given = await submitted(request, "position")
    position = read_position("position", given["position"])
    parts = parts_of_all(request)
    response = RedirectResponse("/today", 303)
    keep(response, parts, cookie_name(parts, LOOKED_COOKIE), str(position), _YEAR_S)
    return response


def _behind(page: Page, clocks: Clocks, since: Known, item: Item) -> tuple[str, str]:
    """The lists behind an item: the whole one, and what is new of it where the list can be cut so."""
    pinned = page.pinned(clocks)
    new: dict[str, Value] = {"since": since.position}
    path, given = _LISTS[item]
    if item == "measures_due":
        given = {**given, "due_until": due_until(clocks.as_of).isoformat()}
    if item == "changes":
        given = new
    if item == "quarantine":
        pinned = {}
    to = page.addresses.to
    return to(path, pinned | given), to(path, pinned | given | new) if item == "signals" else to(path, pinned | given)


_LISTS: Final[dict[Item, tuple[str, dict[str, Value]]]] = {
    "measures_overdue": ("/daily", {"state": "overdue"}),
    "measures_due": ("/daily", {"state": "due"}),
    "orders": ("/daily/orders", {}),
    "changes": ("/inspection", {}),
    "signals": ("/inspection/signals", {}),
    "quarantine": ("/intake/quarantine", {"state": "open"}),
}
