"""`GET /v1/flows`: what came into each group's stocks within a period and what left them; `…/behind`: who did."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.asking.clocks import Asked as AskedClocks
from api.asking.clocks import Clocks, CursorText, ledger_at, read_date
from api.asking.filters import Filtered, Grouped, body_keys, key, regions
from api.asking.paging import Limit, counted_page
from api.asking.questions import ASK, READING, question
from api.exports.lists import WHOLE, Sheet, taken_away
from api.web.answers import PROBLEMS, answer
from api.web.parts import parts_of
from api.web.problems import invalid
from api.web.shapes import Evidence, FiltersShape, KnownAt, filters_of
from domain.ledger.flows import Direction, Flow, Movement, Stock, UnitMovement, UnitStock, movements_of
from domain.ledger.meaning import NULL
from domain.values.terms import ExclusionReason
from services.assessment.flows import Asked, MovedRow, Wanted, behind, flows

router = APIRouter(prefix="/v1/flows", tags=["assessment"], responses=PROBLEMS)


class FlowShape(BaseModel):
    """How a stock came from the one date's number to the other's: before + came - left = after."""

    before: int = Field(description="at the end of `from`")
    came: dict[Movement, int] = Field(description="by movement, day by day; who came back has come twice")
    left: dict[Movement, int]
    after: int = Field(description="at the end of `as_of`")


class FlowGroup(BaseModel):
    """One group's stocks."""

    key: dict[str, str | None]
    stocks: dict[Stock, FlowShape]


class FlowTotal(BaseModel):
    """All in one: what moved from one group to another has not moved here."""

    stocks: dict[Stock, FlowShape]


class FlowsShape(BaseModel):
    """The flows of a period."""

    begin: date = Field(alias="from", description="the period begins after its end")
    as_of: date
    known_at: KnownAt
    evidence: Evidence
    filters: FiltersShape
    group_by: list[str]
    groups: list[FlowGroup] = Field(description="sorted by key, null last")
    total: FlowTotal


class FlowLine(BaseModel):
    """One number of the table; those of a stock add up to the one after."""

    key: dict[str, str | None] | None
    stock: Stock
    movement: Movement | Literal["before", "after"]
    amount: int = Field(description="what left is below zero")


class MovedShape(BaseModel):
    """An organization that came into the stock, or left it, on a day."""

    day: date
    org: str
    name: str
    region: str = Field(description="where it stood: before, of one that left")
    direction: Direction
    movement: UnitMovement
    excluded: ExclusionReason | None = Field(description="why it is left out of the denominators from then on")
    position: int = Field(description="of the event by which the ledger knows its state of that day")
    by_rules: bool = Field(description="whether a policy, a basis or the bodies changed that day")


class MovedsShape(BaseModel):
    """One page of the organizations behind a number of flows."""

    begin: date = Field(alias="from", description="the period begins after its end")
    as_of: date
    known_at: KnownAt
    evidence: Evidence
    filters: FiltersShape
    stock: UnitStock
    direction: Direction | None
    movement: UnitMovement | None
    total: int = Field(description="on all pages")
    moved: list[MovedShape] = Field(description="by day; each as often as it moved")
    next: str | None = Field(description="`cursor` of the next page; null on the last")


async def period(
    clocks: AskedClocks,
    begin: Annotated[
        str | None,
        Query(
            alias="from",
            description="The period begins after the end of this date, as known at the same moment; left out: the last "
            "day of the year before.",
        ),
    ] = None,
) -> date:  # fmt: skip
    """The date at whose end the period begins."""
    if begin is None:
        return date(clocks.as_of.year - 1, 12, 31)
    found = read_date("from", begin)
    if found >= clocks.as_of:
        raise invalid("query.from", begin, "flows_from", f"the period begins on a day before {clocks.as_of}")
    return found


Begin = Annotated[date, Depends(period)]


