"""`/v1/proof`: one file that proves one figure of a sealed report, complete and correct, to whoever has no database."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.asking.filters import regions
from api.asking.questions import FIGURES_ONLY, IS_A_FILE, READING, Not, question
from api.evidence.log import signer
from api.web.answers import NOT_FOUND, PROBLEMS
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.values.instants import parse_date
from domain.values.terms import Kind
from services.assessment.assessments import find_assessment
from services.evidence.roots.proving import Figure, prove, roots_stated

router = APIRouter(prefix="/v1", tags=["log"], responses=PROBLEMS)

_TEXT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get(
    "/proof",
    response_class=Response,
    responses={**_TEXT, **NOT_FOUND, 503: PROBLEMS[503]},
    summary="数字证明 The proof of a figure",
    description="A text file of at most 10 KB. It proves the counts of the whole, or of one region, of all kinds or of "
    "one, at the two clocks of a sealed report: that they are in the log, that they add up, and that nothing was left "
    "out. `taizhang verify FILE` checks it offline, and so does anything written from services/evidence/"
    "evidence-format.md. Beside the figure it shows those of the regions beside, and of no organization.\n\n"
    "The service makes what it takes after a report is sealed; until then it answers 503.\n\n"
    "Example: `/v1/proof?assessment=assessment:2024-end&region:6=990101&kind=new_economic`",
)
@question(
    READING,
    "whole",
    trail=FIGURES_ONLY,
    command="prove",
    page=Not("a file, checked on the page of its report"),
    forms=IS_A_FILE,
)
def proof(
    request: Request,
    assessment: Annotated[str, Query(max_length=100, description="the report", examples=["assessment:2024-end"])],
    regions: Annotated[dict[int, str], Depends(regions)],
    kind: Annotated[Kind | None, Query(description="of organizations; all of them if left out")] = None,
) -> Response:
    """Make the file."""
    if len(regions) > 1:
        raise invalid("query.region", sorted(regions.values()), "one_region", "a proof is of one region: name one")
    parts = parts_of(request)
    queries = parts.queries
    sealed = find_assessment(queries, assessment, queries.position).data
    (region,) = regions.items() or [(0, "")]
    figure = Figure(*region, kind)
    with parts.recorder.datastore.get_connection() as connection:
        stated = roots_stated(connection, sealed["known_at"], parse_date(sealed["as_of"]))
        made = prove(stated, figure, parts.settings.roots_path, connection, parts.settings.conninfo, signer(request))
    name = "-".join(each for each in (assessment.partition(":")[2], figure.key, kind) if each)
    headers = {"content-disposition": f'attachment; filename="{name}.proof.txt"', "cache-control": "private, no-store"}
    return Response(made, headers=headers, media_type="text/plain")
