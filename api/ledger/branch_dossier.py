"""`GET /v1/branches/{branch}`, `…/history`: one branch's dossier (一支部一档), and every event that touched it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText, ledger_at
from api.asking.paging import Limit, page
from api.asking.questions import ASK, INSPECTING, ONE_RECORD, READING, question
from api.exports.lists import Sheet, taken_away
from api.inspection.replay import Stepping
from api.ledger.branches import BranchRowShape, checked
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.shapes import AnomalyShape, KnownAt
from domain.ledger.living import JudgedMeetings, Judgement, NotOwed
from domain.values.terms import Formation, MeetingKind, Per, Tier
from services.inspection.branch_history import BranchStep, branch_history
from services.ledger.branch_dossier import branch_dossier

router = APIRouter(prefix="/v1/branches", tags=["branches"], responses=PROBLEMS)

Name = Annotated[str, Path(description="`branch:…`", max_length=71, examples=["branch:880107-0001"])]


class CoveredShape(BaseModel):
    """An organization that the branch covers."""

    org: str
    name: str | None
    formation: Formation
    active: bool = Field(description="an organization that is not active counts for nothing")


class PeriodShape(BaseModel):
    """A judged period."""

    first: date
    last: date
    held: int


class JudgedMeetingsShape(BaseModel):
    """What the activity policy asks of meetings of one kind, and what was held."""

    kind: MeetingKind
    least: int
    per: Per
    not_owed: NotOwed | None = Field(description="why it is not owed; null: it is")
    missed: bool
    periods: list[PeriodShape] = Field(description="the latest first")


class JudgementShape(BaseModel):
    """What was judged of a branch of tier `branch`."""

    term_over: bool
    vacant_too_long: bool
    meetings: list[JudgedMeetingsShape]


class TermShape(BaseModel):
    """A term."""

    first: date
    last: date | None = Field(description="as it stands; null where it has no end")
    extended: bool


class MeetingsShape(BaseModel):
    """Quorate meetings of one kind on one day."""

    day: date
    kind: MeetingKind
    held: int


class BranchDossierShape(BaseModel):
    """一支部一档: one branch at both clocks."""

    as_of: date
    known_at: KnownAt
    branch: str
    formed: bool
    row: BranchRowShape | None = Field(description="null while it is not formed")
    judged: JudgementShape | None = Field(description="null without an activity policy, and above the tier `branch`")
    covers: list[CoveredShape]
    below: list[BranchRowShape] = Field(description="the branches directly below it")
    terms: list[TermShape] = Field(description="the latest first")
    meetings: list[MeetingsShape] = Field(description="the latest first")
    anomalies: list[AnomalyShape]


class BranchThenShape(BaseModel):
    """A branch as its events had it under one state of knowledge."""

    name: str
    tier: Tier
    formation: Formation
    region: str
    parent: str | None
    groups: int
    formed_on: date
    term_from: date
    term_to: date | None
    vacant_since: date | None
    covers: list[str] = Field(description="organizations, active or not")
    pairs: dict[str, Formation] = Field(description="of those covered otherwise than by the branch's own formation")
    meetings: int = Field(description="quorate ones held by the date")
    in_effect: bool | None


class BranchStepShape(Stepping):
    """One event that touched the branch, and what the branch was before and after the event was known."""

    changed: list[str] = Field(
        description="fields of the state; all of them where it came to be formed, or is no longer"
    )
    before: BranchThenShape | None = Field(description="null while it is not formed")
    after: BranchThenShape | None


class BranchHistory(BaseModel):
    """One page of the history, in order of position."""

    as_of: date
    known_at: KnownAt
    branch: str
    events: list[BranchStepShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get(
    "/{branch}",
    response_model=None,
    responses={200: {"model": BranchDossierShape}, **NOT_FOUND},
    summary="一支部一档 One branch's dossier",
)
@question(READING, "scoped", trail="dossier", command="branch", forms=ONE_RECORD)
def get(request: Request, branch: Name, clocks: Asked) -> Response:
    """Its row, what it covers and how, the branches below it, its terms and meetings, and what was judged of it."""
    found = branch_dossier(ledger_at(request, clocks), checked(branch))
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at(), "formed": found.row is not None}
    told = {
        "row": None if found.row is None else found.row._asdict(),
        "judged": None if found.judged is None else judgement(found.judged),
        "covers": [each._asdict() for each in found.covers],
        "below": [each._asdict() for each in found.below],
        "terms": [each._asdict() for each in found.terms],
        "meetings": [each._asdict() for each in found.meetings],
        "anomalies": [each._asdict() for each in found.anomalies],
    }
    return answer({**head, "branch": found.branch, **told})


def judgement(judged: Judgement) -> dict[str, Any]:
    """What was judged, as answers show it."""
    return {
        "term_over": judged.term_over,
        "vacant_too_long": judged.vacant_too_long,
        "meetings": [_meetings(each) for each in judged.meetings],
    }


def _meetings(judged: JudgedMeetings) -> dict[str, Any]:
    periods = [
        {"first": date.fromordinal(each.first), "last": date.fromordinal(each.last), "held": each.held}
        for each in judged.periods
    ]
    return {**judged.asked._asdict(), "not_owed": judged.not_owed, "missed": judged.missed, "periods": periods}


@router.get(
    "/{branch}/history",
    response_model=None,
    responses={200: {"model": BranchHistory}, **NOT_FOUND},
    summary="党组织变更记录 Every event that touched a branch",
)
@question(INSPECTING, "scoped", trail="history", command=ASK)
@taken_away(Sheet("events", BranchStepShape))
def get_history(
    request: Request, branch: Name, clocks: Asked, *, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """In order of position, each with what the branch was on `as_of` before and after the event was known."""
    del cursor  # the clocks carry it
    steps, following = steps_of(request, clocks, checked(branch), limit)
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at(), "branch": branch}
    return answer({**head, "events": [_step(each) for each in steps], "next": following})


def steps_of(request: Request, clocks: Clocks, branch: str, limit: int) -> tuple[Sequence[BranchStep], str | None]:
    """One page of the history's steps, and the cursor of the next."""
    after = int(str(clocks.after[0])) if clocks.after else 0
    found = branch_history(ledger_at(request, clocks), branch, after=after, limit=limit + 1)
    return page(request, clocks, found, limit, lambda each: (each.event.position,))


def _step(each: BranchStep) -> dict[str, Any]:
    states = {
        side: None if one is None else one._asdict() for side, one in (("before", each.before), ("after", each.after))
    }
    return {**each.event._asdict(), "changed": each.changed, **states, "previous": each.previous, "next": each.next}
