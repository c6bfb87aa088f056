"""`/assessment`: where the campaigns' targets stand, the sealed reports, and one report rendered again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import HTMLResponse

from api.access import Reading
from api.clocks import Asked
from api.pages.addresses import address
from api.pages.base import Paged, tidy
from api.parts import parts_of
from api.routes.assessments import checked
from domain.rates import Counts, Filters, rates
from services.assessments import assessments, render
from services.campaigns import campaigns, standings

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


@router.get("/assessment", response_model=None)
def get(request: Request, page: Paged, _: Reading, clocks: Asked) -> HTMLResponse:
    """Every campaign's targets with their pace, as `/v1/campaigns/{campaign}` tells, and the list of reports."""
    parts = parts_of(request)
    queries = parts.queries.pinned()
    known = campaigns(queries, clocks.as_of, clocks.position).campaigns
    # A report is of the whole campaign (api/rules.py): whoever sees a part of it sees none.
    reports = [] if queries.scope else list(reversed(assessments(queries, clocks.position).assessments.values()))
    return page.render(
        "assessment.html",
        clocks=clocks,
        campaigns=[
            (each, standings(queries, parts.recorder, each, clocks.as_of, clocks.position)) for each in reversed(known)
        ],
        reports=reports,
        api=address("/v1/campaigns", page.pinned(clocks)),
    )


@router.get("/assessment/reports/{assessment}", response_model=None)
def get_report(
    request: Request,
    page: Paged,
    _: Reading,
    clocks: Asked,
    assessment: Annotated[str, Path(description="assessment: and its name", max_length=100)],
) -> HTMLResponse:
    """A report as sealed, whether it renders the same from the log, and what has become known since."""
    parts = parts_of(request)
    found = render(parts.queries.pinned(), parts.recorder, checked(assessment), clocks.position)
    sealed = found.assessment.data
    groups = [(each["key"], rates(Counts(**each["counts"]))) for each in sealed["groups"]]
    return page.render(
        "report.html",
        clocks=clocks,
        found=found,
        sealed=sealed,
        segment=Filters(**sealed["segment"]),
        groups=groups,
        total=rates(Counts(**sealed["total"])),
        api=address(f"/v1/assessments/{assessment}", {"known_at": clocks.position}),
    )
