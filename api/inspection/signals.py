"""`GET /v1/signals`: patterns that an inspector should look at, each explained by its events."""

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, CursorText, read_date
from api.asking.knowledge import SinceIfAny
from api.asking.paging import Limit, page
from api.asking.questions import INSPECTING, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.inspection.changes import ChangeEventShape
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import KnownAt
from domain.assessment.campaigns import deadlines as due_dates
from domain.inspection.signals import SIGNALS, Signal
from services.assessment.campaigns import campaigns
from services.inspection.changes import described
from services.inspection.signals import find, hit_key
from services.ledger.sight import Sight

router = APIRouter(prefix="/v1/signals", tags=["inspection"], responses=PROBLEMS)

DEADLINES_MAX: Final = 12


class SignalPolicyShape(BaseModel):
    """The thresholds in force; a `signals.adopted` event replaces them whole from its effective date on."""

    backdated_days: int
    backdated_grace_days: int
    short_lived_days: int
    moved_days: int
    without_members_days: int
    exclusion_days: int
    exclusion_factor: int
    exclusions_min: int
    correction_days: int
    correction_sigmas: int
    corrections_min: int
    never_met_days: int
    uncontacted_days: int


class HitShape(BaseModel):
    """One hit. It accuses nobody; it names what to look at."""

    signal: Signal
    deadline: date | None = Field(description="null for a signal that no deadline bears on")
    subject: str = Field(description="an organization, branch, member, region or source")
    detail: dict[str, Any] = Field(description="the figures behind it")
    positions: list[int] = Field(description="the events that explain it, at most 200")


class SignalsShape(BaseModel):
    """One page of hits, by signal, deadline and subject."""

    as_of: date
    known_at: KnownAt
    policy: SignalPolicyShape
    policy_decided_by: list[int] = Field(description="positions; empty while the thresholds are the default")
    deadlines: list[date]
    hits: list[HitShape]
    events: dict[int, ChangeEventShape] = Field(description="by position: the events of this page's hits")
    next: str | None = Field(description="`cursor` of the next page; null on the last")


@router.get("", response_model=None, responses={200: {"model": SignalsShape}}, summary="预警 Signals")
@question(INSPECTING, "scoped", trail="signals", command="signals")
@taken_away(Sheet("hits", HitShape, WHOLE))
def get(
    request: Request,
    clocks: Asked,
    since: SinceIfAny,
    *,
    signal: Annotated[list[Signal] | None, Query(description="Only these; may repeat. Left out: all.")] = None,
    deadline: Annotated[
        list[str] | None,
        Query(
            description="Deadlines, YYYY-MM-DD; may repeat. Left out: the due dates of the targets of all campaigns "
            "known. Those after `as_of` are not looked at.",
            max_length=DEADLINES_MAX,
            examples=["2024-12-31"],
        ),
    ] = None,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """Patterns in the facts that stand at both clocks; thresholds come from `signals.adopted` events.

    - `backdated`: a fact that raises a rate, effective at most `backdated_days` before a deadline, learned over
      `backdated_grace_days` after it. What counts is the day of `learned_at`: when it was recorded here, not the
      `time` that its registry states, which can be set at will; only an import is taken at its sources' word. The
      detail names all three days and the basis.
    - `short_lived_branch`: formed at most `short_lived_days` before a deadline, dissolved or left with nothing to
      cover at most so long after it.
    - `never_met`: a branch formed at most `never_met_days` before a deadline that is still there and has held no
      quorate meeting, as far as known, for longer than that since; only where an activity policy is in force.
    - `assigned_on_paper`: an active organization with instructors of whom no contact was told since they were assigned,
      for longer than `uncontacted_days`; only where contacts are told of at all (`contact.made`).
    - `moved_in_and_out`: an organization has the full members that the policy asks for on the deadline, neither
      `moved_days` before nor after, and only through members who came and left.
    - `branch_without_members`: none of the organizations that a branch covers has had any member for more than
      `without_members_days`.
    - `exclusion_spike`: in a county, the share of organizations excluded in the `exclusion_days` up to a deadline is
      over `exclusion_factor` times the mean of the six windows before, and at least `exclusions_min` are.
    - `correction_spike`: corrections and retractions of a source's events, for each of its facts, in the
      `correction_days` up to `as_of` are over `correction_sigmas` standard deviations above the mean of the six
      windows before, and at least `corrections_min`.
    """
    del cursor  # the clocks carry it
    queries = parts_of(request).queries
    if deadline:
        deadlines = [read_date("deadline", each) for each in deadline]
    else:
        deadlines = due_dates(campaigns(queries, clocks.as_of, clocks.position).campaigns)
    found = find(queries, clocks.as_of, clocks.position, signals=signal or SIGNALS, deadlines=deadlines)
    after = tuple(clocks.after) if clocks.after else None
    rest = [hit for hit in found.newer(since) if after is None or hit_key(hit) > after]
    shown, following = page(request, clocks, rest[: limit + 1], limit, hit_key)
    with queries.connection() as connection:
        events = described(connection, {position for hit in shown for position in hit.positions})
    events = Sight(queries, clocks.as_of, clocks.position).described(events)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "policy": found.policy,
            "policy_decided_by": found.decided_by,
            "deadlines": sorted(set(deadlines)),
            "hits": shown,
            "events": events,
            "next": following,
        }
    )
