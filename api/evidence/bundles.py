"""Evidence to take away: a bundle for one question, and a copy of the whole log, both to be verified offline."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import StreamingResponse

from api.asking.clocks import Asked
from api.asking.filters import Count, Filtered, regions
from api.asking.questions import FOR_PROGRAMS, INSPECTING, IS_A_FILE, Not, question
from api.evidence.log import signer
from api.web.answers import NOT_FOUND, PROBLEMS
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.ledger.rates import ANY
from services.evidence.bundles import on_request
from services.evidence.bundles.bundle import ORGANIZATIONS_MAX, Question, Roots
from services.evidence.bundles.relevant import EVENTS_MAX

router = APIRouter(prefix="/v1", tags=["log"], responses=PROBLEMS)

ORGANIZATIONS_NAMED_MAX: Final = 100
_CHUNK_BYTES: Final = 1 << 16
_ZIP: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/zip": {}}}}


def _headers(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


@router.get(
    "/evidence",
    response_class=StreamingResponse,
    responses={**_ZIP, **NOT_FOUND},
    summary="证据包 An evidence bundle",
    description="For one dossier or several (`org`), for a group (filters and keys as of /v1/rates/explain), or both: "
    "a ZIP file of the question, the answer, every event that has a part in it as received, each with its proof of "
    "inclusion, and the checkpoint. `taizhang verify FILE` checks it offline.\n\n"
    f"At most {ORGANIZATIONS_MAX:,} organizations and {EVENTS_MAX:,} events; `taizhang export-evidence` at the ledger "
    f"takes any number of events. {on_request.BUNDLES_AT_ONCE} are made at once, others are asked to wait (503).\n\n"
    "Example: `/v1/evidence?org=uscc:9151010452601815XG&as_of=2024-12-31`",
)
@question(
    INSPECTING,
    "whole",
    trail="evidence",
    command="export-evidence",
    page=Not("a file, linked from the pages of what it proves"),
    forms=IS_A_FILE,
)
def bundle(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    regions: Annotated[dict[int, str], Depends(regions)],
    *,
    org: Annotated[
        list[str] | None,
        Query(description="Organizations; may repeat.", max_length=ORGANIZATIONS_NAMED_MAX, examples=[["group:g-1"]]),
    ] = None,
    count: Annotated[Count | None, Query(description="Of the group, only those that add to this count.")] = None,
    complete: Annotated[
        bool,
        Query(
            description="Show that the events of the organizations named are all, or that there are none: as known at "
            "`known_at` where the log states the roots of that position, else at the last of which it does."
        ),
    ] = False,
) -> StreamingResponse:
    """Make the bundle."""
    has_group = bool(filters != ANY or regions or count)
    if not org and not has_group:
        raise invalid("query.org", None, "question_missing", "name an organization, or a group by its filters")
    if complete and has_group:
        raise invalid("query.complete", "true", "organizations_only", "what is shown complete are organizations named")
    parts = parts_of(request)
    roots = _roots(request, clocks.position) if complete else None
    known_at = clocks.position if roots is None else roots.stated.known_at
    question = Question(clocks.as_of, known_at, org or (), filters if has_group else None, regions, count)
    file = TemporaryFile()  # noqa: SIM115 - closed by what sends it
    try:
        on_request.bundle(parts.queries, parts.settings.conninfo, signer(request), question, file, roots)
    except BaseException:
        file.close()
        raise
    size = file.seek(0, 2)
    file.seek(0)
    headers = _headers(f"evidence-{clocks.as_of}-{known_at}.zip")
    headers["content-length"] = str(size)
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def _roots(request: Request, position: int) -> Roots:
    """The roots of the position that is asked for by name, else the last ones."""
    parts = parts_of(request)
    asked = position if "known_at" in request.query_params else None
    with parts.recorder.datastore.get_connection() as connection:
        return Roots.last(connection, parts.settings.roots_path, asked)


@router.get("/export", response_class=StreamingResponse, responses=_ZIP, summary="日志副本 A copy of the whole log")
@question(INSPECTING, "whole", trail="export", command="export-log", page=FOR_PROGRAMS, forms=IS_A_FILE)
def export(request: Request) -> StreamingResponse:
    """Checkpoint, key, tiles, entries and every event as received, in one ZIP file that is made while it is sent.

    `taizhang verify FILE` checks it. A log of any length: no more than 256 events are in memory at once.
    """
    copy = on_request.whole_log(parts_of(request).settings.conninfo, signer(request))
    return StreamingResponse(copy, media_type="application/zip", headers=_headers("log.zip"))
