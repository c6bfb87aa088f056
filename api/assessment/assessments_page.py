"""`/assessment`: where the campaigns' targets stand, the sealed reports, and one report rendered again."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import HTMLResponse

from api.asking.clocks import Asked
from api.asking.questions import shows
from api.assessment import assessments as assessments_api
from api.assessment import campaigns as campaigns_api
from api.assessment.assessments import checked
from api.site.addresses import address
from api.site.base import Paged, tidy
from api.web.parts import parts_of
from domain.assessment.campaigns import Target, sealed_target, segment_of
from domain.ledger.rates import Filters, Rate, rates, read_counts, read_rate
from services.assessment.assessments import assessments, render
from services.assessment.campaigns import Verdict, campaigns, standings
from services.assessment.provable import provable

router = APIRouter(tags=["pages"], dependencies=[Depends(tidy)], default_response_class=HTMLResponse)


class SealedTarget(NamedTuple):
    """A target of a report, as it was sealed and as it asked then; the verdicts are None until its day had come."""

    sealed: Mapping[str, Any]
    target: Target
    segment: dict[str, str]
    now: Rate
    then: Verdict | None
    known: Verdict | None


@router.get("/assessment", response_model=None)
@shows(campaigns_api.get_all, assessments_api.get_all)
def get(request: Request, page: Paged, clocks: Asked) -> HTMLResponse:
    """Every campaign's targets with their pace, as `/v1/campaigns/{campaign}` tells, and the list of reports."""
    parts = parts_of(request)
    queries = parts.queries
    known = campaigns(queries, clocks.as_of, clocks.position).campaigns
    # A report is of the whole campaign (its rule says so): whoever sees a part of it sees none.
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
@shows(assessments_api.get_one)
def get_report(
    request: Request,
    page: Paged,
    clocks: Asked,
    assessment: Annotated[str, Path(description="assessment: and its name", max_length=100)],
) -> HTMLResponse:
    """A report as sealed, whether it renders the same from the log, and what has become known since."""
    parts = parts_of(request)
    found = render(parts.queries, parts.recorder, checked(assessment), clocks.position)
    sealed = found.assessment.data
    groups = [(each["key"], rates(read_counts(each["counts"]))) for each in sealed["groups"]]
    targets = [_shown(each) for each in sealed["targets"]]
    return page.render(
        "report.html",
        clocks=clocks,
        found=found,
        sealed=sealed,
        segment=Filters(**sealed["segment"]),
        targets=targets,
        groups=groups,
        total=rates(read_counts(sealed["total"])),
        proofs=_proofs(assessment, sealed),
        api=address(f"/v1/assessments/{assessment}", {"known_at": clocks.position}),
    )


class Proof(NamedTuple):
    """Where a figure's proof is, and what the page says that it proves."""

    address: str
    counts: str
    region: str
    kind: str
    as_of: str
    known_at: int


def _proofs(assessment: str, sealed: Mapping[str, Any]) -> list[Proof | None]:
    """Of each group, and last of the total, its proof, where there can be one; nothing if of none."""
    asked = [(each["key"], each["counts"]) for each in sealed["groups"]] + [([], sealed["total"])]
    found = [_proof(assessment, sealed, key, counts) for key, counts in asked]
    return found if any(found) else []


def _proof(
    assessment: str, sealed: Mapping[str, Any], key: Sequence[str | None], counts: Mapping[str, int]
) -> Proof | None:
    figure = provable(sealed["segment"], sealed["group_by"], key)
    if figure is None:
        return None
    asked: dict[str, Any] = {"assessment": assessment, "kind": figure.kind}
    if figure.digits:
        asked[f"region:{figure.digits}"] = figure.key
    return Proof(
        address("/v1/proof", asked), json.dumps(counts), f"{figure.digits} {figure.key}", figure.kind or "all",
        sealed["as_of"], sealed["known_at"],
    )  # fmt: skip


def _shown(target: Mapping[str, Any]) -> SealedTarget:
    segment = {name: value for name, value in segment_of(target)._asdict().items() if value is not None}
    then, known = _verdict(target["as_known_then"]), _verdict(target["as_known_now"])
    return SealedTarget(target, sealed_target(target), segment, read_rate(target["now"]), then, known)


def _verdict(verdict: Mapping[str, Any] | None) -> Verdict | None:
    if verdict is None:
        return None
    return Verdict(verdict["known_at"], verdict["basis"], read_rate(verdict), verdict["reached"])
