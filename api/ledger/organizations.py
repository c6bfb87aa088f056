"""The ledger's rows, one organization's dossier, and its history."""

from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, ledger_at
from api.asking.filters import Filtered
from api.asking.paging import Limit, page
from api.asking.questions import ASK, BY_HTTP, INSPECTING, ONE_RECORD, READING, question
from api.exports.lists import Sheet, taken_away
from api.inspection.event_trail import TrailEventShape, shown_event
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import AnomalyShape, DecidedByShape, KnownAt, ListedRowShape, RowShape, listed_row, row
from domain.fieldwork.surveys import Proposal
from domain.inspection.row_changes import Reason, changed_fields
from domain.values.codes import CodeError, check_organization
from domain.values.terms import Measure, Relation, Standing
from services.fieldwork.organization_work import VisitHere, organization_work
from services.inspection.changes import described
from services.inspection.event_trail import events_at
from services.ledger.dossier import Step, dossier, history
from services.ledger.listing import ListKey, Sort, listing
from services.ledger.sight import Sight
from services.log.reader import LogReader

router = APIRouter(prefix="/v1/organizations", tags=["organizations"], responses=PROBLEMS)

Org = Annotated[str, Path(description="`uscc:…` or `group:…`", max_length=100, examples=["uscc:9151010452601815XG"])]


