"""`/daily/lists`: a registry's full list sent, its differences looked at, confirmed and published."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, Clocks, read_date
from api.asking.questions import shows
from api.fieldwork.measures_page import SECTIONS
from api.intake import lists
from api.intake.list_plans import ListAsked, Outcome, look, publish, read_part
from api.intake.lists import Name, PageOf, Regions, Source, known_at, may_speak
from api.intake.sources_page import Carried
from api.site.addresses import address
from api.site.base import Page, Paged, tidy
from api.site.forms import give_token, submitted, token_of, uploaded
from api.web.parts import parts_of
from api.web.problems import Problem, invalid
from domain.fieldwork.list_statements import Part
from domain.fieldwork.lists import Refusal
from services.access.callers import Holder
from services.intake.sources import sources
from services.lists.errors import ListRefusedError
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
    part: Part
    holder: Holder

    def asked(self, clocks: Clocks, position: int | None) -> ListAsked:
        """Which list is compared."""
        return ListAsked(self.source, clocks.as_of, self.part, position)


def kept(  # noqa: PLR0917 - what the address names
    request: Request,
    holder: Admitted,
    digest: Annotated[str, PathParameter(pattern="^[0-9a-f]{64}$", description="The file's SHA-256.")],
    source: Source,
    name: Name = "list",
    region: Regions = None,
    page: PageOf = None,
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
    return Sent(path, source, name, read_part(region or (), page or ""), holder)


@router.get("/daily/lists", response_model=None)
@shows(lists.post)
def get_form(request: Request, page: Paged, holder: Admitted, __: Carried) -> Response:
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
@shows(lists.post)
async def post_file(request: Request, page: Paged, holder: Admitted, __: Carried) -> Response:
    """Keep the file for a while, and lead on to what it would publish."""
    parts = parts_of(request)
    async with uploaded(request, parts.settings.body_bytes_max, "source", "date", "region", "page") as (form, file):
        source, date_ = form["source"].strip(), read_date("date", form["date"])
        if not source:
            raise invalid("form.source", "", "source", "say whose list it is, as its events name the source")
        may_speak(holder, source)
        part = read_part(form["region"].replace(",", " ").replace("，", " ").split(), form["page"].strip())
        digest = await run_in_threadpool(parts.uploads.keep, holder.name, file.file)
        name = Path(file.filename or "list").name[:NAME_CHARACTERS_MAX]
    plan = page.addresses.to(
        f"/daily/lists/{digest}",
        {
            "as_of": date_.isoformat(),
            "known_at": None,
            "source": source,
            "name": name,
            "region": part.regions or None,
            "page": f"{part.page}/{part.pages}" if part.pages else None,
        },
    )
    return RedirectResponse(plan, HTTPStatus.SEE_OTHER)


@router.get("/daily/lists/{digest}", response_model=None)
@shows(lists.post)
def get(request: Request, page: Paged, clocks: Asked, sent: Annotated[Sent, Depends(kept)]) -> Response:
    """What `/v1/lists` tells of the file, to be looked at before it is published."""
    try:
        found: Outcome | Refusal = _looked(request, sent, sent.asked(clocks, known_at(request, clocks)))
    except ListRefusedError as error:
        found = error.refusal
    token = token_of(request)
    return give_token(_plan(page, clocks, sent, found, token), request, token)


@router.post("/daily/lists/{digest}", response_model=None)
@shows(lists.post)
async def post(request: Request, page: Paged, clocks: Asked, sent: Annotated[Sent, Depends(kept)]) -> Response:
    """Publish the plan that was looked at; with the number of organizations that end, where there are many."""
    form = await submitted(request, "plan", "gone", "confirm")
    for field in ("gone", "confirm"):
        if form[field] and not form[field].isdecimal():
            raise invalid(f"form.{field}", form[field], "number", "a number of organizations, in digits")
    token = token_of(request)
    asked = sent.asked(clocks, known_at(request, clocks))
    wrong = int(form["confirm"] or 0) if form["gone"] and form["confirm"] != form["gone"] else None
    try:
        if wrong is not None:
            found: Outcome | Refusal = await run_in_threadpool(_looked, request, sent, asked)
        else:
            found = await run_in_threadpool(publish, request, sent.holder, sent.path, asked, form["plan"])
    except ListRefusedError as error:
        found = error.refusal
    return await run_in_threadpool(_plan, page, clocks, sent, found, token, wrong)


def _looked(request: Request, sent: Sent, asked: ListAsked) -> Outcome:
    """What `look` tells; the plan is before the eyes of whoever confirms it here, with what is not read."""
    found = look(parts_of(request), sent.path, asked)
    plan = found.report.plan
    return found if plan is None else found._replace(hindrance=found.report.hindrance(plan.name))


def _plan(  # noqa: PLR0917 - one page
    page: Page, clocks: Clocks, sent: Sent, found: Outcome | Refusal, token: str, wrong: int | None = None
) -> HTMLResponse:
    """The page of one list; `found` is a refusal where the file cannot be read as a list at all."""
    outcome = None if isinstance(found, Refusal) else found
    report = None if outcome is None else outcome.report
    return page.render(
        "list.html",
        clocks=clocks,
        sections=SECTIONS,
        name=sent.name,
        source=sent.source,
        part=sent.part,
        refused=found if isinstance(found, Refusal) else None,
        report=report,
        plan=None if report is None else report.plan,
        hindrance=None if outcome is None else outcome.hindrance,
        confirmed=wrong,
        differences=DIFFERENCES,
        refusals=[] if report is None else report.refusals[:REFUSALS_SHOWN],
        published=None if outcome is None else outcome.published,
        token=token,
        profile_api=address("/v1/lists/profile", {**page.pinned(clocks), "source": sent.source}),
    )
