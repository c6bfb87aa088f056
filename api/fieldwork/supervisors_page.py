"""`/daily/supervisors`: what registries write as supervisor, and the bodies that it may mean, decided by a person."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, CursorText, settled_position
from api.asking.filters import is_body
from api.asking.paging import Limit
from api.asking.questions import shows
from api.fieldwork import supervisors
from api.fieldwork.measures_page import SECTIONS
from api.fieldwork.supervisors import Listed, OfKind, Where, decided
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.forms import give_token, submitted, token_of
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.ledger.placements import NONE
from domain.values.terms import BodyKind
from services.fieldwork.supervisors import KIND, SOURCE, Answer

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

KINDS: Final = get_args(BodyKind)


@dataclass(frozen=True)
class Question:
    """What the page's address asks for besides the clocks."""

    kind: OfKind = KIND
    region: Where = None
    limit: Limit = 20


Asking = Annotated[Question, Depends()]


@router.get("/daily/supervisors", response_model=None)
@shows(supervisors.get)
def get(
    request: Request, page: Paged, holder: Admitted, clocks: Asked, asking: Asking, *, cursor: CursorText = None
) -> Response:
    """What `/v1/supervisors` tells, to be read and decided."""
    del cursor  # the clocks carry it
    given: dict[str, Value] = {
        **page.pinned(clocks), "kind": asking.kind, "region": asking.region, "limit": asking.limit,
    }  # fmt: skip
    token = token_of(request)
    response = page.render(
        "supervisors.html",
        clocks=clocks,
        sections=SECTIONS,
        asking=asking,
        kinds=KINDS,
        listed=Listed(request, clocks, asking.kind, asking.region, asking.limit),
        none=NONE,
        sources=sorted(holder.sources) if holder.sources else [SOURCE],
        token=token,
        api=address("/v1/supervisors", given),
    )
    return give_token(response, request, token)


@router.post("/daily/supervisors", response_model=None)
@shows(supervisors.decide)
async def post(request: Request, page: Paged, holder: Admitted, clocks: Asked, asking: Asking) -> Response:
    """Publish the placements, as of the date shown and on the state shown; then the page again."""
    form = await submitted(request, "text", "body", "source", "known_at")
    body = form["body"]
    if body != NONE and not is_body(body):
        raise invalid("form.body", body, "body", "choose one of the bodies, or that there is none")
    said = Answer(
        form["text"], None if body == NONE else body, asking.kind, asking.region, clocks.as_of, form["source"]
    )
    known_at = await settled_position(parts_of(request), form["known_at"], "known_at")
    _, position = await run_in_threadpool(decided, request, holder, said, known_at)
    # What the page then shows has to hold it, whatever was known where the form stood.
    return RedirectResponse(page.here(known_at=None, min_position=position), HTTPStatus.SEE_OTHER)