class Organizations(BaseModel):
    """One page of the ledger."""

    as_of: date
    known_at: KnownAt
    organizations: list[ListedRowShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class BranchShape(BaseModel):
    """A branch that covers the organization."""

    branch: str
    name: str | None
    tier: str | None
    formation: str
    region: str | None


class MemberShape(BaseModel):
    """A member at the organization, by pseudonym."""

    member: str
    standing: Standing
    relation: Relation | None = Field(description="null for an activist, who has none yet")


class DossierShape(BaseModel):
    """一企一档: one organization at both clocks."""

    as_of: date
    known_at: KnownAt
    org: str
    active: bool
    row: RowShape | None = Field(description="null while it is not active")
    decided_by: DecidedByShape | None = Field(description="null while it is not active")
    branches: list[BranchShape]
    members: list[MemberShape]
    instructors: list[str]
    anomalies: list[AnomalyShape]


class FindingShape(BaseModel):
    """One of a visit's six findings."""

    finding: str
    clear: bool
    value: str | int | None = Field(description="null where none was said, and of what no event carries any more")


class DiffersShape(BaseModel):
    """What a visit found otherwise than the ledger has it at the end of its day."""

    finding: str
    found: str | int
    ledger: str | int | None
    proposal: Proposal


class VisitHereShape(BaseModel):
    """A visit of the organization."""

    visit: str
    survey: str
    name: str | None = Field(description="the survey's")
    grid: str
    made_on: date
    revisits: str | None = Field(description="the visit that a sample looked at again; null for a first one")
    findings: list[FindingShape]
    differs: list[DiffersShape]
    position: int


class MeasureHereShape(BaseModel):
    """A measure of the organization."""

    measure: Measure
    opened_on: date
    closed_on: date | None = Field(description="null while it is open")
    closed_by: str | None
    due_on: date | None
    office: str | None = Field(description="who answers for an open one; null where nobody does")


class MatchHereShape(BaseModel):
    """What a person decided of the organization and another record."""

    match: str
    org: str
    other: str = Field(description="another organization, or a visit")
    same: bool
    reason: str
    decided_on: date
    undone_on: date | None = Field(description="null while it stands")
    undone_reason: str | None
    decided_by: list[int]


class WorkShape(BaseModel):
    """What offices have done at one organization by the date."""

    as_of: date
    known_at: KnownAt
    org: str
    visits: list[VisitHereShape] = Field(description="the latest first")
    measures: list[MeasureHereShape] = Field(description="in the order in which they were opened")
    matches: list[MatchHereShape] = Field(description="decided and undone, in order; of records that are both in sight")


class StepShape(TrailEventShape):
    """One event that touched the organization, its row before and after the event was known, and why they differ."""

    data: dict[str, Any]
    reason: Reason = Field(description="late_fact: learned on a later day than it is effective on")
    days_late: int | None = Field(description="from effective date to the date of learned_at in Asia/Shanghai")
    changed: list[str] = Field(description="fields of the row; `active` where it enters or leaves the ledger")
    before: RowShape | None
    after: RowShape | None
    previous: int | None = Field(description="position of the step before, over all pages")
    next: int | None = Field(description="position of the step after, over all pages")


class History(BaseModel):
    """One page of the history, in order of position."""

    as_of: date
    known_at: KnownAt
    org: str
    events: list[StepShape]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


def checked(org: str) -> str:
    """An organization's identifier; a Problem where it is none."""
    try:
        return check_organization(org)
    except CodeError as error:
        raise invalid("path.org", org, error.rule, str(error)) from None


@router.get("", response_model=None, responses={200: {"model": Organizations}}, summary="台账 The ledger's rows")
@question(READING, "scoped", trail="list", command=ASK)
@taken_away(Sheet("organizations", ListedRowShape))
def list_(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    *,
    q: Annotated[
        str | None,
        Query(
            description="Only those whose name or identifier holds each of these words, apart by blanks, whatever the "
            "letters' case, the width of letters and brackets, and whether in simplified or traditional characters.",
            min_length=1,
            max_length=100,
            examples=["科技"],
        ),
    ] = None,
    sort: Annotated[
        Sort,
        Query(description="By identifier, or the most `employees` (unknown last) or `full_members` first, then so."),
    ] = "org",
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Every active organization that the filters mean. Pages stay as they were known at the first.

    Example: `/v1/organizations?as_of=2024-12-31&q=科技&sort=employees`
    """
    del cursor  # the clocks carry it
    after = ListKey(*cast("tuple[int, str]", clocks.after)) if clocks.after else None
    queries = parts_of(request).queries
    found = listing(
        queries, clocks.as_of, clocks.position, filters, part=q, sort=sort, after=after, limit=limit + 1
    )  # fmt: skip
    shown, following = page(request, clocks, found, limit, lambda each: each.key)
    policy = ledger_at(request, clocks).policy
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    rows = [listed_row(each.row, policy) for each in shown]
    return answer({**head, "organizations": rows, "next": following})


@router.get(
    "/{org}",
    response_model=None,
    responses={200: {"model": DossierShape}, **NOT_FOUND},
    summary="一企一档 One organization's dossier",
)
@question(READING, "scoped", trail="dossier", command=BY_HTTP, forms=ONE_RECORD)
def get(request: Request, org: Org, clocks: Asked) -> Response:
    """The row and what decides it, the branches that cover it, its members by standing, its instructors, anomalies."""
    found = dossier(parts_of(request).queries, checked(org), clocks.as_of, clocks.position)
    head = {"as_of": clocks.as_of, "known_at": clocks.known_at()}
    return answer({**head, **found._asdict(), "row": row(found.row)})


@router.get(
    "/{org}/work",
    response_model=None,
    responses={200: {"model": WorkShape}, **NOT_FOUND},
    summary="走访、措施与认定 Visits, measures and matches of one organization",
)
@question(READING, "scoped", trail="dossier", command=BY_HTTP, forms=ONE_RECORD)
def get_work(request: Request, org: Org, clocks: Asked) -> Response:
    """Its visits with what they found and what differs from the ledger, its measures, and what was decided of matches.

    Of a branch that covers it, terms and meetings are under `/v1/branches/{branch}`.
    """
    found = organization_work(ledger_at(request, clocks), checked(org))
    inner = {"visit", "org", "made_on", "position"}

    def shown(each: VisitHere) -> dict[str, Any]:
        differs = [{k: v for k, v in one._asdict().items() if k not in inner} for one in each.differs]
        return {**each._asdict(), "findings": each.findings, "differs": differs}

    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "org": org,
            "visits": [shown(each) for each in found.visits],
            "measures": [
                {
                    "measure": each.episode.measure, "opened_on": each.episode.opened_on,
                    "closed_on": each.episode.closed_on, "closed_by": each.episode.closed_by, "due_on": each.due_on,
                    "office": each.office,
                }
                for each in found.measures
            ],
            "matches": found.matches,
        }
    )  # fmt: skip


@router.get(
    "/{org}/history",
    response_model=None,
    responses={200: {"model": History}, **NOT_FOUND},
    summary="变更记录 Every event that touched it",
)
@question(INSPECTING, "scoped", trail="history", command="history")
@taken_away(Sheet("events", StepShape))
def get_history(
    request: Request, org: Org, clocks: Asked, *, limit: Limit = 100, cursor: CursorText = None
) -> Response:
    """In order of position, each with the row of `as_of` before and after the event was known."""
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    after = int(str(clocks.after[0])) if clocks.after else 0
    found = history(queries, checked(org), clocks.as_of, clocks.position, after=after, limit=limit + 1)
    steps, following = page(request, clocks, found, limit, lambda each: (each.position,))
    positions = [step.position for step in steps]
    events = events_at(queries, positions)
    with queries.connection() as connection:
        data = {event.position: event.data for event in LogReader(connection).events(positions)}
        why = described(connection, positions)

    sight = Sight(queries, clocks.as_of, clocks.position)

    def shown(step: Step) -> dict[str, Any]:
        event, reason = shown_event(events[step.position]), why[step.position]
        return {
            **event, "subject": sight.subject(event["subject"]), "data": sight.redacted(data[step.position]),
            "reason": reason.reason, "days_late": reason.days_late,
            "changed": changed_fields(step.before, step.after), "before": row(step.before), "after": row(step.after),
            "previous": step.previous, "next": step.next,
        }  # fmt: skip

    head = {"as_of": clocks.as_of, "known_at": clocks.known_at(), "org": org}
    return answer({**head, "events": [shown(step) for step in steps], "next": following})
