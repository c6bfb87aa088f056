"""`/v1/surveys`: the survey's progress, discrepancies with the ledger, samples to visit again, and accuracy."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText
from api.asking.paging import Limit, page
from api.asking.questions import ASK, FIGURES_ONLY, INSPECTING, READING, Not, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.site.formats import ancestors
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from domain.events.surveys import BranchWork
from domain.fieldwork.surveys import Survey, sample
from services.fieldwork.surveys import Made, accuracy, all_surveys, differing, made, standing_of, to_visit
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1/surveys", tags=["daily work"], responses=PROBLEMS)

SAMPLE_MAX = 2_000
SurveyId = Annotated[str, Path(description="`survey:…`", max_length=100, examples=["survey:880107-2024"])]


class PlaceShape(BaseModel):
    """What a division is called."""

    name: str | None
    name_en: str | None


class SurveyShape(BaseModel):
    """One survey."""

    survey: str
    name: str
    region: str
    kinds: list[str] | None
    office: str
    opened_on: date
    due_on: date


class Surveys(BaseModel):
    """The surveys opened by the date."""

    as_of: date
    known_at: KnownAt
    surveys: list[SurveyShape]


class ProgressShape(BaseModel):
    """One region's or grid's share."""

    key: str
    listed: int | None = Field(description="organizations to visit; null for a grid")
    visited: int
    clear: int = Field(description="of the visited, with all six findings clear")
    not_found: int


class ProgressAnswer(BaseModel):
    """Where a survey stands."""

    as_of: date
    known_at: KnownAt
    survey: SurveyShape
    total: ProgressShape
    groups: list[ProgressShape]
    beside: int = Field(description="visited, but not on the list")
    unknown: list[dict[str, Any]] = Field(description="found, but known to no registry")
    missing: list[dict[str, Any]] = Field(description="on the list, but not found where they should be")
    by_day: dict[date, int]


class DiscrepancyShape(BaseModel):
    """A finding that differs from the ledger."""

    visit: str
    org: str
    finding: str
    found: str | int
    ledger: str | int | None
    proposal: Literal["exclude", "correction", "registry_query"]
    made_on: date
    position: int


class Discrepancies(BaseModel):
    """One page of discrepancies, by organization and finding."""

    as_of: date
    known_at: KnownAt
    total: int
    proposals: dict[str, int]
    discrepancies: list[DiscrepancyShape]
    next: str | None


class ToVisitShape(BaseModel):
    """One organization on the list; what the ledger has of it is in the words of the findings."""

    org: str
    name: str
    region: str
    address: str | None
    site: str | None = Field(description="the building, market or park that it is in, by name")
    employees: int | None
    members: int | None = Field(description="full members; null where it is not active any more")
    branch_work: BranchWork | None
    visited_on: date | None


class ListAnswer(BaseModel):
    """One page of a survey's list, by identifier."""

    as_of: date
    known_at: KnownAt
    survey: SurveyShape
    total: int
    places: dict[str, PlaceShape] = Field(description="by code the divisions that the page's organizations are in")
    organizations: list[ToVisitShape]
    next: str | None


class VisitShape(BaseModel):
    """One visit."""

    visit: str
    org: str
    grid: str
    made_on: date


class SampleAnswer(BaseModel):
    """The visits to make again."""

    survey: str
    seed: str
    of: int = Field(description="organizations visited")
    visits: list[VisitShape]


class AccuracyShape(BaseModel):
    """Agreement of the visits made again."""

    finding: str
    agreed: int
    revisited: int
    share: float | None
    low: float | None = Field(description="Wilson, 95 %")
    high: float | None


class AccuracyAnswer(BaseModel):
    """The accuracy that the sample gives."""

    as_of: date
    known_at: KnownAt
    survey: str
    accuracy: list[AccuracyShape]


@router.get("", response_model=None, responses={200: {"model": Surveys}}, summary="走访排查 Surveys")
@question(READING, "none", trail=Not("surveys, which name no organization"), command=ASK)
@taken_away(Sheet("surveys", SurveyShape))
def get(request: Request, clocks: Asked) -> Response:
    """The surveys opened by the date."""
    found = all_surveys(parts_of(request).queries, clocks.as_of, clocks.position)
    return answer({"as_of": clocks.as_of, "known_at": clocks.known_at(), "surveys": found})


def _made(request: Request, survey: str, clocks: Clocks) -> tuple[Queries, Made]:
    queries = parts_of(request).queries
    return queries, made(queries, survey, clocks.as_of, clocks.position)


def _clocks(clocks: Clocks, survey: Survey) -> dict[str, Any]:
    return {"as_of": clocks.as_of, "known_at": clocks.known_at(), "survey": survey}


