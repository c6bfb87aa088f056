"""`/v1/measures`: work lists by office, due and overdue; how long measures take."""

from datetime import date
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, CursorText, read_date
from api.asking.filters import Filtered
from api.asking.paging import Limit, page
from api.asking.questions import ASK, FIGURES_ONLY, READING, Not, question
from api.exports.lists import Sheet, taken_away
from api.ledger.organizations import Org
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from domain.values.terms import Measure
from services.fieldwork.durations import durations
from services.fieldwork.measures import Item, State, Work, deadlines_json, item_key, names, of_organization, open_work
from services.fieldwork.reminders import reminders
from services.ledger.queries import Queries

router = APIRouter(prefix="/v1/measures", tags=["daily work"], responses=PROBLEMS)

Office = Annotated[str | None, Query(max_length=80, description="Only those that this office answers for.")]


State_ = Annotated[State | None, Query(description="due: within 30 days; overdue: past its due date.")]


def by_day(
    due_until: Annotated[
        str | None,
        Query(
            description="Only those due by this day, overdue or not, YYYY-MM-DD.",
            max_length=10,
            examples=["2025-03-07"],
        ),
    ] = None,
) -> date | None:
    """`due_until`, read."""
    return None if due_until is None else read_date("due_until", due_until)


DueUntil = Annotated[date | None, Depends(by_day)]


class DeadlinesShape(BaseModel):
    """The deadlines in force, as the last `measure.deadlines_adopted` has them."""

    not_before: date | None = Field(description="no measure is due earlier")
    days: dict[str, int | None] = Field(description="by measure; null for no due date")


class ItemShape(BaseModel):
    """One open measure."""

    org: str
    name: str
    region: str
    measure: Measure
    opened_on: date
    eligible_since: date | None = Field(description="for a branch: since when it is eligible and uncovered")
    due_on: date | None = Field(description="the last day in time; null without a deadline")
    overdue_days: int = Field(description="0 while in time")
    state: State
    office: str | None


class TallyShape(BaseModel):
    """One office's measures of one sort."""

    office: str | None = Field(description="null: no office answers for them")
    measure: Measure
    open: int
    due: int = Field(description="of them due within 30 days")
    overdue: int


class WorkShape(BaseModel):
    """One page of a work list, and what is open, due and overdue by office over all pages."""

    as_of: date
    known_at: KnownAt
    deadlines: DeadlinesShape
    deadlines_decided_by: list[int]
    offices: list[TallyShape]
    total: int
    items: list[ItemShape]
    next: str | None


