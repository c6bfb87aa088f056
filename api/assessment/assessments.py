"""`/v1/assessments`: reports sealed into the log, rendered again from it, with what has become known since."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admission.callers import Admitted
from api.asking.clocks import KnownAt, reached, settled_position
from api.asking.questions import ASK, ASSESSING, FIGURES_ONLY, READING, Not, act, question
from api.assessment.sealing import Seal, sealed
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import ProblemDetails, invalid
from api.web.shapes import KnownAt as KnownAtShape
from api.web.shapes import knowledge
from domain.assessment.assessments import Assessment
from domain.events.assessment import AssessmentSealed
from domain.values.codes import CodeError, check_named
from services.assessment.assessments import Rendered, assessments, render
from services.ledger.known import Known as Position

router = APIRouter(prefix="/v1/assessments", tags=["assessment"], responses=PROBLEMS)

_SEALED: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemDetails, "description": "A report of this name is sealed, or the other superseded, already"}
}


class SealedShape(BaseModel):
    """A report that was sealed."""

    assessment: str
    position: int = Field(description="of the event that holds it")


class SupersededShape(BaseModel):
    """What took a report's place."""

    by: str
    reason: str
    position: int


class AssessmentItem(BaseModel):
    """One report of the list."""

    assessment: str
    title: str
    office: str
    campaign: str
    as_of: date
    known_at: int
    sealed_on: date
    position: int
    superseded: SupersededShape | None


class ContradictionShape(BaseModel):
    """An event without effect: a report is sealed once, never changed, and superseded once by one that is sealed."""

    assessment: str
    contradiction: str
    position: int


class AssessmentList(BaseModel):
    """All reports in order of sealing."""

    known_at: KnownAtShape
    assessments: list[AssessmentItem]
    contradictions: list[ContradictionShape]


class DifferenceShape(BaseModel):
    """A value that differs."""

    at: str = Field(description="JSON pointer into `sealed`")
    sealed: Any
    rendered: Any


class InOutShape(BaseModel):
    """Organizations that came into a count, and that went out of it."""

    into: int
    out: int


class SourceSinceShape(BaseModel):
    """What came from one source; an organization that two sources touched stands under both."""

    source: str
    events: int
    organizations: int
    counts: dict[str, InOutShape]


class SinceShape(BaseModel):
    """What has become known since about the report's date and segment."""

    known_at: KnownAtShape
    organizations: int = Field(description="whose row differs")
    counts: dict[str, InOutShape]
    sources: list[SourceSinceShape]


class ReportShape(BaseModel):
    """A sealed report and the same rendered again from the log."""

    assessment: str
    position: int
    recorded_at: datetime
    sealed_on: date
    superseded: SupersededShape | None
    sealed: AssessmentSealed = Field(description="the event's data, as it was sealed")
    rendered: dict[str, Any] = Field(description="policy, targets, groups, total and root_hash, rendered now")
    identical: bool
    differences: list[DifferenceShape] = Field(description="at most 100")
    ruleset: str = Field(description="of the rules that rendered it now; `sealed` has those that sealed it")
    since: SinceShape
    as_known_now: dict[str, Any] | None = Field(
        description="the same report as known at `since.known_at`; null where its campaign was taken back"
    )


async def known_position(request: Request, _: Annotated[int, Depends(reached)], known_at: KnownAt = None) -> int:
    """The state of knowledge of this question."""
    return await settled_position(parts_of(request), known_at)


Known = Annotated[int, Depends(known_position)]
AssessmentPath = Annotated[str, Path(description="assessment: and its name", examples=["assessment:2024-end"])]


@router.post(
    "",
    status_code=201,
    response_model=None,
    responses={201: {"model": SealedShape}, **NOT_FOUND, **_SEALED},
    summary="封存 Seal an assessment",
)
@act(ASSESSING, "whole", command="assess")
async def seal(request: Request, holder: Admitted, _: Annotated[int, Depends(reached)], body: Seal) -> Response:
    """Fix campaign, clocks, policy, targets and groups in one event, with the log's checkpoint and the rules' hash.

    Without `known_at` it holds all that was answered as durable before the call. The checkpoint's tree holds
    `known_at`. It is never changed. To put it right, seal another that supersedes it, with a reason: the one event says
    both, or is refused and nothing is stored.
    """
    position = await sealed(request, holder, body)
    return answer({"assessment": body.assessment, "position": position}, 201)


@router.get("", response_model=None, responses={200: {"model": AssessmentList}}, summary="考核报告 Sealed assessments")
@question(READING, "whole", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet("assessments", AssessmentItem))
def get_all(request: Request, known_at: Known) -> Response:
    """The reports sealed, as known at a position.

    Example: `/v1/assessments`
    """
    queries = parts_of(request).queries
    found = assessments(queries, known_at)
    return answer(
        {
            "known_at": knowledge(queries.learn(known_at)),
            "assessments": [_item(each) for each in found.assessments.values()],
            "contradictions": found.contradictions,
        }
    )


def _item(each: Assessment) -> dict[str, Any]:
    shown = {name: each.data[name] for name in ("title", "office", "campaign", "as_of", "known_at")}
    return {
        "assessment": each.assessment, **shown, "sealed_on": each.sealed_on, "position": each.position,
        "superseded": each.superseded,
    }  # fmt: skip


@router.get(
    "/{assessment}",
    response_model=None,
    responses={200: {"model": ReportShape}, **NOT_FOUND},
    summary="重现 A sealed assessment rendered again",
)
@question(
    READING,
    "whole",
    trail=FIGURES_ONLY,
    command="assess",
    forms=Not("/v1/assessments/{assessment}/export has it whole"),
)
def get_one(request: Request, known_at: Known, assessment: AssessmentPath) -> Response:
    """The report as sealed, rendered again from the log at its own pair of clocks, and what became known since.

    `identical` says whether both are the same; `differences` names each value that is not.
    Example: `/v1/assessments/assessment:2024-end`
    """
    parts = parts_of(request)
    queries = parts.queries
    return answer(shown_report(queries.learn, render(queries, parts.recorder, checked(assessment), known_at)))


def checked(name: str) -> str:
    """A report's identifier; a Problem where it is none."""
    try:
        return check_named(name, "assessment")
    except CodeError as error:
        raise invalid("path.assessment", name, error.rule, str(error)) from None


def shown_report(learn: Callable[[int], Position], found: Rendered) -> dict[str, Any]:
    """A report, as answers show it."""
    report = found.assessment
    return {
        "assessment": report.assessment,
        "position": report.position,
        "recorded_at": learn(report.position).recorded_at,
        "sealed_on": report.sealed_on,
        "superseded": report.superseded,
        "sealed": report.data,
        "rendered": found.rendered,
        "identical": found.identical,
        "differences": found.differences,
        "ruleset": found.ruleset,
        "since": {"known_at": knowledge(learn(found.known_at)), **found.since._asdict()},
        "as_known_now": found.as_known_now,
    }
