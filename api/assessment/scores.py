"""`GET /v1/scores`: offices scored by a sheet, each point down to its organizations; `/v1/score-sheets`: the sheets."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, ledger_at
from api.asking.filters import Dimension, key
from api.asking.questions import ASK, FIGURES_ONLY, READING, question
from api.assessment.ranking import RankShape
from api.exports.lists import Sheet, taken_away
from api.exports.table_page import table_page
from api.site.addresses import Value, address
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import Evidence, KnownAt, RateShape
from domain.assessment.scores import Item, Reported, Scored, ScoreSheet
from domain.events.scores import Measured
from domain.ledger.meaning import NULL
from domain.ledger.rates import BODY_DIMENSION, RATES, Key, Rate
from domain.values.decimals import decimal
from domain.values.fields import NAME_LENGTH_MAX
from domain.values.terms import Kind, RateName
from services.assessment.scores import ScoredOffice, find_sheet, score_sheets, scores

router = APIRouter(tags=["assessment"], responses=PROBLEMS)

_RATIO_PLACES = 4
Points = Annotated[str | None, Field(description="of two places")]


class ScoreItemShape(BaseModel):
    """One line of a sheet: its worth is earned from `zero_at` (nothing) to `full_at` (all), in between its share."""

    item: str
    title: str
    worth: str
    rate: RateName
    kind: Kind | None
    basis: str | None
    measured: Measured = Field(description="level: the rate itself; rise: how far it rose from `base_on`")
    base_on: date | None
    zero_at: str = Field(description="a ratio, of a rise a difference of ratios: 0.2 are 20 percentage points")
    full_at: str


class SheetItemRow(ScoreItemShape):
    """One line of a sheet, as a row of its own."""

    name: str
    score_title: str
    adopted_on: date


class ScoreSheetShape(BaseModel):
    """A score sheet in force; its weights add up to 100."""

    name: str
    title: str
    adopted_on: date
    items: list[ScoreItemShape]
    decided_by: list[int] = Field(description="positions")


class ScoreSheetsShape(BaseModel):
    """The sheets in force, by name."""

    as_of: date
    known_at: KnownAt
    score_sheets: list[ScoreSheetShape]


class ReportedShape(BaseModel):
    """What an office gave itself: the last that it said by the date."""

    office: str
    on: date = Field(description="the date for which it was said")
    decided_by: list[int] = Field(description="positions")


class BehindShape(BaseModel):
    """The lists whose organizations add up to both sides of a rate; null where nobody is meant."""

    numerator: str | None
    denominator: str | None


class ScoredShape(ScoreItemShape):
    """One item of one office."""

    now: RateShape
    behind: BehindShape
    base: RateShape | None = Field(description="of a rise, on `base_on`")
    behind_base: BehindShape | None
    value: str | None = Field(description="the rate or its rise, of four places; null where a side has no answer")
    points: Points
    own: Points = Field(description="what the office gave itself; null where it said nothing of the item")
    difference: Points = Field(description="own less points; null where one is missing, or was said for another date")


class ScoredOfficeShape(BaseModel):
    """One office."""

    key: dict[str, str | None]
    rank: RankShape | None = Field(description="by points of those that could be had; null without any")
    points: Points = Field(description="the sum of the items' points as shown")
    out_of: str = Field(description="the weights of the items that have an answer: 100 where all do")
    reported: ReportedShape | None
    own: Points = Field(description="the sum of what it gave itself for the sheet's items")
    difference: Points = Field(description="own less points; null unless both speak of the same items and date")
    items: list[ScoredShape]


class ScoresShape(BaseModel):
    """Offices by rank, those of one rank by key."""

    as_of: date
    known_at: KnownAt
    evidence: Evidence
    score_sheet: ScoreSheetShape
    group_by: list[str]
    offices: list[ScoredOfficeShape]


class ScoreRow(BaseModel):
    """One item of one office, or its sum."""

    rank: int | None
    title: str | None = Field(description="null of the sum")
    worth: str
    now: RateShape | None
    base: RateShape | None
    value: str | None
    points: Points
    own: Points
    difference: Points
    reported_on: date | None


def _sheet_rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in told["score_sheets"]:
        of = {"name": each["name"], "score_title": each["title"], "adopted_on": each["adopted_on"]}
        yield from (item | of for item in each["items"])


def _rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for office in told["offices"]:
        of = {
            "key": office["key"], "rank": office["rank"] and office["rank"]["rank"],
            "reported_on": office["reported"] and office["reported"]["on"],
        }  # fmt: skip
        yield from (item | of for item in office["items"])
        nothing = dict.fromkeys(("title", "now", "base", "value"))
        total = {name: office[name] for name in ("points", "own", "difference")}
        yield {**of, **nothing, **total, "worth": office["out_of"]}


SheetAsked = Annotated[
    str | None,
    Query(description="The sheet's name; left out where one alone is in force.", max_length=NAME_LENGTH_MAX),
]


async def offices_by(
    by: Annotated[
        Dimension,
        Query(
            description="Whose scores: `region:6` counties, `region:9` townships, `body:KIND` or `body:KIND:N` bodies."
        ),
    ] = "region:6",
) -> str:
    """The dimension of divisions or bodies whose offices are scored."""
    if not by.startswith(("region:", BODY_DIMENSION)):
        rule = "offices are of divisions or bodies: region:N, body:KIND, body:KIND:N"
        raise invalid("query.by", by, "score_by", rule)
    return by


OfficesBy = Annotated[str, Depends(offices_by)]


@router.get(
    "/v1/score-sheets",
    response_model=None,
    responses={200: {"model": ScoreSheetsShape}},
    summary="百分制考核表 Score sheets",
)
@question(READING, "none", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet(_sheet_rows, SheetItemRow))
def get_sheets(request: Request, clocks: Asked) -> Response:
    """The score sheets in force: items, weights and marks, as `score_sheet.adopted` says from its date on.

    Example: `/v1/score-sheets?as_of=2024-12-31`
    """
    found = score_sheets(ledger_at(request, clocks))
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "score_sheets": [_sheet(found[name]) for name in sorted(found)],
        }
    )


def _sheet(each: ScoreSheet) -> dict[str, Any]:
    return {**each._asdict(), "items": [item._asdict() for item in each.items]}


@router.get(
    "/v1/scores",
    response_model=None,
    responses={200: {"model": ScoresShape}, **NOT_FOUND},
    summary="百分制考核得分 Scores",
)
@question(READING, "scoped", trail=FIGURES_ONLY, command=ASK)
@taken_away(Sheet(_rows, ScoreRow))
def get_scores(request: Request, clocks: Asked, by: OfficesBy, *, score_sheet: SheetAsked = None) -> Response:
    """The ledger's own score of each office beside what the office gave itself (`score.reported`), with the difference.

    An item earns its worth by where its rate stands between `zero_at` and `full_at`, exactly, shown with two places,
    halves rounded up; a score is the sum of its items as shown. An item without an answer earns nothing and is taken
    out of `out_of`; ranks go by points of `out_of`. Whoever is limited to places is told of these, ranked among
    themselves. `behind` leads to the organizations whose counts add up to both sides of each rate.

    Example: `/v1/scores?as_of=2024-12-31&by=region:6`
    """
    ledger = ledger_at(request, clocks)
    sheet = find_sheet(ledger, score_sheet)
    return answer(
        {
            "as_of": clocks.as_of,
            "known_at": clocks.known_at(),
            "evidence": parts_of(request).queries.evidence(clocks.position),
            "score_sheet": _sheet(sheet),
            "group_by": [by],
            "offices": [_office(clocks, by, each) for each in scores(ledger, sheet, by)],
        }
    )


def _office(clocks: Clocks, by: str, each: ScoredOffice) -> dict[str, Any]:
    found = each.score
    return {
        "key": key((by,), each.key),
        "rank": each.rank,
        "points": found.points,
        "out_of": found.out_of,
        "reported": _reported(found.reported),
        "own": found.own,
        "difference": found.difference,
        "items": [_item(clocks, by, each.key, item) for item in found.items],
    }


def group_of(clocks: Clocks, by: str, of: Key, item: Item, day: date) -> dict[str, Value]:
    """The parameters that mean the organizations of an office's item on a day."""
    body = by.startswith(BODY_DIMENSION)
    group: dict[str, Value] = {"body_key": f"{by}={of[0] or NULL}"} if body else {by: of[0]}
    return {"as_of": day.isoformat(), "known_at": clocks.position, "kind": item.kind, "basis": item.basis, **group}


def _reported(found: Reported | None) -> dict[str, Any] | None:
    return None if found is None else {"office": found.office, "on": found.on, "decided_by": found.decided_by}


def _item(clocks: Clocks, by: str, of: Key, each: Scored) -> dict[str, Any]:
    item = each.item
    value = None if each.value is None else decimal(each.value, _RATIO_PLACES)

    def behind(day: date, rate: Rate) -> dict[str, str | None]:
        asked = group_of(clocks, by, of, item, day)
        above, below = RATES[item.rate]
        return {
            "numerator": address("/v1/rates/explain", asked | {"count": above}) if rate.numerator else None,
            "denominator": address("/v1/rates/explain", asked | {"count": below}) if rate.denominator else None,
        }

    return {
        **item._asdict(),
        "now": each.rate,
        "behind": behind(clocks.as_of, each.rate),
        "base": each.base,
        "behind_base": None if each.base is None or item.base_on is None else behind(item.base_on, each.base),
        "value": value,
        "points": each.points,
        "own": each.own,
        "difference": each.difference,
    }


table_page(router, "/assessment/score-sheets", get_sheets)
