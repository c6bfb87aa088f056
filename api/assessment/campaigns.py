"""`GET /v1/campaigns`: campaigns and where their targets stand, at any pair of clocks."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked
from api.asking.questions import FIGURES_ONLY, READING, Not, question
from api.exports.lists import Sheet, taken_away
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import Evidence, KnownAt, RateShape, knowledge
from domain.assessment.campaigns import Asked as AskedOfTarget
from domain.assessment.campaigns import Campaign, Target, told_segment
from domain.events.campaigns import Against, Comparator
from domain.values.clocks import Basis
from domain.values.codes import CodeError, check_named
from domain.values.decimals import decimal
from domain.values.terms import Category, Kind, RateName
from services.assessment.campaigns import TargetStanding, Verdict, campaigns, find_campaign, standings
from services.ledger.queries import Queries

_RATIO_PLACES = 4

router = APIRouter(prefix="/v1/campaigns", tags=["assessment"], responses=PROBLEMS)


class Segment(BaseModel):
    """The organizations that a target speaks of; null means any. `region` and `industry` are prefixes."""

    region: str | None
    kind: Kind | None
    category: Category | None
    industry: str | None


class RelativeShape(BaseModel):
    """What a relative target is measured against, and by how many percentage points it asks for more."""

    against: Against = Field(description="the segment's own rate, or that of the whole city")
    base_on: date | None = Field(description="the base's date; null: the date that is looked at")
    points: str | None = Field(description="percentage points beyond the base; null where a wording says so")
    wording: str | None = Field(description="the name of what `wording.adopted` defines", examples=["大幅提升"])


class TargetShape(BaseModel):
    """One target as it was last set."""

    target: str
    rate: RateName
    comparator: Comparator = Field(description="at_least: the value itself reaches it; more_than: only above it")
    value: str | None = Field(description="a ratio; null of a relative target", examples=["0.7000"])
    relative: RelativeShape | None = Field(description="null of a target that asks for a value")
    segment: Segment
    due_on: date
    office: str = Field(description="who answers for it")
    set_on: date
    revised: int = Field(description="how often it was set before")
    decided_by: list[int] = Field(description="positions")


class CampaignShape(BaseModel):
    """One campaign; it keeps its targets once it is closed."""

    campaign: str
    name: str
    office: str
    opened_on: date
    closed_on: date | None
    closed_reason: str | None
    targets: list[TargetShape] = Field(description="by due date and name")
    decided_by: list[int] = Field(description="positions")


class TargetRowShape(TargetShape):
    """One target of a campaign, as a row of its own."""

    campaign: str
    name: str


def _targets(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of an answer's campaigns, one row each."""
    return [
        target | {"campaign": each["campaign"], "name": each["name"]}
        for each in said["campaigns"] for target in each["targets"]
    ]  # fmt: skip


class ContradictionShape(BaseModel):
    """A fact without effect: the campaign was open already, or was not open."""

    campaign: str
    contradiction: Literal["already_opened", "not_opened"]
    position: int


class CampaignsShape(BaseModel):
    """All campaigns opened by the date, by opening date."""

    as_of: date
    known_at: KnownAt
    campaigns: list[CampaignShape]
    contradictions: list[ContradictionShape]


class PaceShape(BaseModel):
    """So many more in the numerator in so many days."""

    gained: int
    days: int
    per_day: str = Field(description="two places, halves rounded away from zero", examples=["12.35"])


class AskedShape(BaseModel):
    """What a relative target asks for at both clocks."""

    base: RateShape | None = Field(
        description="as known at the same position as the rate; null where whoever asks may not be told the city's"
    )
    points: str | None = Field(description="percentage points; null where the wording is not defined on the date")
    ratio: str | None = Field(description="of four places, perhaps above 1, which nothing reaches")


class VerdictShape(BaseModel):
    """The target on its due date, as known at a position."""

    known_at: KnownAt
    basis: Basis | None = Field(
        description="whose word the instant of that state of knowledge is: recorded by this log, or said by an "
        "import's sources; null for `as_known_now`"
    )
    rate: RateShape
    reached: bool | None = Field(description="null where the rate is over nothing, or what is asked has no answer")
    asked: AskedShape | None = Field(description="of a relative target, as known then; null of others")


