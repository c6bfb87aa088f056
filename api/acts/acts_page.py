"""`/acts`: every act of an office as a form, made from the domain's types; previewed, confirmed, published."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.acts.concerned import called
from api.acts.controls import controls
from api.acts.drafts import Named, named, publish, raw_event, refusal, trial
from api.acts.entries import data_of
from api.acts.forms import Form, begun, form_of, placed
from api.acts.offered import WITHOUT_FORM, may_say, offered, short, sources, type_of
from api.acts.words import NameOf, faulted
from api.admission.callers import Admitted
from api.asking.clocks import POSITION_MAX, Asked, Clocks, wait_for
from api.asking.questions import shows
from api.intake import events
from api.site.base import Page, Paged, tidy
from api.site.formats import Names
from api.site.forms import entered, give_token, token_of
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, invalid
from domain.events.facts import family_of
from domain.values.instants import parse_date
from domain.values.reasons import Reason
from services.access.callers import Holder
from services.intake.in_turn import ActRefusedError, CameSinceError
from services.system.errors import NotFoundError

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

# Entries of one form, those left empty too.
FIELDS_MAX: Final = 2_000
_STEPS: Final = ("preview", "publish", "edit", "rows")
Act = Annotated[str, Path(pattern=r"^[a-z_]{1,40}\.[a-z_]{1,40}$", description="a type's own name, `visit.made`")]
Given = Annotated[
    list[str] | None,
    Query(alias="with", max_length=50, description="A field filled before, as `org:uscc:…`; any number of times."),
]
Done = Annotated[int | None, Query(ge=1, le=POSITION_MAX, description="The position of what was published just now.")]


@router.get("/acts", response_model=None)
@shows(events.post_events)
def get_all(page: Paged, holder: Admitted, clocks: Asked) -> HTMLResponse:
    """The acts that whoever asks may do, and why some types have no form."""
    del clocks  # they go along to the forms
    families = offered(holder)
    without: dict[str, list[str]] = {}
    for type_, why in WITHOUT_FORM.items():
        without.setdefault(why.reason, []).append(type_)
    pages = {why.reason: why.page for why in WITHOUT_FORM.values()}
    return page.render("acts.html", families=families, short=short, without=without, pages=pages)


@router.get("/acts/{act}", response_model=None)
@shows(events.post_events)
def get(
    request: Request, page: Paged, holder: Admitted, clocks: Asked, act: Act, *, given: Given = None, done: Done = None
) -> Response:
    """A form, filled as far as the address says."""
    type_ = _type(holder, act)
    form = begun(parts_of(request), page, holder, type_, _prefilled(given), clocks.as_of)
    return _form(request, page, holder, form, done=_published(request, holder, type_, done))


def _type(holder: Holder, act: str) -> str:
    """The type of a form that a caller may use.

    Raises:
        NotFoundError: there is no such form.
        Problem: 403, no grant of the caller lets it say this anywhere.
    """
    type_ = type_of(act)
    if type_ is None:
        raise NotFoundError(f"there is no form of {act}; /acts lists them, and says why some types have none")
    if not may_say(holder, type_):
        raise Problem("not-allowed", f"no grant of {holder.name} lets it say {type_}")
    return type_


def _prefilled(given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in given or ():
        name, colon, value = each.partition(":")
        if not colon:
            raise invalid("query.with", each, "prefilled", "a field and its value with a colon between: org:uscc:…")
        found.setdefault(f"data.{name}", []).append(value)
    return found


class _Published(NamedTuple):
    position: int
    subject: str | None


def _published(request: Request, holder: Holder, type_: str, position: int | None) -> _Published | None:
    """What the caller published at a position, if it is of this type: an address alone claims nothing."""
    recorded = None if position is None else parts_of(request).recorder.at(position)
    if recorded is None or (recorded.type, recorded.publisher) != (type_, holder.name):
        return None
    return _Published(recorded.position, recorded.subject)


@router.post("/acts/{act}", response_model=None)
@shows(events.post_events)
async def post(request: Request, page: Paged, holder: Admitted, clocks: Asked, act: Act) -> Response:
    """Preview what is entered, or publish what was previewed; an error leads back to the form as it was filled."""
    entries = await entered(request, FIELDS_MAX)
    type_ = _type(holder, act)
    step = _one(entries, "step")
    if step not in _STEPS:
        raise invalid("form.step", step, "form_step", f"one of {', '.join(_STEPS)}")
    parts = parts_of(request)
    # What the page tells of the event's subject is as new as the log is.
    head, _ = await run_in_threadpool(parts.recorder.head)
    with suppress(Problem):
        await wait_for(parts, head)
    work = _previewed if step == "preview" else _publish if step == "publish" else _edited
    return await run_in_threadpool(work, request, page, holder, clocks, type_, entries)


def _one(entries: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(entries.get(name, ())), "")


def _edited(  # noqa: PLR0917 - a step of the form
    request: Request, page: Page, holder: Holder, clocks: Clocks, type_: str, entries: dict[str, list[str]]
) -> Response:
    del clocks
    return _form(request, page, holder, form_of(parts_of(request), page, holder, type_, entries))


def _previewed(  # noqa: PLR0917 - as above
    request: Request, page: Page, holder: Holder, clocks: Clocks, type_: str, entries: dict[str, list[str]]
) -> Response:
    parts = parts_of(request)
    form = form_of(parts, page, holder, type_, entries)
    data = data_of(form.fields, form.entries, placed(parts))
    name = named(parts.queries.position)
    raw = raw_event(type_, form.source, name, data)
    receipt = trial(request, holder, raw)
    if reasons := refusal(receipt):
        return _form(request, page, holder, form, reasons=reasons)
    words = form.words(page.lang)
    token = token_of(request)
    response = page.render(
        "act_preview.html",
        form=form,
        name=name,
        told=words.told(form.fields, data, _name_of(parts, page, form, data, _day(data, clocks))),
        raw=raw.decode(),
        warnings=[words.fault(each) for each in receipt.warnings],
        action=page.addresses.to(f"/acts/{short(type_)}"),
        token=token,
    )
    return give_token(response, request, token)


def _publish(  # noqa: PLR0917 - as above
    request: Request, page: Page, holder: Holder, clocks: Clocks, type_: str, entries: dict[str, list[str]]
) -> Response:
    del clocks
    parts = parts_of(request)
    form = form_of(parts, page, holder, type_, entries)
    position = _one(entries, "position")
    if not position.isdecimal() or int(position) > POSITION_MAX:
        raise invalid("form.position", position, "position", "the position that the preview gave")
    name = Named(_one(entries, "id"), _one(entries, "time"), int(position))
    raw = raw_event(type_, form.source, name, data_of(form.fields, form.entries, placed(parts)))
    try:
        receipt = publish(request, holder, raw, name.position)
    except ActRefusedError as error:
        return _form(request, page, holder, form, reasons=error.reasons)
    except CameSinceError as error:
        return _form(request, page, holder, form, came=error.came)
    address = page.addresses.to(f"/acts/{short(type_)}", {"done": receipt.position})
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _day(data: Mapping[str, Any], clocks: Clocks) -> date:
    """The date on which what the event names is looked up: its own."""
    with suppress(ValueError):
        return parse_date(str(data.get("effective_on", "")))
    return clocks.as_of


def _name_of(parts: Parts, page: Page, form: Form, data: Mapping[str, Any], day: date) -> NameOf:
    """What divisions are called, and to whoever may read the ledger all else that the event names."""
    names = Names(page.lang, parts.regions.at(parts.queries, parts.queries.position), day)
    told = called(parts.queries, data, day, parts.queries.position) if form.may_read else {}
    return lambda field, value: names.place(value) if field.family == "region" else told.get(value)


def _form(
    request: Request, page: Page, holder: Holder, form: Form, *,
    reasons: Sequence[Reason] = (), came: int | None = None, done: _Published | None = None,
) -> Response:  # fmt: skip
    """The form's page: as it begins, or as it was filled with what is wrong."""
    words = form.words(page.lang)
    beside, general = faulted(form.fields, reasons, words)
    listed = [(name, words.at(form.fields, name), fault) for name, (fault, _) in beside.items()]
    status = HTTPStatus.CONFLICT if came else HTTPStatus.BAD_REQUEST if reasons else HTTPStatus.OK
    token = token_of(request)
    response = page.render(
        "act.html",
        status,
        form=form,
        family=family_of(form.type_),
        controls=controls(words, form.fields, form.entries, beside),
        listed=listed,
        general=general,
        came=came,
        done=done,
        choices=sources(holder, form.type_),
        action=page.addresses.to(f"/acts/{short(form.type_)}"),
        token=token,
    )
    return give_token(response, request, token)
