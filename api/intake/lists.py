"""`/v1/lists`: full lists of registries, compared with the source's facts and published as events."""

import tempfile
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked, Clocks
from api.asking.questions import ONE_RECORD, PUBLISHING, Not, act, question
from api.intake.list_plans import ListAsked, look, names, profile_kept, publish, read_part
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import Problem, ProblemDetails, invalid
from api.web.requests import read_body
from api.web.shapes import KnownAt
from services.access.callers import Holder
from services.lists.errors import ListRefusedError
from services.lists.turns import Published

router = APIRouter(prefix="/v1/lists", tags=["lists"], responses=PROBLEMS)

Source = Annotated[str, Query(min_length=1, max_length=256, description="whose list it is", examples=["/registry/m"])]
Name = Annotated[str, Query(min_length=1, max_length=200, description="the file's name, as the report shows it")]
Regions = Annotated[
    list[str] | None,
    Query(description="The list has all organizations of the regions that begin with one of these codes, and no "
          "others: what lies outside is left alone.", examples=[["880107"]]),
]  # fmt: skip
PageOf = Annotated[
    str | None,
    Query(description="The list is page N of M (`N/M`): who is on none is deregistered once all M are here.",
          max_length=20, examples=["2/5"]),
]  # fmt: skip


class RefusalShape(BaseModel):
    """Why a row cannot be read."""

    row: int = Field(description="counted from 1 as in the file; 0 for the file")
    column: str
    value: str
    rule: str
    message: str = Field(description="the rule and the remedy in words")
    sheet: str = Field(description="of a workbook")
    cell: str = Field(description="of a workbook, as F5")


class SheetShape(BaseModel):
    """What became of a sheet; a text has one without a name."""

    sheet: str
    what: Literal["read", "hidden", "empty", "no_headings"]
    rows: int


class ColumnShape(BaseModel):
    """What becomes of a column: personal ones are never read, serial ones number the rows."""

    sheet: str
    column: str = Field(description="its letters")
    heading: str
    what: Literal["read", "personal", "set_aside", "ended", "serial", "not_read"]
    field: str | None


class ReportShape(BaseModel):
    """What the list says beside its source's facts."""

    source: str
    as_of: date
    file: dict[str, Any] = Field(description="name, SHA-256, bytes and encoding")
    profile: dict[str, Any] | None
    rows: dict[str, int] = Field(description="rows by sort: row, repeated, gone, blank, total, note, heading")
    sheets: list[SheetShape]
    columns: list[ColumnShape] = Field(description="every column that has a heading or holds anything")
    unread: list[str] = Field(
        description="columns and hidden sheets that are not read, and that no list of this source was published "
        "without before: to publish without them, confirm the plan"
    )
    active: int = Field(description="organizations that the source's facts have active on the date")
    differences: dict[str, int]
    fields: dict[str, int] = Field(description="of the changed, how many by field")
    samples: dict[str, list[dict[str, Any]]]
    left_out: list[dict[str, Any]] = Field(description="totals and notes, the first ten")
    refused: int
    refusals: list[RefusalShape] = Field(description="the first hundred")
    part: dict[str, Any] | None = Field(description="which part of the source's stock the list is; null: the whole")
    elsewhere: int = Field(description="left out, and staying, since another source has them")
    ledger_lacks: dict[str, Any] = Field(
        description="organizations that the source has after the list and the ledger does not: count, and the first "
        "ten with who ended them and what would mend it"
    )
    plan: dict[str, Any] | None = Field(
        description="what would be published: its name (to confirm it by), the position it was decided on, its digest, "
        "and events by kind; null while rows are refused"
    )
    needs_confirmation: int | None = Field(
        description="organizations that would end, over the limit: send the plan's name as `confirm`"
    )
    hindrance: str | None = Field(description="why it may not be published, and the remedy")
    published: dict[str, int] | None = Field(
        description="differences by disposition; null if nothing was published. All of the plan or nothing"
    )
    stated: int | None = Field(description="events published that state the list itself")
    position: int | None = Field(description="the highest position of what was published")


class ProfileShape(BaseModel):
    """The profile in force."""

    source: str
    profile: dict[str, Any] | None = Field(description="null: the usual headings are looked for")


class PlacesShape(BaseModel):
    """The divisions that lists may write by name."""

    as_of: date
    known_at: KnownAt
    places: dict[str, str] = Field(description="names by code, on the date")


