"""`/assessment/seal`: the form that seals a report at both clocks of its address."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.admission.callers import Admitted
from api.asking.clocks import Asked
from api.asking.questions import shows
from api.assessment import assessments as assessments_api
from api.assessment.sealing import Seal, sealed
from api.site.base import Paged, tidy
from api.site.forms import give_token, submitted, token_of
from api.web.parts import parts_of
from domain.values.fields import REASON_LENGTH_MAX
from services.assessment.assessments import assessments
from services.assessment.campaigns import campaigns, standings
from services.ledger.queries import Queries
from services.system.errors import NotFoundError

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)])

# What a report can be broken down by, as the form offers it.
GROUPINGS: Final = ("kind region:6", "kind", "region:6", "region:9", "industry", "")
_FIELDS: Final = ("name", "title", "office", "campaign", "group_by", "supersedes", "reason")


@router.get("/assessment/seal", response_model=None)
@shows(assessments_api.seal)
def get(request: Request, page: Paged, clocks: Asked) -> Response:
    """What is to be sealed, and by whom; nothing is stored before the form is sent."""
    queries = parts_of(request).queries
    token = token_of(request)
    response = page.render(
        "seal.html",
        clocks=clocks,
        campaigns=campaigns(queries, clocks.as_of, clocks.position).campaigns,
        standing=_standing(queries),
        groupings=GROUPINGS,
        reason_length_max=REASON_LENGTH_MAX,
        token=token,
    )
    return give_token(response, request, token)


def _standing(queries: Queries) -> list[tuple[str, str]]:
    """The reports, by name and title, whose place a new one can take."""
    found = assessments(queries, queries.position).assessments.values()
    return [(each.assessment, each.data["title"]) for each in found if each.superseded is None]


@router.post("/assessment/seal", response_model=None)
@shows(assessments_api.seal)
async def post(request: Request, page: Paged, holder: Admitted, clocks: Asked) -> Response:
    """Seal as `POST /v1/assessments` does, and lead to the report."""
    form = await submitted(request, *_FIELDS, "confirmed")
    body = {
        "assessment": f"assessment:{form['name']}", "title": form["title"], "office": form["office"],
        "campaign": form["campaign"], "as_of": clocks.as_of.isoformat(), "known_at": str(clocks.position),
        "group_by": form["group_by"].split(), "supersedes": form["supersedes"] or None,
        "reason": form["reason"] or None,
    }  # fmt: skip
    try:
        wanted = Seal.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("form", *each["loc"])} for each in error.errors()]) from error
    if form["confirmed"] != "yes":
        return await run_in_threadpool(_preview, request, page, clocks, form, wanted)
    position = await sealed(request, holder, wanted)
    # As known from its own event on, which is waited for there.
    reached = {"as_of": None, "known_at": None, "min_position": position}
    address = page.addresses.to(f"/assessment/reports/{wanted.assessment}", reached)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _preview(request: Request, page: Paged, clocks: Asked, form: dict[str, str], wanted: Seal) -> Response:
    """What would be sealed, and the one button that does it; nothing is stored yet.

    Raises:
        NotFoundError: there is no such campaign at these clocks.
    """
    parts = parts_of(request)
    known = campaigns(parts.queries, clocks.as_of, clocks.position).campaigns
    campaign = next((each for each in known if each.campaign == wanted.campaign), None)
    if campaign is None:
        raise NotFoundError(f"no campaign {wanted.campaign} at these clocks; choose one that the form offers")
    token = token_of(request)
    response = page.render(
        "seal_preview.html",
        clocks=clocks,
        form=form,
        wanted=wanted,
        campaign=campaign,
        standings=standings(parts.queries, parts.recorder, campaign, clocks.as_of, clocks.position),
        token=token,
    )
    return give_token(response, request, token)
