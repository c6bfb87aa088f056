"""`/v1/lists`: full lists of registries, compared with the source's facts and published as events."""

import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.admission.callers import Publishing
from api.asking.clocks import Asked, Clocks
from api.web.answers import PROBLEMS, answer
from api.web.parts import Parts, parts_of
from api.web.problems import Problem, ProblemDetails, invalid
from api.web.publishing import submit
from api.web.requests import read_body
from domain.events.lists import ListProfiled
from services.access.callers import Holder
from services.lists import facts
from services.lists.errors import ListRefusedError
from services.lists.profiles import profile_of
from services.lists.reconcile import Report, reconcile
from services.lists.scratch import Scratch

router = APIRouter(prefix="/v1/lists", tags=["lists"], responses=PROBLEMS)

BATCH = 1_000
Source = Annotated[str, Query(min_length=1, max_length=256, description="whose list it is", examples=["/registry/m"])]
Name = Annotated[str, Query(min_length=1, max_length=200, description="the file's name, as the report shows it")]


class RefusalShape(BaseModel):
    """Why a row cannot be read."""

    row: int = Field(description="counted from 1 as in the file; 0 for the file")
    column: str
    value: str
    rule: str
    message: str = Field(description="the rule and the remedy in words")


class ReportShape(BaseModel):
    """What the list says beside its source's facts."""

    source: str
    as_of: date
    file: dict[str, Any] = Field(description="name, SHA-256, bytes and encoding")
    profile: dict[str, Any] | None
    rows: dict[str, int] = Field(description="rows by sort: row, repeated, blank, total, note, heading")
    active: int = Field(description="organizations that the source's facts have active on the date")
    differences: dict[str, int]
    fields: dict[str, int] = Field(description="of the changed, how many by field")
    samples: dict[str, list[dict[str, Any]]]
    left_out: list[dict[str, Any]] = Field(description="totals and notes, the first ten")
    refused: int
    refusals: list[RefusalShape] = Field(description="the first hundred")
    needs_confirmation: int | None = Field(description="deregistrations over the limit: send them back as `confirm`")
    hindrance: str | None = Field(description="why it may not be published, and the remedy")
    published: dict[str, int] | None = Field(description="events by disposition; null if nothing was published")
    position: int | None = Field(description="the highest position of what was published")


class ProfileShape(BaseModel):
    """The profile in force."""

    source: str
    profile: dict[str, Any] | None = Field(description="null: the usual headings are looked for")


def may_speak(holder: Holder, source: str) -> None:
    """Refuse a caller who may not publish for a source.

    Raises:
        Problem: 403.
    """
    if holder.sources is not None and source not in holder.sources and "steward" not in holder.roles:
        raise Problem("not-allowed", f"{holder.name} may not speak for {source}; ask an administrator for that source")


@router.get("/profile", response_model=None, responses={200: {"model": ProfileShape}}, summary="清单模板 The profile")
def profile(request: Request, holder: Publishing, clocks: Asked, source: Source) -> Response:
    """The column profile kept for a source: the last `list.profiled` event that stands at both clocks."""
    may_speak(holder, source)
    return answer({"source": source, "profile": _profile(parts_of(request), source, clocks)})


def _profile(parts: Parts, source: str, clocks: Clocks) -> dict[str, Any] | None:
    with parts.queries.connection() as connection:
        found = profile_of(connection, parts.queries.view.current, source, clocks.as_of, clocks.position)
    return found.model_dump(mode="json") if found else None


@router.get(
    "/facts",
    response_model=None,
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "One event a line"}},
    summary="来源事实 A source's own facts",
)
def source_facts(request: Request, holder: Publishing, clocks: Asked, source: Source) -> Response:
    """All events of organizations that a source has published, and what was said of them, one JSON object a line.

    What `taizhang reconcile` compares a list with. First `{"position", "word"}`: corrections and retractions; then
    `{"position", "event"}`: the events as received.
    """
    may_speak(holder, source)
    parts = parts_of(request)

    def lines() -> Iterator[bytes]:
        with parts.queries.connection() as connection:
            yield from facts.lines(connection, parts.queries.view.current, source, clocks.position)

    return StreamingResponse(lines(), media_type="application/x-ndjson", headers={"cache-control": "no-store"})


@router.post(
    "",
    response_model=None,
    responses={200: {"model": ReportShape}, 413: {"model": ProblemDetails, "description": "The file is too large"}},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    },
    summary="清单核对 A full list beside the source's facts",
)
async def post(
    request: Request,
    holder: Publishing,
    clocks: Asked,
    source: Source,
    *,
    name: Name = "list",
    publish: Annotated[bool, Query(description="Publish the differences as events of the source.")] = False,
    confirm: Annotated[
        int | None, Query(ge=0, description="The number of deregistrations that a person confirms.")
    ] = None,
) -> Response:
    """Compare a CSV (UTF-8, GB18030, UTF-16) or .xlsx file, the body, with the source's facts as of a date.

    The answer counts and samples what would be published; with `publish=true` it is published, idempotently: the same
    difference gives the same event. Nothing is published while a row cannot be read, or while more organizations would
    be deregistered than the profile's limit and `confirm` does not give their number. For files over the body's limit
    use `taizhang reconcile`.
    """
    may_speak(holder, source)
    parts = parts_of(request)
    body, _ = await read_body(request, parts.settings.body_bytes_max, parts.settings.body_seconds_max)
    if not body:
        raise invalid("body", "", "empty", "send the file as the body")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(body)
        with Scratch(Path(folder)) as scratch:
            try:
                report = await run_in_threadpool(compared, parts, path, source, clocks, scratch)
            except ListRefusedError as error:
                where = f"row {error.refusal.row}"
                raise invalid(where, error.refusal.value, error.refusal.rule, error.refusal.message) from None
            hindrance = report.hindrance(confirm)
            counts, position = None, None
            if publish and hindrance is None:
                counts, position = await publish_kept(scratch, holder, request)
    shown = {**report.as_json(), "hindrance": hindrance, "published": counts, "position": position}
    return answer(shown)


def compared(parts: Parts, path: Path, source: str, clocks: Clocks, scratch: Scratch) -> Report:
    """The list beside its source's facts; what would be published is in `scratch`.

    Raises:
        ListRefusedError: the file cannot be read as a list at all.
    """
    kept = _profile(parts, source, clocks)
    with parts.queries.connection() as connection:
        lines = facts.lines(connection, parts.queries.view.current, source, clocks.position)
        standing = facts.standing(lines, clocks.as_of)
        profile = ListProfiled.model_validate(kept) if kept else None
        return reconcile(path, source, clocks.as_of, profile, standing, scratch)


async def publish_kept(scratch: Scratch, holder: Holder, request: Request) -> tuple[dict[str, int], int | None]:
    """Publish what was kept; dispositions and the highest position."""
    counts: dict[str, int] = {"accepted": 0, "duplicate": 0, "quarantined": 0}
    position = 0
    index = 0
    events = scratch.events()
    while batch := list(islice(events, BATCH)):
        for receipt in await submit(request, holder.publisher(), batch, index):
            counts[receipt.disposition] += 1
            position = max(position, receipt.position or 0)
        index += len(batch)
    return counts, position or None
