"""`/daily/lists`: a registry's full list sent, its differences looked at, confirmed and published."""

import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.callers import Publishing
from api.asking.clocks import Asked, Clocks, read_date
from api.fieldwork.measures_page import SECTIONS
from api.intake.lists import Name, Source, compared, may_speak, publish_kept
from api.intake.sources_page import Carried
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.site.forms import give_token, submitted, token_of, uploaded
from api.web.parts import parts_of
from api.web.problems import Problem, invalid
from domain.fieldwork.lists import Refusal
from services.access.callers import Holder
from services.intake.sources import sources
from services.lists.errors import ListRefusedError
from services.lists.reconcile import Report
from services.lists.scratch import Scratch
from services.lists.uploads import AGE_MAX_S, FILES_MAX

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

DIFFERENCES: Final = ("registered", "changed", "deregistered", "unchanged", "kind_differs")
REFUSALS_SHOWN: Final = 50
NAME_CHARACTERS_MAX: Final = 200


class Sent(NamedTuple):
    """A list that was sent and is still kept, and who looks at it."""

    path: Path
    source: str
    name: str
    holder: Holder


def kept(
    request: Request,
    holder: Publishing,
    digest: Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$", description="The file's SHA-256.")],
    source: Source,
    name: Name = "list",
) -> Sent:
    """The list that an address names.

    Raises:
        Problem: 403, the caller may not speak for the source; 404, the file is no longer kept.
    """
    may_speak(holder, source)
    path = parts_of(request).uploads.find(holder.name, digest)
    if path is None:
        raise Problem(
            "not-found",
            f"the file is no longer kept (the last {FILES_MAX} are, for {AGE_MAX_S // 60} minutes, until the service "
            "stops); send it again at /daily/lists. Sending a list again does no harm",
        )
    return Sent(path, source, name, holder)


@router.get("/daily/lists", response_model=None)
def get_form(request: Request, page: Paged, holder: Publishing, __: Carried) -> Response:
    """A form that takes a list: whose it is, of which date, and the file."""
    parts = parts_of(request)
    known = [each.source for each in sources(parts.queries)[0] if each.source is not None]
    token = token_of(request)
    response = page.render(
        "lists.html",
        sections=SECTIONS,
        sources=known if holder.sources is None else sorted(holder.sources),
        bytes_max=parts.settings.body_bytes_max,
        token=token,
    )
    return give_token(response, request, token)


@router.post("/daily/lists", response_model=None)
async def post_file(request: Request, page: Paged, holder: Publishing, __: Carried) -> Response:
    """Keep the file for a while, and lead on to what it would publish."""
    parts = parts_of(request)
    limits = (parts.settings.body_bytes_max, parts.settings.body_seconds_max)
    async with uploaded(request, *limits, "source", "date") as (form, file):
        source, date_ = form["source"].strip(), read_date("date", form["date"])
        if not source:
            raise invalid("form.source", "", "source", "say whose list it is, as its events name the source")
        may_speak(holder, source)
        digest = await run_in_threadpool(parts.uploads.keep, holder.name, file.file)
        name = Path(file.filename or "list").name[:NAME_CHARACTERS_MAX]
    plan = page.addresses.to(
        f"/daily/lists/{digest}",
        {"as_of": date_.isoformat(), "known_at": None, "source": source, "name": name},
    )
    return RedirectResponse(plan, HTTPStatus.SEE_OTHER)


@router.get("/daily/lists/{digest}", response_model=None)
def get(request: Request, page: Paged, clocks: Asked, sent: Annotated[Sent, Depends(kept)]) -> Response:
    """What `/v1/lists` tells of the file, to be looked at before it is published."""
    with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        try:
            report: Report | Refusal = compared(parts_of(request), sent.path, sent.source, clocks, scratch)
        except ListRefusedError as error:
            report = error.refusal
    token = token_of(request)
    return give_token(_plan(page, clocks, sent, report, token), request, token)


@router.post("/daily/lists/{digest}", response_model=None)
async def post(request: Request, page: Paged, clocks: Asked, sent: Annotated[Sent, Depends(kept)]) -> Response:
    """Publish the differences, with the number of deregistrations where a person must confirm it."""
    form = await submitted(request, "confirm")
    if form["confirm"] and not form["confirm"].isdecimal():
        raise invalid("form.confirm", form["confirm"], "number", "the number of deregistrations, in digits")
    confirmed = int(form["confirm"]) if form["confirm"] else None
    parts = parts_of(request)
    token = token_of(request)
    with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        try:
            report = await run_in_threadpool(compared, parts, sent.path, sent.source, clocks, scratch)
        except ListRefusedError as error:
            return await run_in_threadpool(_plan, page, clocks, sent, error.refusal, token)
        if report.hindrance(confirmed) is not None:
            return await run_in_threadpool(_plan, page, clocks, sent, report, token, confirmed)
        published = await publish_kept(scratch, sent.holder, request)
    return await run_in_threadpool(_plan, page, clocks, sent, report, token, confirmed, published)


def _plan(  # noqa: PLR0917 - one page
    page: Page,
    clocks: Clocks,
    sent: Sent,
    report: Report | Refusal,
    token: str,
    confirmed: int | None = None,
    published: tuple[dict[str, int], int | None] | None = None,
) -> HTMLResponse:
    """The page of one list; `report` is a refusal where the file cannot be read as a list at all."""
    whole = report if isinstance(report, Refusal) else None
    counts, position = published or (None, None)
    return page.render(
        "list.html",
        clocks=clocks,
        sections=SECTIONS,
        name=sent.name,
        source=sent.source,
        refused=whole,
        report=None if isinstance(report, Refusal) else report,
        hindrance=None if isinstance(report, Refusal) else report.hindrance(confirmed),
        confirmed=confirmed,
        differences=DIFFERENCES,
        refusals=[] if isinstance(report, Refusal) else report.refusals[:REFUSALS_SHOWN],
        counts=counts,
        position=position,
        token=token,
        profile_api=address("/v1/lists/profile", {**page.pinned(clocks), "source": sent.source}),
    )
