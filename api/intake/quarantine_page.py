"""`/intake/quarantine`: the workbench for what was set aside: looked at, redriven by the group or alone, discarded."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import read_position
from api.asking.paging import Limit
from api.asking.questions import shows
from api.intake import quarantine, quarantine_groups
from api.intake.quarantine import Number
from api.intake.sources_page import SECTIONS, Carried
from api.site import raw_bytes
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.site.forms import give_token, submitted, token_of
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.values.fields import REASON_LENGTH_MAX
from services.intake.quarantine import Filters, State
from services.intake.quarantine_groups import (
    GROUP_MAX,
    Outcome,
    discard_group,
    groups,
    redrive_group,
    try_group,
    try_one,
)

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

ANY_STATE: Final = "any"
STATES: Final = ("open", "accepted", "duplicate", "discarded", ANY_STATE)

Source = Annotated[str | None, Query(max_length=256, description="Only of this source")]
PublisherName = Annotated[str | None, Query(max_length=200, description="Only by this publisher")]


@router.get("/intake/quarantine", response_model=None)
@shows(quarantine_groups.list_groups, quarantine.list_)
def get_list(
    request: Request,
    page: Paged,
    __: Carried,
    *,
    state: Annotated[State | Literal["any"], Query(description="Only in this state.")] = "open",
    source: Source = None,
    publisher: PublisherName = None,
    rule: Annotated[str | None, Query(max_length=100, description="Only refused by this rule")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> HTMLResponse:
    """What `/v1/quarantine/groups` and `/v1/quarantine` tell, to be read."""
    parts = parts_of(request)
    filters = Filters(None if state == "any" else state, source, publisher, rule)
    before = None if cursor is None else read_position("cursor", cursor)
    found = parts.quarantine.page(filters, before=before, limit=limit + 1)
    given: dict[str, Value] = {**filters._asdict(), "limit": limit}
    return page.render(
        "quarantine.html",
        sections=SECTIONS,
        state=state,
        states=STATES,
        filters=filters,
        groups=groups(parts.recorder),
        found=found[:limit],
        next=str(found[limit - 1].id) if len(found) > limit else None,
        api=address("/v1/quarantine", given),
    )


def meant(
    rule: Annotated[str, Query(max_length=100, description="The open messages that this rule refused")],
    source: Source = None,
    publisher: PublisherName = None,
) -> Filters:
    """The group that a redrive means."""
    return Filters("open", source, publisher, rule)


Meant = Annotated[Filters, Depends(meant)]


@router.get("/intake/quarantine/group", response_model=None)
@shows(quarantine.list_)
def get_group(request: Request, page: Paged, holder: Admitted, __: Carried, filters: Meant) -> Response:
    """A dry run: what a redrive of the group would give now. It records nothing."""
    token = token_of(request)
    outcome = try_group(parts_of(request).recorder, filters, holder.name)
    return give_token(_group(page, filters, outcome, token), request, token)


@router.post("/intake/quarantine/group", response_model=None)
@shows(quarantine_groups.redrive, quarantine_groups.discard)
async def post_group(request: Request, page: Paged, holder: Admitted, __: Carried, filters: Meant) -> Response:
    """Redrive the group as `POST /v1/quarantine/redrive` does with the trial that the page showed, or nothing of it."""
    form = await submitted(request, "action", "trial", "reason", "until")
    parts, by, trial = parts_of(request), holder.publisher(), form["trial"]
    if form["action"] == "discard":
        until = read_position("until", form["until"])
        await run_in_threadpool(discard_group, parts.quarantine, parts.recorder, filters, by, form["reason"], until)
        ended = {"rule": filters.rule, "source": filters.source, "state": "discarded"}
        return RedirectResponse(page.addresses.to("/intake/quarantine", ended), HTTPStatus.SEE_OTHER)
    outcome = await run_in_threadpool(redrive_group, parts.quarantine, parts.recorder, filters, by, trial)
    return await run_in_threadpool(_group, page, filters, outcome, token_of(request))


def _group(page: Paged, filters: Filters, outcome: Outcome, token: str) -> HTMLResponse:
    return page.render(
        "quarantine_group.html",
        sections=SECTIONS,
        filters=filters,
        outcome=outcome,
        group_max=GROUP_MAX,
        reason_length_max=REASON_LENGTH_MAX,
        token=token,
    )


@router.get("/intake/quarantine/{quarantine_id}", response_model=None)
@shows(quarantine.get)
def get(request: Request, page: Paged, holder: Admitted, __: Carried, quarantine_id: Number) -> Response:
    """What `/v1/quarantine/{id}` tells, to be read; with what can be done about it, and which of it would help."""
    parts = parts_of(request)
    dossier = parts.quarantine.get(quarantine_id)
    is_open = dossier.message.state == "open"
    token = token_of(request)
    response = page.render(
        "quarantined.html",
        sections=SECTIONS,
        message=dossier.message,
        attributes=dossier.attributes,
        actions=dossier.actions,
        would=try_one(parts.recorder, quarantine_id, holder.name) if is_open else None,
        shown=raw_bytes.shown(dossier.raw, [(each["rule"], each["at"]) for each in dossier.message.reasons]),
        reason_length_max=REASON_LENGTH_MAX,
        token=token,
        api=f"/v1/quarantine/{quarantine_id}",
    )
    return give_token(response, request, token)


@router.post("/intake/quarantine/{quarantine_id}", response_model=None)
@shows(quarantine.redrive, quarantine.discard)
async def post(request: Request, page: Paged, holder: Admitted, __: Carried, quarantine_id: Number) -> Response:
    """Redrive or discard one message, as its API twins do; the page then shows the step that was recorded."""
    form = await submitted(request, "action", "reason")
    quarantine = parts_of(request).quarantine
    match form["action"]:
        case "redrive":
            await run_in_threadpool(quarantine.redrive, quarantine_id, holder.publisher())
        case "discard":
            await run_in_threadpool(quarantine.discard, quarantine_id, holder.publisher(), form["reason"])
        case other:
            raise invalid("form.action", other, "action", "redrive or discard")
    return RedirectResponse(page.here(), HTTPStatus.SEE_OTHER)
