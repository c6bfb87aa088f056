"""`/daily/surveys`: surveys with their progress, what was found otherwise, and the sample that is visited again."""

from typing import Annotated, Final, Literal, get_args

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked, CursorText
from api.asking.paging import Limit
from api.asking.paging import page as page_of
from api.asking.questions import shows
from api.fieldwork import surveys
from api.fieldwork.measures_page import SECTIONS
from api.fieldwork.surveys import SAMPLE_MAX, SurveyId
from api.site.addresses import Value, address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.fieldwork.surveys import sample
from services.fieldwork.surveys import accuracy, all_surveys, differing, made, standing_of
from services.ledger.listing import names_of

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)

By = Literal["6", "9", "12", "grid"]
BYS: Final[tuple[By, ...]] = get_args(By)
# Of a long list of visits so many are shown; the API has them all.
SHOWN_MAX: Final = 200
SAMPLED: Final = 100


@router.get("/daily/surveys", response_model=None)
@shows(surveys.get)
def get_all(request: Request, page: Paged, clocks: Asked) -> HTMLResponse:
    """What `/v1/surveys` tells, to be read."""
    found = all_surveys(parts_of(request).queries, clocks.as_of, clocks.position)
    api = address("/v1/surveys", page.pinned(clocks))
    return page.render("surveys.html", clocks=clocks, sections=SECTIONS, found=found, api=api)


@router.get("/daily/surveys/{survey}", response_model=None)
@shows(surveys.progress, surveys.get_accuracy)
def get(
    request: Request,
    page: Paged,
    clocks: Asked,
    survey: SurveyId,
    *,
    by: Annotated[By, Query(description="Digits of the region, or grid.")] = "9",
) -> HTMLResponse:
    """What `/v1/surveys/{survey}/progress` and `…/accuracy` tell, to be read."""
    queries = parts_of(request).queries
    of = made(queries, survey, clocks.as_of, clocks.position)
    standing = standing_of(queries, of, clocks.position, None if by == "grid" else int(by))
    missing = standing.missing[:SHOWN_MAX]
    return page.render(
        "survey.html",
        clocks=clocks,
        sections=SECTIONS,
        survey=of.survey,
        by=by,
        all_by=BYS,
        standing=standing,
        missing=missing,
        names=names_of(queries, [v.org for v in missing if v.org], of.survey.opened_on, clocks.position),
        unknown=standing.unknown[:SHOWN_MAX],
        accuracy=accuracy(of),
        api=address(f"/v1/surveys/{survey}/progress", {**page.pinned(clocks), "by": by}),
    )


@router.get("/daily/surveys/{survey}/discrepancies", response_model=None)
@shows(surveys.get_discrepancies)
def get_discrepancies(
    request: Request,
    page: Paged,
    clocks: Asked,
    survey: SurveyId,
    *,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What `/v1/surveys/{survey}/discrepancies` tells, to be read."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    of = made(queries, survey, clocks.as_of, clocks.position)
    found = differing(queries, of, clocks.position)
    rest = [d for d in found if clocks.after is None or (d.org, d.finding) > tuple(clocks.after)]
    shown, following = page_of(request, clocks, rest[: limit + 1], limit, lambda d: (d.org, d.finding))
    proposals = {name: sum(d.proposal == name for d in found) for name in sorted({d.proposal for d in found})}
    given: dict[str, Value] = {**page.pinned(clocks), "limit": limit}
    return page.render(
        "survey_discrepancies.html",
        clocks=clocks,
        sections=SECTIONS,
        survey=of.survey,
        total=len(found),
        proposals=proposals,
        found=shown,
        names=names_of(queries, [d.org for d in shown], clocks.as_of, clocks.position),
        next=following,
        api=address(f"/v1/surveys/{survey}/discrepancies", given),
    )


@router.get("/daily/surveys/{survey}/sample", response_model=None)
@shows(surveys.get_sample)
def get_sample(
    request: Request,
    page: Paged,
    clocks: Asked,
    survey: SurveyId,
    *,
    seed: Annotated[
        str | None, Query(min_length=1, max_length=100, description="Drawn in public; the same gives the same.")
    ] = None,
    size: Annotated[int, Query(ge=1, le=SAMPLE_MAX, description="How many visits.")] = SAMPLED,
) -> HTMLResponse:
    """What `/v1/surveys/{survey}/sample` tells, to be read; beside each visit the one that looked at it again."""
    queries = parts_of(request).queries
    of = made(queries, survey, clocks.as_of, clocks.position)
    seen = [v for v in of.visits if v.org and queries.in_sight(v.org, clocks.as_of, clocks.position)]
    drawn = sample(seen, size, seed) if seed else []
    given: dict[str, Value] = {**page.pinned(clocks), "seed": seed, "size": size}
    return page.render(
        "survey_sample.html",
        clocks=clocks,
        sections=SECTIONS,
        survey=of.survey,
        seed=seed or "",
        size=size,
        size_max=SAMPLE_MAX,
        of=len({v.org for v in seen if v.revisits is None}),
        drawn=drawn,
        again={v.revisits: v for v in of.visits if v.revisits is not None},
        names=names_of(queries, [v.org for v in drawn if v.org], clocks.as_of, clocks.position),
        api=address(f"/v1/surveys/{survey}/sample", given) if seed else "",
    )
