"""`GET /v1/bulletin`: the weekly bulletin (通报) of counties or townships."""

from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import Clocks, ledger_at, read_date
from api.asking.questions import ASK, READING, question
from api.assessment.ranking import Points, RankShape
from api.exports.bulletin import bulletin_document
from api.exports.figures import evidence_pairs, sentence
from api.exports.files import as_file
from api.exports.lists import FORMS, Form, In
from api.site.addresses import Value, address
from api.site.formats import Names
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import CountsShape, Evidence, KnownAt, RateShape
from domain.values.terms import Kind
from services.assessment.bulletin import Asked, Line, bulletin

router = APIRouter(prefix="/v1/bulletin", tags=["assessment"], responses=PROBLEMS)

Places = Literal["counties", "townships"]
DIGITS: Final[dict[Places, int]] = {"counties": 6, "townships": 9}
PERIOD: Final = timedelta(days=7)


class VisitedShape(BaseModel):
    """How far the survey has come at a place."""

    to_visit: int
    visited: int


class LineShape(BaseModel):
    """A place's line, or the whole's."""

    region: str | None = Field(description="null for the whole")
    survey: VisitedShape | None = Field(description="null where no survey was named or it lists nothing here")
    counts: CountsShape
    rates: dict[str, RateShape]
    change: Points = Field(description="of the organization coverage since the bulletin before, in percentage points")
    rank: RankShape | None = Field(description="by organization coverage among the lines; null over nothing")
    rank_before: RankShape | None
    moved_up: int | None = Field(description="by how many ranks; below zero: down")
    eligible_missing: int = Field(description="eligible ones that no branch covers")
    instructed: int = Field(description="units that an instructor is assigned to")
    large: int = Field(description="enterprises of 50 and more employees")
    large_established: int = Field(description="of these, under a branch of their own or a joint one")
    formed: int = Field(description="branches formed after the date of the bulletin before; by their own place")
    term_over: int = Field(description="branches whose term is over")


class BulletinShape(BaseModel):
    """The lines by rank, those without one last; and the whole."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    previous: date
    places: Places
    kind: Kind | None
    survey: str | None
    lines: list[LineShape]
    total: LineShape
    without_end: int = Field(description="branches whose term has no end that anybody stated; not among term_over")


async def about(
    clocks: AskedClocks,
    *,
    places: Annotated[Places, Query(description="What the lines are.")] = "counties",
    kind: Annotated[Kind | None, Query(description="Only organizations of this kind.")] = None,
    previous: Annotated[
        str | None,
        Query(
            description="The date of the bulletin before, as known at the same moment; seven days before if left out."
        ),
    ] = None,
    survey: Annotated[
        str | None, Query(description="The survey whose progress it tells; left out: open.", max_length=100)
    ] = None,
) -> Asked:
    """Which bulletin this question is about."""
    before = read_date("previous", previous) if previous is not None else clocks.as_of - PERIOD
    if before >= clocks.as_of:
        raise invalid(
            "query.previous",
            before.isoformat(),
            "bulletin_previous",
            f"the bulletin before is of a day before {clocks.as_of}",
        )
    return Asked(DIGITS[places], kind, before, survey)


Meant = Annotated[Asked, Depends(about)]


@router.get(
    "",
    response_model=None,
    responses={200: {"model": BulletinShape}, **NOT_FOUND},
    summary="通报 The weekly bulletin",
)
@question(READING, "scoped", trail="figures", command=ASK, forms=FORMS)
def get_bulletin(
    request: Request,
    clocks: AskedClocks,
    meant: Meant,
    *,
    format: Form = "json",  # noqa: A002 - the parameter's name
    lang: In = "zh",
) -> Response:
    """Each county's (or township's) coverage, its rank, and how both moved since the bulletin before.

    Both dates as known at the same moment. Ranks go by exact organization coverage, equal rates share one. Whoever is
    limited to places gets their lines, ranked among these. A workbook has the layout of offices.

    Example: `/v1/bulletin?as_of=2024-12-31&kind=new_economic`
    """
    ledger = ledger_at(request, clocks)
    found = bulletin(ledger, meant)
    evidence = ledger.evidence
    if format == "json":
        return answer(
            {
                "as_of": clocks.as_of,
                "known_at": clocks.known_at(),
                "evidence": evidence,
                "previous": meant.previous,
                "places": places_of(meant),
                "kind": meant.kind,
                "survey": meant.survey,
                "lines": [_told(line) for line in found.lines],
                "total": _told(found.total),
                "without_end": found.without_end,
            }
        )
    parts = parts_of(request)
    document = bulletin_document(
        found, Names(lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of), clocks.as_of,
        sentence(lang, clocks.as_of.isoformat(), clocks.position, clocks.recorded_at, clocks.known.wrong),
        evidence_pairs(lang, evidence, {"address": address(request.url.path, parameters(meant, clocks))}),
        scoped=parts.queries.scope is not None,
    )  # fmt: skip
    return as_file(document, format, parts.drawer.draw)


def places_of(meant: Asked) -> Places:
    """What its lines are."""
    return next(name for name, digits in DIGITS.items() if digits == meant.digits)


def parameters(meant: Asked, clocks: Clocks) -> dict[str, Value]:
    """What asks for the same bulletin again, both clocks settled."""
    return {
        "as_of": clocks.as_of.isoformat(), "known_at": clocks.position, "places": places_of(meant), "kind": meant.kind,
        "previous": meant.previous.isoformat(), "survey": meant.survey,
    }  # fmt: skip


def _told(line: Line) -> dict[str, Any]:
    return {
        **line._asdict(), "rates": line.rates, "moved_up": line.moved_up, "eligible_missing": line.eligible_missing,
    }  # fmt: skip