@router.get(
    "/{survey}/progress",
    response_model=None,
    responses={200: {"model": ProgressAnswer}, **NOT_FOUND},
    summary="进度 Progress against the list",
)
@question(READING, "whole", trail="survey", command="survey progress")
@taken_away(Sheet("groups", ProgressShape))
def progress(
    request: Request,
    clocks: Asked,
    survey: SurveyId,
    *,
    by: Annotated[Literal["6", "9", "12", "grid"], Query(description="Digits of the region, or grid.")] = "9",
) -> Response:
    """Visits by the date beside the organizations that were active in the region when the survey opened."""
    queries, of = _made(request, survey, clocks)
    found = standing_of(queries, of, clocks.position, None if by == "grid" else int(by))
    unknown = [{"visit": v.visit, "grid": v.grid, "made_on": v.made_on, **(v.unknown or {})} for v in found.unknown]
    missing = [{"visit": v.visit, "org": v.org, "grid": v.grid, "made_on": v.made_on} for v in found.missing]
    shown = {**found._asdict(), "unknown": unknown, "missing": missing}
    return answer({**_clocks(clocks, of.survey), **shown})


@router.get(
    "/{survey}/list",
    response_model=None,
    responses={200: {"model": ListAnswer}, **NOT_FOUND},
    summary="应走访清单 Organizations to visit",
)
@question(READING, "scoped", trail="survey", command=ASK)
@taken_away(Sheet("organizations", ToVisitShape))
def get_list(
    request: Request,
    clocks: Asked,
    survey: SurveyId,
    region: Annotated[
        str, Query(max_length=12, pattern="^[0-9]{0,12}$", description="Digits that the division begins with.")
    ] = "",
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The organizations that were active in the region when the survey opened, as the ledger has them on the date.

    Example: `/v1/surveys/survey:880107-2024/list?region=880107&as_of=2024-10-12`
    """
    del cursor  # the clocks carry it
    queries, of = _made(request, survey, clocks)
    after = None if clocks.after is None else str(clocks.after[0])
    total, found = to_visit(queries, of, clocks.as_of, clocks.position, region, after, limit + 1)
    shown, following = page(request, clocks, found, limit, lambda each: (each.org,))
    known = parts_of(request).regions.at(queries, clocks.position)
    codes = {code for each in shown for code in ancestors(each.region)}
    named = {code: known.named(code, clocks.as_of) for code in sorted(codes)}
    places = {
        code: {"name": None if each is None else each.name, "name_en": None if each is None else each.name_en}
        for code, each in named.items()
    }
    head = _clocks(clocks, of.survey)
    return answer({**head, "total": total, "places": places, "organizations": shown, "next": following})


@router.get(
    "/{survey}/discrepancies",
    response_model=None,
    responses={200: {"model": Discrepancies}, **NOT_FOUND},
    summary="出入 What was found otherwise",
)
@question(INSPECTING, "scoped", trail="survey", command="survey discrepancies")
@taken_away(Sheet("discrepancies", DiscrepancyShape, WHOLE))
def get_discrepancies(
    request: Request,
    clocks: Asked,
    survey: SurveyId,
    *,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Findings that differ from the ledger at the end of the day of the visit, each with a proposal."""
    del cursor  # the clocks carry it
    queries, of = _made(request, survey, clocks)
    found = differing(queries, of, clocks.position)
    counts: dict[str, int] = {}
    for each in found:
        counts[each.proposal] = counts.get(each.proposal, 0) + 1
    rest = [d for d in found if clocks.after is None or (d.org, d.finding) > tuple(clocks.after)]
    shown, following = page(request, clocks, rest[: limit + 1], limit, lambda d: (d.org, d.finding))
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**head, "total": len(found), "proposals": counts, "discrepancies": shown, "next": following})


@router.get(
    "/{survey}/sample",
    response_model=None,
    responses={200: {"model": SampleAnswer}, **NOT_FOUND},
    summary="复核抽样 A sample to visit again",
)
@question(INSPECTING, "scoped", trail="survey", command="survey sample")
@taken_away(Sheet("visits", VisitShape))
def get_sample(
    request: Request,
    clocks: Asked,
    survey: SurveyId,
    *,
    seed: Annotated[
        str,
        Query(
            min_length=1, max_length=100, description="Drawn in public; the same gives the same.", examples=["20241120"]
        ),
    ],
    size: Annotated[int, Query(ge=1, le=SAMPLE_MAX)] = 100,
) -> Response:
    """A random sample of the visits, reproducible by anyone from the log and the seed."""
    queries, of = _made(request, survey, clocks)
    seen = [v for v in of.visits if v.org and queries.in_sight(v.org, clocks.as_of, clocks.position)]
    drawn = sample(seen, size, seed)
    shown = [{"visit": v.visit, "org": v.org, "grid": v.grid, "made_on": v.made_on} for v in drawn]
    count = len({v.org for v in seen if v.revisits is None})
    return answer({"survey": survey, "seed": seed, "of": count, "visits": shown})


@router.get(
    "/{survey}/accuracy",
    response_model=None,
    responses={200: {"model": AccuracyAnswer}, **NOT_FOUND},
    summary="准确率 The accuracy that the sample gives",
)
@question(READING, "whole", trail=FIGURES_ONLY, command="survey accuracy")
@taken_away(Sheet("accuracy", AccuracyShape))
def get_accuracy(request: Request, clocks: Asked, survey: SurveyId) -> Response:
    """How often the visits made again found the same as the first, with the Wilson interval at 95 %."""
    _queries, of = _made(request, survey, clocks)
    return answer({"as_of": clocks.as_of, "known_at": clocks.known_at(), "survey": survey, "accuracy": accuracy(of)})
