"""`/v1/outlines`: GeoJSON of regions for the maps, each file from a date on."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking.clocks import read_date
from api.asking.questions import ASK, READING, STEWARDING, Not, act, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from services.fieldwork.outlines import Outlines

router = APIRouter(prefix="/v1/outlines", tags=["regions"], responses=PROBLEMS)

_A_DRAWING: Final = Not("a drawing under the figures, which tells of no organization")


class OutlinesShape(BaseModel):
    """One file of outlines."""

    begins: date = Field(description="the date from which it holds")
    sha256: str
    divisions: int = Field(description="how many divisions it draws")


class OutlinesList(BaseModel):
    """All of them, the earliest first."""

    outlines: list[OutlinesShape]


def _shown(each: Outlines) -> dict[str, object]:
    return {"begins": each.begins, "sha256": each.sha256, "divisions": len(each.of)}


@router.get("", response_model=None, responses={200: {"model": OutlinesList}}, summary="轮廓 Outlines for the maps")
@question(READING, "none", trail=_A_DRAWING, command=ASK, page=Not("the overview draws by them"))
@taken_away(Sheet("outlines", OutlinesShape))
def get_all(request: Request) -> Response:
    """Which files there are; the overview's map is drawn by the one that holds on the date asked for."""
    return answer({"outlines": [_shown(each) for each in parts_of(request).outlines.all()]})


@router.put(
    "/{begins}", response_model=None, responses={200: {"model": OutlinesShape}}, summary="上传轮廓 Bring outlines"
)
@act(STEWARDING, "whole", command=Not("by HTTP: curl --upload-file"), page=Not("by HTTP: a file"))
async def put(
    request: Request,
    begins: Annotated[str, Path(description="From which date on they hold, YYYY-MM-DD", max_length=10)],
) -> Response:
    """A GeoJSON FeatureCollection of at most 20 MiB; features have a division's code in `region`, `adcode` or `code`.

    One that was brought for the same date goes.

    Example: `curl -X PUT --data-binary @counties.geojson http://127.0.0.1:8000/v1/outlines/2024-01-01`
    """
    raw = await request.body()
    found = await run_in_threadpool(parts_of(request).outlines.bring, read_date("begins", begins), raw)
    return answer(_shown(found))