def _lines(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in (*(told["groups"] if told["group_by"] else ()), told["total"]):
        for stock, flow in group["stocks"].items():
            signed = [("before", flow["before"]), *flow["came"].items()]
            signed += [(movement, -number) for movement, number in flow["left"].items()]
            for movement, number in (*signed, ("after", flow["after"])):
                yield {"key": group.get("key"), "stock": stock, "movement": movement, "amount": number}


@router.get("", response_model=None, responses={200: {"model": FlowsShape}}, summary="增减变动 Flows of a period")
@question(READING, "scoped", trail="figures", command=ASK)
@taken_away(Sheet(_lines, FlowLine))
def get_flows(request: Request, clocks: AskedClocks, begin: Begin, filters: Filtered, group_by: Grouped) -> Response:
    """What moved in a period: organizations opened, closed and covered; members admitted, promoted and transferred.

    At one state of knowledge, day by day: the day's end against that of the day before. The numbers of each stock add
    up to the difference of both dates' figures in /v1/rates. Members count where they are, as in the rates: who goes
    with an organization that comes or leaves is `with_organization`.

    Example: `/v1/flows?from=2023-12-31&as_of=2024-12-31&group_by=region:6`
    """
    found = flows(ledger_at(request, clocks), Asked(begin, group_by, filters))
    return answer(
        {
            **_head(request, clocks, begin, filters),
            "group_by": group_by,
            "groups": [{"key": key(group_by, values), "stocks": _told(of)} for values, of in found.groups.items()],
            "total": {"stocks": _told(found.total)},
        }
    )


def _head(request: Request, clocks: Clocks, begin: date, filters: Filtered) -> dict[str, Any]:
    queries = parts_of(request).queries
    return {
        "from": begin,
        "as_of": clocks.as_of,
        "known_at": clocks.known_at(),
        "evidence": queries.evidence(clocks.position),
        "filters": filters_of(queries.narrowed(filters)),
    }


def _told(stocks: dict[Stock, Flow]) -> dict[str, Any]:
    return {
        stock: {
            "before": flow.before,
            "came": {movement: flow.coming[movement] for movement in movements_of(stock, "in")},
            "left": {movement: flow.leaving[movement] for movement in movements_of(stock, "out")},
            "after": flow.after,
        }
        for stock, flow in stocks.items()
    }


RegionKeys = Annotated[dict[int, str], Depends(regions)]
BodyKeys = Annotated[dict[str, str], Depends(body_keys)]
StockAsked = Annotated[UnitStock, Query(description="The stock that organizations came into or left.")]


async def wanted(
    region_keys: RegionKeys,
    keys: BodyKeys,
    *,
    stock: StockAsked = "organizations",
    direction: Annotated[Direction | None, Query(description="Only those that came in, or went out.")] = None,
    movement: Annotated[UnitMovement | None, Query(description="Only those that moved for this movement.")] = None,
) -> tuple[tuple[str, ...], Wanted]:
    """The grouping, and which of those that moved in it."""
    if movement is not None and not any(movement in movements_of(stock, each) for each in ("in", "out")):
        raise invalid("query.movement", movement, "flows_movement", "this stock knows no such movement: see /v1/flows")
    group = {f"region:{digits}": code for digits, code in region_keys.items()} | keys
    values = tuple(None if value == NULL else value for value in group.values())
    return tuple(group), Wanted(values, stock, direction, movement)


WantedAsked = Annotated[tuple[tuple[str, ...], Wanted], Depends(wanted)]


@router.get(
    "/behind",
    response_model=None,
    responses={200: {"model": MovedsShape}},
    summary="变动单位 Behind a flow",
)
@question(READING, "scoped", trail="explain", command=ASK)
@taken_away(Sheet("moved", MovedShape, WHOLE))
def get_behind(  # noqa: PLR0917 - each is a part of the question
    request: Request,
    clocks: AskedClocks,
    begin: Begin,
    filters: Filtered,
    meant: WantedAsked,
    limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:
    """The organizations that came into a stock or left it, each with its day, its movement and the event that tells it.

    Send the key of a group of /v1/flows as parameters, beside the question's own filters. Of members' flows there is
    no such list: a line of it would be a person.

    Example: `/v1/flows/behind?from=2023-12-31&as_of=2024-12-31&stock=organization_covered&movement=newly_covered`
    """
    del cursor  # the clocks carry it
    group_by, which = meant
    total, shown, following = listed(request, clocks, Asked(begin, group_by, filters), which, limit)
    return answer(
        {
            **_head(request, clocks, begin, filters),
            "stock": which.stock,
            "direction": which.direction,
            "movement": which.movement,
            "total": total,
            "moved": [each._asdict() for each in shown],
            "next": following,
        }
    )


def listed(
    request: Request, clocks: Clocks, asked: Asked, which: Wanted, limit: int
) -> tuple[int, Sequence[MovedRow], str | None]:
    """How many moved so, one page of them, and the cursor of the next."""
    return counted_page(request, clocks, limit, partial(behind, ledger_at(request, clocks), asked, which))
