"""`/work/matches`: records that may be the same organization, decided here by a person."""

import asyncio
import uuid
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access import Inspecting, Publishing
from api.clocks import Asked, Clocks, CursorText
from api.pages.addresses import Value, address
from api.pages.base import Paged, tidy
from api.pages.forms import give_token, submitted, token_of
from api.pages.work import SECTIONS
from api.paging import Limit
from api.paging import page as page_of
from api.parts import Parts, parts_of
from api.problems import Problem, faults, invalid
from domain.fields import REASON_LENGTH_MAX
from domain.matching import Decision
from services.holders import Holder
from services.matching import NAME_MIN, all_decisions, candidates
from services.messages import Message

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# Whose decisions they are where the caller may speak for any source.
SOURCE: Final = "/office/matching"
Region = Annotated[
    str | None, Query(pattern="^[0-9]{6,12}$", description="A county's code, or one below it.", examples=["880102"])
]
NameMin = Annotated[float, Query(ge=50, le=100, description="How alike names are at least, of 100.")]


@router.get("/work/matches", response_model=None)
def get(
    request: Request,
    page: Paged,
    holder: Inspecting,
    clocks: Asked,
    *,
    region: Region = None,
    name_min: NameMin = NAME_MIN,
    limit: Limit = 20,
    cursor: CursorText = None,
) -> Response:
    """What `/v1/matches` and `/v1/matches/candidates` tell, to be read and decided."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries.pinned()
    found = candidates(queries, region, clocks.as_of, clocks.position, name_min) if region else []
    begin = int(str(clocks.after[0])) if clocks.after else 0
    numbered = list(enumerate(found, 1))[begin:]
    shown, following = page_of(request, clocks, numbered[: limit + 1], limit, lambda each: (each[0],))
    decided, contradictions = all_decisions(queries, clocks.as_of, clocks.position)
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
        decided=decided,
        contradictions=contradictions,
        may_decide=not holder.roles.isdisjoint(("publisher", "steward")),
        sources=sorted(holder.sources) if holder.sources else [SOURCE],
        reason_length_max=REASON_LENGTH_MAX,
        token=token,
        api=address("/v1/matches/candidates" if region else "/v1/matches", given if region else page.pinned(clocks)),
    )
    return give_token(response, request, token)


@router.post("/work/matches", response_model=None)
async def post(  # noqa: PLR0917 - what FastAPI gives
    request: Request,
    page: Paged,
    holder: Publishing,
    clocks: Asked,
    region: Region = None,
    name_min: NameMin = NAME_MIN,
    limit: Limit = 20,
) -> Response:
    """Publish `match.decided`, or `match.undone`, as of the date shown; then the page again."""
    del region, name_min, limit  # the address keeps them
    form = await submitted(request, "match", "org", "other", "same", "reason", "source")
    parts = parts_of(request)
    stands = await run_in_threadpool(_standing, parts, clocks)
    made = _event(form, clocks.as_of, stands)
    if made is None:  # decided meanwhile, or the same button twice
        return RedirectResponse(page.here(), HTTPStatus.SEE_OTHER)
    position = await _publish(request, parts, holder, made)
    # What the page then shows has to hold it, whatever was known where the form stood.
    return RedirectResponse(page.here(known_at=None, min_position=position), HTTPStatus.SEE_OTHER)


def _standing(parts: Parts, clocks: Clocks) -> dict[frozenset[str], Decision]:
    decided, _ = all_decisions(parts.queries, clocks.as_of, parts.queries.position)
    return {frozenset((each.org, each.other)): each for each in decided if each.undone_on is None}


def _event(form: dict[str, str], on: date, stands: dict[frozenset[str], Decision]) -> bytes | None:
    """The event that a form asks for; None where it would change nothing.

    Raises:
        Problem: 400, the form is neither a decision nor its end.
    """
    decision = stands.get(frozenset((form["org"], form["other"])))
    if form["same"] not in ("yes", "no", "undo"):
        raise invalid("form.same", form["same"], "decision", "yes, no or undo")
    if (decision is None) == (form["same"] == "undo"):
        return None
    type_, data = "match.undone", {"match": decision.match if decision else f"match:{uuid.uuid4().hex}"}
    if decision is None:
        other = "visit" if form["other"].startswith("visit:") else "other"
        type_, data = "match.decided", {**data, "org": form["org"], other: form["other"]}
    event: dict[str, Any] = {
        "specversion": "1.0", "id": uuid.uuid4().hex, "source": form["source"], "type": f"taizhang.{type_}.v1",
        "time": datetime.now(UTC).isoformat(), "subject": data["match"],
        "data": {"effective_on": on.isoformat(), **data, "reason": form["reason"]},
    }  # fmt: skip
    if decision is None:
        event["data"]["same"] = form["same"] == "yes"
    return orjson.dumps(event)


async def _publish(request: Request, parts: Parts, holder: Holder, event: bytes) -> int:
    """The event's position.

    Raises:
        Problem: 400, it was refused; it lies in quarantine with the same reasons.
    """
    intake = {"channel": "http", "request": request.state.request_id, "index": 0}
    message = Message(event, intake, holder.publisher())
    (receipt,) = await asyncio.wrap_future(parts.group_commit.submit([message]))
    if receipt.position is None:
        raise Problem(
            "invalid-request",
            f"the decision was refused and is kept in quarantine under {receipt.quarantine_id}; correct it and send "
            "the form again",
            errors=faults(receipt.reasons),
        )
    return receipt.position