@router.get("", response_model=None, responses={200: {"model": WorkShape}}, summary="工作清单 Work lists")
@question(READING, "scoped", trail="measures", command="measures")
@taken_away(Sheet("items", ItemShape, 20_000))
def get(
    request: Request,
    clocks: Asked,
    filters: Filtered,
    due_until: DueUntil,
    *,
    office: Office = None,
    state: State_ = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The measures open at uncovered organizations, by due date; opened and closed by the ledger's own changes.

    A measure is open while the organization is active, not excluded and not organization-covered (for `instruct`: nor
    work-covered). For a branch the days of the deadline count from the day of eligibility, for others from the day the
    measure opened; it is overdue from the day after its due date on.
    """
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    work = open_work(queries, clocks.as_of, clocks.position, filters).of_office(office).in_state(state)
    work = work.due_until(due_until)
    items, following = work_page(request, clocks, queries, work, limit)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "deadlines": deadlines_json(work.said.deadlines),
            "deadlines_decided_by": work.said.decided_by,
            "offices": work.tallies(),
            "total": len(work),
            "items": [_shown(item, name) for item, name in items],
            "next": following,
        }
    )


def work_page(
    request: Request, clocks: Clocks, queries: Queries, work: Work, limit: int
) -> tuple[list[tuple[Item, str]], str | None]:
    """The page's items, each with its organization's name, and the next page's cursor."""
    after = None if clocks.after is None else (str(clocks.after[0]), str(clocks.after[1]))
    shown, following = page(request, clocks, work.page(after, limit + 1), limit, item_key)
    return list(zip(shown, names(queries, shown), strict=True)), following


def _shown(item: Item, name: str) -> dict[str, Any]:
    inner = ("org_no", "attributes_no")
    return {"name": name, **{key: value for key, value in item._asdict().items() if key not in inner}}


class EpisodeShape(BaseModel):
    """One measure of an organization, open or closed."""

    measure: Measure
    opened_on: date
    closed_on: date | None
    closed_by: str | None
    eligible_since: date | None
    due_on: date | None


class OfOrganization(BaseModel):
    """All measures of one organization."""

    org: str
    as_of: date
    known_at: KnownAt
    measures: list[EpisodeShape]


@router.get(
    "/organizations/{org}",
    response_model=None,
    responses={200: {"model": OfOrganization}, **NOT_FOUND},
    summary="一户的措施 One organization's measures",
)
@question(
    READING,
    "scoped",
    trail="measures",
    command=ASK,
    page=Not("the dossier shows the measure in force"),
)
@taken_away(Sheet("measures", EpisodeShape))
def of_one(request: Request, clocks: Asked, org: Org) -> Response:
    """Every measure that was open at an organization by the date: opened, closed and by what."""
    found, said = of_organization(parts_of(request).queries, org, clocks.as_of, clocks.position)
    measures = [{**each._asdict(), "due_on": said.due_on(org, each)} for each in found]
    return answer({"org": org, "as_of": clocks.as_of, "known_at": clocks.known_at(), "measures": measures})


class Reminders(BaseModel):
    """Reminders as the topic has them."""

    as_of: date
    known_at: KnownAt
    reminders: list[dict[str, Any]] = Field(description="CloudEvents, first due first; schema taizhang.reminders.v1")


class ReminderShape(BaseModel):
    """One reminder: its lasting id, and what is due."""

    id: str
    type: str
    office: str | None
    org: str
    name: str
    region: str
    measure: Measure
    opened_on: date
    due_on: date
    overdue_days: int


def _told(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The reminders of an answer, one row each."""
    return [{**each["data"], "id": each["id"], "type": each["type"]} for each in said["reminders"]]


@router.get("/reminders", response_model=None, responses={200: {"model": Reminders}}, summary="到期提醒 Reminders")
@question(READING, "scoped", trail="measures", command="reminders")
@taken_away(Sheet(_told, ReminderShape))
def get_reminders(request: Request, clocks: Asked, filters: Filtered, *, office: Office = None) -> Response:
    """What is due within 30 days or overdue, as the events that `taizhang reminders` sends: each by a lasting id."""
    queries = parts_of(request).queries
    found = reminders(queries, clocks.as_of, clocks.position, filters, office)
    events = [orjson.Fragment(each.event) for each in found]
    return answer({"as_of": clocks.as_of, "known_at": clocks.known_at(), "reminders": events})


class PointShape(BaseModel):
    """One step of the curve."""

    days: int
    still_open: float
    low: float | None = Field(description="95 %, log-log; null where it has no value")
    high: float | None


class DurationsShape(BaseModel):
    """One region's curve."""

    region: str | None
    ended: int
    censored: int = Field(description="still open, or ended without being met")
    median_days: int | None
    curve: list[PointShape]


class AllDurations(BaseModel):
    """How long a measure takes."""

    as_of: date
    known_at: KnownAt
    measure: Measure
    groups: list[DurationsShape]


@router.get(
    "/durations", response_model=None, responses={200: {"model": AllDurations}}, summary="用时 How long measures take"
)
@question(
    READING,
    "scoped",
    trail=FIGURES_ONLY,
    command="durations",
    page=Not("a curve for analysts, by shell and HTTP"),
)
@taken_away(Sheet("groups", DurationsShape))
def get_durations(
    request: Request,
    clocks: Asked,
    *,
    measure: Annotated[Measure, Query(description="Which measure.")] = "establish",
    region_digits: Annotated[Literal["0", "2", "4", "6", "9", "12"], Query(description="0: all in one curve.")] = "6",
) -> Response:
    """Days from opening to coverage, by region: Kaplan-Meier curves, with what is still open counted as censored."""
    digits = int(region_digits) or None
    found = durations(parts_of(request).queries, clocks.as_of, clocks.position, measure, digits)
    names = ("days", "still_open", "low", "high")
    groups = [
        {**each._asdict(), "curve": [dict(zip(names, point, strict=True)) for point in each.curve]} for each in found
    ]
    shown = {"as_of": clocks.as_of, "known_at": clocks.known_at(), "measure": measure, "groups": groups}
    return answer(shown)
