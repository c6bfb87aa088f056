"""`/daily/matches`: records that may be the same organization, decided here by a person."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, CursorText, settled_position
from api.asking.paging import Limit
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.fieldwork import matches
from api.fieldwork.matches import decided
from api.fieldwork.measures_page import SECTIONS
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.forms import give_token, submitted, token_of
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.values.fields import REASON_LENGTH_MAX
from services.fieldwork.match_decisions import SOURCE, Answer, Said, all_decisions
from services.fieldwork.matching import NAME_MIN, candidates

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# What the form's buttons say.
_ANSWERS: Final[dict[str, Answer]] = {"yes": "same", "no": "different", "undo": "undo"}


@dataclass(frozen=True)
class Question:
    """What the page's address asks for besides the clocks."""

    region: Annotated[
        str | None, Query(pattern="^[0-9]{6,12}$", description="A county's code, or one below it.", examples=["880102"])
    ] = None
    name_min: Annotated[float, Query(ge=50, le=100, description="How alike names are at least, of 100.")] = NAME_MIN
    limit: Limit = 20


Asking = Annotated[Question, Depends()]


@router.get("/daily/matches", response_model=None)
@shows(matches.get_candidates, matches.get)
def get(
    request: Request,
    page: Paged,
    holder: Admitted,
    clocks: Asked,
    asking: Asking,
    *,
    cursor: CursorText = None,
) -> Response:
    """What `/v1/matches` and `/v1/matches/candidates` tell, to be read and decided."""
    del cursor  # the clocks carry it
    region, name_min, limit = asking.region, asking.name_min, asking.limit
    queries = parts_of(request).queries
    found = candidates(queries, region, clocks.as_of, clocks.position, name_min) if region else []
    begin = int(str(clocks.after[0])) if clocks.after else 0
    numbered = list(enumerate(found, 1))[begin:]
    shown, following = page_of(request, clocks, numbered[: limit + 1], limit, lambda each: (each[0],))
    made, contradictions = all_decisions(queries, clocks.as_of, clocks.position)
    given: dict[str, Value] = {**page.pinned(clocks), "region": region, "name_min": str(name_min), "limit": limit}
    token = token_of(request)
    response = page.render(
        "matches.html",
        clocks=clocks,
        sections=SECTIONS,
        region=region,
        name_min=name_min,
        total=len(found),
        found=shown,
        next=following,
        decided=made,
        contradictions=contradictions,
        may_decide=not holder.roles.isdisjoint(("publisher", "steward")),
        sources=sorted(holder.sources) if holder.sources else [SOURCE],
        reason_length_max=REASON_LENGTH_MAX,
        token=token,
        api=address("/v1/matches/candidates" if region else "/v1/matches", given if region else page.pinned(clocks)),
    )
    return give_token(response, request, token)


@router.post("/daily/matches", response_model=None)
@shows(matches.decide)
async def post(request: Request, page: Paged, holder: Admitted, clocks: Asked, __: Asking) -> Response:
    """Publish `match.decided`, or `match.undone`, as of the date shown and on the state shown; then the page again."""
    form = await submitted(request, "match", "org", "other", "same", "reason", "source", "known_at")
    said, known_at = _said(form, clocks.as_of), await settled_position(parts_of(request), form["known_at"], "known_at")
    _, position = await run_in_threadpool(decided, request, holder, said, known_at)
    # What the page then shows has to hold it, whatever was known where the form stood.
    return RedirectResponse(page.here(known_at=None, min_position=position), HTTPStatus.SEE_OTHER)


def _said(form: dict[str, str], on: date) -> Said:
    """What a form says.

    Raises:
        Problem: 400, the form is neither a decision nor its end.
    """
    if form["same"] not in _ANSWERS:
        raise invalid("form.same", form["same"], "decision", "yes, no or undo")
    return Said(form["org"], form["other"], _ANSWERS[form["same"]], on, form["reason"], form["source"])
