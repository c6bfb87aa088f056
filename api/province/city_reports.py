"""`/v1/province/report` at a city: the file for its province. `/v1/province/reports` at the province: it is taken."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import reached
from api.asking.questions import ASSESSING, BY_HTTP, FIGURES_ONLY, IS_A_FILE, READING, Not, act, question
from api.assessment.assessments import checked
from api.evidence.log import signer
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails
from domain.events.province import CityId, Ground
from domain.tree.merkle import TREE_SIZE_MAX
from services.province.making import make
from services.province.report_file import BYTES_MAX
from services.province.taking import Brings, take

router = APIRouter(prefix="/v1/province", tags=["province"], responses=PROBLEMS)

OLD_SIZES_MAX: Final = 100
_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
_CAME: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": ProblemDetails, "description": "Another file of the city came meanwhile: bring it again"}
}


class Brought(BaseModel):
    """A city's file, as text."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"city": "city:dongshan", "file": "{}"}]})

    city: CityId
    file: str = Field(min_length=2, max_length=BYTES_MAX, description="as `GET /v1/province/report` gave it, unchanged")


class HeadShape(BaseModel):
    """The head of a city's log."""

    size: int
    root_hash: str


class FoundShape(BaseModel):
    """What a file shows."""

    city: str
    assessment: str
    as_of: date
    ground: Ground | None = Field(description="what the city signed and does not hold; null where all does")
    words: str = Field(description="where it does not hold; empty where it does")
    unproved: int = Field(description="of how many of its groups no figure in the file shows that they hold")
    head: HeadShape
    file: str = Field(description="SHA-256 of the file, by which the log has it whole (file.kept)")
    position: int = Field(description="of the event that says so, in the province's log")
    again: bool = Field(description="it was brought before; nothing more was stored")


@router.get(
    "/report",
    response_class=Response,
    responses={**_FILE, **NOT_FOUND, 503: PROBLEMS[503]},
    summary="上报文件 A sealed report for the province",
    description="A file with a sealed report of the whole city and what proves it: that the report is in the log, that "
    "its figures add up and nothing was left out of them, and that the log extends each head of a size in `old_size`, "
    "which the province knows. To be carried, or posted to the province's /v1/province/reports.\n\n"
    "Example: `/v1/province/report?assessment=assessment:2024-end`",
)
@question(
    READING,
    "whole",
    trail=FIGURES_ONLY,
    command="province report",
    page=Not("a file, for the province"),
    forms=IS_A_FILE,
)
def report(
    request: Request,
    assessment: Annotated[str, Query(max_length=100, description="the report", examples=["assessment:2024-end"])],
    old_size: Annotated[
        list[Annotated[int, Field(ge=1, le=TREE_SIZE_MAX)]] | None,
        Query(max_length=OLD_SIZES_MAX, description="sizes of heads of this log that the province knows; may repeat"),
    ] = None,
) -> Response:
    """Make the file."""
    parts = parts_of(request)
    with parts.recorder.datastore.get_connection() as connection:
        made = make(
            parts.queries, checked(assessment), old_size or (), parts.settings.roots_path, connection,
            parts.settings.conninfo, signer(request),
        )  # fmt: skip
    name = assessment.partition(":")[2]
    headers = {
        "content-disposition": f'attachment; filename="{name}.report.json"',
        "cache-control": "private, no-store",
    }
    return Response(made, headers=headers, media_type="application/json")


@router.post(
    "/reports",
    status_code=201,
    response_model=None,
    responses={201: {"model": FoundShape}, **NOT_FOUND, **_CAME},
    summary="收取地市报告 Take a city's report",
)
@act(ASSESSING, "whole", command="province take", page=BY_HTTP)
def bring(request: Request, holder: Admitted, _: Annotated[int, Depends(reached)], body: Brought) -> Response:
    """Check a city's file and keep it with what was found: key, log, report, figures, and the head known before.

    What the city signed and does not hold is stored as a finding (`ground`), and the city is a gap from then on. What a
    carrier may have spoilt shows nothing of the city: 400 says what, and nothing is stored. The same file again
    changes nothing.
    """
    parts = parts_of(request)
    brings = Brings(body.city, body.file.encode(), holder.name, request.state.request_id)
    found = take(parts.queries, parts.intake, brings)
    return answer({**found._asdict(), "head": found.head._asdict()}, 201)
