"""`/daily/orders`: supervision orders (督办单), and the forms by which they are issued, answered and closed."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked
from api.asking.questions import shows
from api.fieldwork import orders
from api.fieldwork.measures_page import SECTIONS
from api.fieldwork.orders import HeldBy, IssuedBy, OrderState, owed
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.fieldwork.orders import STATES, Order
from services.fieldwork.orders import all_orders, chosen

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/daily/orders", response_model=None)
@shows(orders.get)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    *,
    office: HeldBy = None,
    by: IssuedBy = None,
    state: OrderState = None,
) -> HTMLResponse:
    """What `/v1/orders` tells, to be read, with what may be done about each."""
    found, wrong = all_orders(parts_of(request).queries, clocks.as_of, clocks.position)
    listed = chosen(found, office, by, state)
    given: dict[str, Value] = {**page.pinned(clocks), "office": office, "by": by, "state": state}
    return page.render(
        "orders.html",
        clocks=clocks,
        sections=SECTIONS,
        office=office,
        by=by,
        state=state,
        states=STATES,
        found=[(each, _acts(each)) for each in listed],
        owed=owed(listed, clocks.as_of),
        contradictions=wrong,
        api=address("/v1/orders", given),
    )


def _acts(order: Order) -> list[tuple[str, dict[str, str]]]:
    """The forms that lead on from where an order stands."""
    about = {"order": order.order, "region": order.region}
    after = {
        "issued": ("order.acknowledged", "order.answered", "order.closed"),
        "acknowledged": ("order.answered", "order.closed"),
        "answered": ("order.sent_back", "order.closed"),
        "sent_back": ("order.answered", "order.closed"),
        "closed": (),
    }[order.state]
    return [(name, about) for name in after]