class TargetStandingShape(TargetShape):
    """A target and where it stands at both clocks."""

    start: RateShape = Field(description="at the end of the day before the campaign opened")
    now: RateShape = Field(description="at as_of")
    asked: AskedShape | None = Field(description="what a relative target asks for; null of others")
    unit: Literal["organizations", "employees"] = Field(description="what the numerator counts")
    required: int | None = Field(description="the smallest numerator that reaches it over today's denominator")
    missing: int | None = Field(description="what the numerator lacks of it, 0 once reached; null over nothing")
    organizations_missing: int | None = Field(
        description="the fewest organizations that make up what is missing; of employee coverage, the largest that are "
        "not covered; null where nothing can"
    )
    reached: bool | None
    pace_so_far: PaceShape | None = Field(description="the numerator's gain from the eve of the opening to as_of")
    pace_needed: PaceShape | None = Field(description="the gain from as_of to the due date that is needed")
    on_pace: bool | None = Field(description="whether the pace so far is at least the pace needed")
    as_known_then: VerdictShape | None = Field(description="null until the due date; as known when that day ended")
    as_known_now: VerdictShape | None = Field(description="null until the due date; as known at known_at")


class CampaignStanding(BaseModel):
    """One campaign, and where each target stands."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    campaign: str
    name: str
    office: str
    opened_on: date
    closed_on: date | None
    closed_reason: str | None
    decided_by: list[int]
    targets: list[TargetStandingShape]


CampaignPath = Annotated[str, Path(description="campaign: and its name", examples=["campaign:2024-coverage"])]


def checked_campaign(name: str) -> str:
    """A campaign's identifier from the path; a Problem where it is none."""
    try:
        return check_named(name, "campaign")
    except CodeError as error:
        raise invalid("path.campaign", name, error.rule, str(error)) from None


@router.get("", response_model=None, responses={200: {"model": CampaignsShape}}, summary="攻坚行动 Campaigns")
@question(READING, "scoped", trail=FIGURES_ONLY, command="campaigns")
@taken_away(Sheet(_targets, TargetRowShape))
def get_all(request: Request, clocks: Asked) -> Response:
    """The campaigns opened by a date, as known at a position, with their targets as last set.

    Example: `/v1/campaigns?as_of=2024-12-31`
    """
    found = campaigns(parts_of(request).queries, clocks.as_of, clocks.position)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "campaigns": [shown_campaign(each) for each in found.campaigns],
            "contradictions": found.contradictions,
        }
    )


@router.get(
    "/{campaign}",
    response_model=None,
    responses={200: {"model": CampaignStanding}, **NOT_FOUND},
    summary="目标进度 Where targets stand",
)
@question(
    READING,
    "scoped",
    trail=FIGURES_ONLY,
    command="campaigns",
    page=Not("/assessment shows all of them with their targets"),
)
@taken_away(Sheet("targets", TargetStandingShape))
def get_one(request: Request, clocks: Asked, campaign: CampaignPath) -> Response:
    """Each target: where it stands, what is missing, the pace, and whether it was reached on its day, then and now.

    Example: `/v1/campaigns/campaign:2024-coverage?as_of=2024-12-31`
    """
    parts = parts_of(request)
    queries = parts.queries
    known = find_campaign(queries, checked_campaign(campaign), clocks.as_of, clocks.position)
    found = standings(queries, parts.recorder, known, clocks.as_of, clocks.position)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": queries.evidence(clocks.position),
            **shown_campaign(known),
            "targets": [shown_standing(queries, each) for each in found],
        }
    )


def shown_campaign(each: Campaign) -> dict[str, Any]:
    """A campaign, as answers show it."""
    return {**each._asdict(), "targets": [shown_target(target) for target in each.targets]}


def shown_target(target: Target) -> dict[str, Any]:
    """A target, as answers show it."""
    said = {name: value for name, value in target._asdict().items() if name != "asked"}
    return {**said, "segment": told_segment(target.segment)}


def _asked(asked: AskedOfTarget | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    ratio = asked.ratio
    return {**asked._asdict(), "ratio": None if ratio is None else decimal(ratio, _RATIO_PLACES)}


def shown_standing(queries: Queries, each: TargetStanding) -> dict[str, Any]:
    """A target and where it stands, as answers show it."""
    stands = each.progress._asdict()
    stands["now"] = stands.pop("rate")
    return {
        **shown_target(each.target),
        **stands,
        "asked": _asked(each.target.asked),
        "organizations_missing": each.organizations_missing,
        "as_known_then": _verdict(queries, each.as_known_then),
        "as_known_now": _verdict(queries, each.as_known_now),
    }


def _verdict(queries: Queries, verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    learned = knowledge(queries.learn(verdict.known_at))
    return {**verdict._asdict(), "known_at": learned, "asked": _asked(verdict.asked)}