def may_speak(holder: Holder, source: str) -> None:
    """Refuse a caller who may not publish for a source.

    Raises:
        Problem: 403.
    """
    if holder.sources is not None and source not in holder.sources and "steward" not in holder.roles:
        raise Problem("not-allowed", f"{holder.name} may not speak for {source}; ask an administrator for that source")


@router.get("/profile", response_model=None, responses={200: {"model": ProfileShape}}, summary="清单模板 The profile")
@question(
    PUBLISHING,
    "whole",
    trail=Not("columns of a list, which name nobody"),
    command="reconcile",
    page=Not("/daily/lists uses it"),
    forms=ONE_RECORD,
)
def profile(request: Request, holder: Admitted, clocks: Asked, source: Source) -> Response:
    """The column profile kept for a source: the last `list.profiled` event that stands at both clocks."""
    may_speak(holder, source)
    try:
        found = profile_kept(parts_of(request), source, clocks.as_of, known_at(request, clocks))
    except ListRefusedError as error:
        raise unreadable(error) from None
    return answer({"source": source, "profile": found.model_dump(mode="json") if found else None})


@router.get(
    "/places", response_model=None, responses={200: {"model": PlacesShape}}, summary="清单中的区划名 Divisions by name"
)
@question(
    PUBLISHING,
    "none",
    trail=Not("names of divisions, which tell nothing of any organization"),
    command="reconcile",
    page=Not("/regions shows them"),
    forms=ONE_RECORD,
)
def places(request: Request, clocks: Asked) -> Response:
    """The divisions with the names by which a list may write them, as of a date; `taizhang reconcile` reads them."""
    shown = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**shown, "places": names(parts_of(request), clocks.as_of, clocks.position)})


def known_at(request: Request, clocks: Clocks) -> int | None:
    """The position that the caller has named; None: whatever the log's head is."""
    return clocks.position if "known_at" in request.query_params else None


def unreadable(error: ListRefusedError) -> Problem:
    """The answer to a file that cannot be read as a list."""
    refusal = error.refusal
    where = " ".join(filter(None, (refusal.sheet and f"sheet {refusal.sheet}", f"row {refusal.row}")))
    return invalid(where, refusal.value, refusal.rule, refusal.message)


@router.post(
    "",
    response_model=None,
    responses={
        200: {"model": ReportShape},
        409: {"model": ProblemDetails, "description": "Something came since"},
        413: {"model": ProblemDetails, "description": "The file is too large"},
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    },
    summary="清单核对 A full list beside the source's facts",
)
@act(PUBLISHING, "whole", command="reconcile")
async def post(
    request: Request,
    holder: Admitted,
    clocks: Asked,
    source: Source,
    *,
    name: Name = "list",
    region: Regions = None,
    page: PageOf = None,
    publish_: Annotated[bool, Query(alias="publish", description="Publish the plan as events of the source.")] = False,
    confirm: Annotated[
        str | None, Query(description="The name of the plan that a person has looked at.", max_length=60)
    ] = None,
) -> Response:
    """Compare a CSV (UTF-8, GB18030, UTF-16), .xlsx, .xlsb or .ods file, the body, with what the source has said.

    The answer counts and samples what would be published, its plan. With `publish=true` the plan is published in one
    turn at the log, decided from the log at that position: all of it, or nothing. The same list again publishes
    nothing. With `known_at` it is refused (409) where something that matters came since; with `confirm` exactly the
    plan of that name is published. Nothing is published while a row cannot be read, or while more organizations would
    end than the profile's limit and the plan is not confirmed. For files over the body's limit use
    `taizhang reconcile`.
    """
    may_speak(holder, source)
    parts = parts_of(request)
    asked = ListAsked(source, clocks.as_of, read_part(region or (), page or ""), known_at(request, clocks))
    body, _ = await read_body(request, parts.settings.body_bytes_max)
    if not body:
        raise invalid("body", "", "empty", "send the file as the body")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(body)
        try:
            if publish_:
                found = await run_in_threadpool(publish, request, holder, path, asked, confirm)
            else:
                found = await run_in_threadpool(look, parts, path, asked, confirm)
        except ListRefusedError as error:
            raise unreadable(error) from None
    shown = {**found.report.as_json(), "hindrance": found.hindrance, **as_published(found.published)}
    return answer(shown)


def as_published(published: Published | None) -> dict[str, Any]:
    """What was published, as answers show it."""
    if published is None:
        return {"published": None, "stated": None, "position": None}
    return {"published": published.counts, "stated": published.stated, "position": published.position}
