"""`/v1/province/cities` and `/v1/province/rates`: the cities of a province, and what their reports add up to."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked, Clocks, today
from api.asking.questions import ASK, BY_HTTP, FIGURES_ONLY, READING, question
from api.exports.lists import Sheet, taken_away
from api.province.city_reports import HeadShape
from api.web.answers import NOT_FOUND, PROBLEMS, answer
from api.web.parts import parts_of
from api.web.shapes import CountsShape, Figures, KnownAt, RateShape, figures
from domain.events.assessment import SealedPolicy
from domain.ledger.rates import Counts, add
from domain.province.cities import City
from domain.province.sums import ByKind, CityState, State, Sum
from domain.values.terms import KINDS, Kind
from services.province.known import list_of, sum_of
from services.system.settings import SHANGHAI

router = APIRouter(prefix="/v1/province", tags=["province"], responses=PROBLEMS)


class CityShape(BaseModel):
    """A city of the province on a date, and the head of its log that is known."""

    city: str
    name: str
    region: str
    origin: str
    log_key: str = Field(description="the public key that signs for its log")
    joined_on: date
    left_on: date | None = Field(description="null while it belongs to the province")
    head: HeadShape | None = Field(description="the largest that is of one history; null before its first report")
    reports: int = Field(description="files of it that were checked and hold")
    findings: int = Field(description="files of it that it signed and that do not")


class CityList(BaseModel):
    """The cities that had joined by a date, those that left too."""

    as_of: date
    known_at: KnownAt
    cities: list[CityShape]


class AskedShape(BaseModel):
    """What was asked of every city."""

    report: str
    title: str
    as_of: date
    due_on: date
    policy: SealedPolicy
    rulesets: list[str]


class CityStateShape(BaseModel):
    """Where one city stands."""

    city: str
    name: str
    region: str
    state: State
    late: bool = Field(description="it reported first after the day that was due, or has not and that is over")
    words: str = Field(description="what does not hold, or differs; empty where it is counted or missing")
    reports: list[str] = Field(description="its reports of the date that stand")
    superseded: list[str] = Field(description="and those whose place another took")
    unproved: int = Field(description="groups of its report that no proof shows; the figures here are all proved")
    positions: list[int] = Field(description="of the events that decide this, in the province's log")
    total: Figures | None = Field(description="of all kinds; null where it is not counted: unknown, and no zero")


class RowShape(BaseModel):
    """The figures of one city and kind; null where the city is not counted."""

    city: str
    name: str
    state: State
    late: bool
    kind: Kind
    counts: CountsShape | None
    rates: dict[str, RateShape] | None


class ProvinceRates(BaseModel):
    """What the cities' reports of a date add up to."""

    as_of: date
    known_at: KnownAt
    on: date = Field(description="the day by which what is missing is late: today, or that of the state of knowledge")
    asked: AskedShape
    complete: bool = Field(description="whether every city is counted; else `total` is of those alone that are")
    lacking: int = Field(description="cities that are in no sum")
    cities: list[CityStateShape]
    rows: list[RowShape] = Field(description="by city and kind")
    kinds: dict[Kind, Figures] = Field(description="sums of the cities that are counted, by kind")
    total: Figures


@router.get(
    "/cities", response_model=None, responses={200: {"model": CityList}}, summary="地市 The cities of a province"
)
@question(READING, "whole", trail=FIGURES_ONLY, command=ASK, page=BY_HTTP)
@taken_away(Sheet("cities", CityShape))
def get_cities(request: Request, clocks: Asked) -> Response:
    """The list of cities with their logs and keys, as of a date, as known at a position.

    Example: `/v1/province/cities`
    """
    found = list_of(parts_of(request).queries, clocks.as_of, clocks.position)
    cities = [
        {**_plain(each.city), "head": each.heads[-1]._asdict() if each.heads else None, "reports": each.reports,
         "findings": each.findings}
        for each in found
    ]  # fmt: skip
    return answer({"as_of": clocks.as_of, "known_at": clocks.known_at(), "cities": cities})


@router.get(
    "/rates",
    response_model=None,
    responses={200: {"model": ProvinceRates}, **NOT_FOUND},
    summary="全省覆盖率 A province's rates",
)
@question(READING, "whole", trail=FIGURES_ONLY, command="province rates", page=BY_HTTP)
@taken_away(Sheet("rows", RowShape))
def get_rates(request: Request, clocks: Asked) -> Response:
    """The cities' reports of a date added up: counts are added, never rates, and every gap is named.

    `as_of` is the date of the reports; `known_at` a position of the province's own log: what it knew then. 404 where
    nothing was asked of the cities for that date.

    Example: `/v1/province/rates?as_of=2024-12-31`
    """
    on = _day_of(request, clocks)
    found = sum_of(parts_of(request).queries, clocks.as_of, clocks.position, on)
    return answer({
        "as_of": clocks.as_of, "known_at": clocks.known_at(), "on": on, "asked": found.asked._asdict(),
        "complete": found.complete, "lacking": len(found.gaps), "cities": list(map(_city, found.cities)),
        "rows": list(_rows(found)), "kinds": {kind: figures(counts) for kind, counts in found.total.items()},
        "total": figures(_all(found.total)),
    })  # fmt: skip


def _plain(city: City) -> dict[str, Any]:
    told = city._asdict()
    return {**told, "log_key": told.pop("key")}


def _day_of(request: Request, clocks: Clocks) -> date:
    """The day of the state of knowledge: today, unless it was asked for."""
    learned = clocks.known.learned_at
    if "known_at" not in request.query_params or learned is None:
        return today()
    return learned.astimezone(SHANGHAI).date()


def _city(each: CityState) -> dict[str, Any]:
    told = each._asdict()
    counts = told.pop("counts")
    return {**told, "total": None if counts is None else figures(_all(counts))}


def _rows(found: Sum) -> Iterator[dict[str, Any]]:
    for each in found.cities:
        for kind in KINDS:
            shown = {"counts": None, "rates": None} if each.counts is None else figures(each.counts[kind])
            yield {"city": each.city, "name": each.name, "state": each.state, "late": each.late, "kind": kind,
                   **shown}  # fmt: skip


def _all(counts: ByKind) -> Counts:
    total = Counts()
    for each in counts.values():
        total = add(total, each)
    return total
