"""The overview's table: a rate by the groups of one dimension, in the order of any of its columns."""

from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, Final, Literal, NamedTuple, cast

from api.asking.clocks import Clocks
from api.site.addresses import Value
from api.site.base import Page
from api.site.figures import Goal, counted, filtered, gap_to
from domain.figures.comparison import percentage_points
from domain.figures.ranking import Rank, ranks
from domain.ledger.rates import Counts, Filters, Rate, add, not_in, rates
from domain.values.periods import points
from domain.values.terms import RateName
from services.ledger.queries import Queries

LINE_DAYS: Final = 365
SortBy = Literal[
    "key", "rate", "missing", "to_goal", "gap", "rank", "-key", "-rate", "-missing",
    "-to_goal", "-gap", "-rank",
]  # fmt: skip


class Row(NamedTuple):
    """One group of the table: its key, its figures, and how it stands among the others.

    `missing` is what the rate is over and not in; `gap` is in percentage points against all of them, `to_goal` against
    the target, `line` the rate at the ends of the months of the last year, None over nothing; `other` is the rate at
    the date beside, and `moved` what it gained since.
    """

    key: str | None
    counts: Counts
    rate: Rate
    missing: int | None
    gap: str | None
    to_goal: str | None
    rank: Rank | None
    line: list[float | None]
    deeper: str | None
    behind: dict[str, Value]
    other: Rate | None
    moved: str | None


def in_order(rows: list[Row], order: str) -> list[Row]:
    """The rows by one column, those that have nothing there last; the table's own order among equals."""
    name, backwards = order.lstrip("-"), order.startswith("-")

    def value(row: Row) -> Decimal | str | None:
        match name:
            case "key":
                return row.key
            case "rate":
                return None if row.rate.value is None else Decimal(row.rate.value)
            case "rank":
                return None if row.rank is None else Decimal(row.rank.rank)
            case "missing":
                return None if row.missing is None else Decimal(row.missing)
        found = row.to_goal if name == "to_goal" else row.gap
        return None if found is None else Decimal(found)

    having = [row for row in rows if value(row) is not None]
    return [
        *sorted(having, key=lambda row: cast("Any", value(row)), reverse=backwards),
        *(row for row in rows if value(row) is None),
    ]


def rows_by(  # noqa: PLR0917 - one question
    queries: Queries,
    page: Page,
    clocks: Clocks,
    filters: Filters,
    rate: RateName,
    dimension: str | None,
    goal: Goal | None,
    other: date | None,
) -> list[Row]:
    """The groups of a dimension by key; none where there is none, below the lowest level of regions."""
    if dimension is None:
        return []
    found = counted(queries, clocks.as_of, clocks.position, dimension, filters)
    every = rates(reduce(add, found.values(), Counts()))[rate]
    lines = _lines(queries, clocks, filters, rate, dimension)
    own = {key: rates(counts)[rate] for key, counts in found.items()}
    then = {} if other is None else counted(queries, other, clocks.position, dimension, filters)
    order = ranks(own)
    rows = []
    for key, counts in found.items():
        each = own[key]
        changes, behind = _leading(filters, dimension, key)
        earlier = rates(then[key])[rate] if key in then else None
        rows.append(
            Row(
                key, counts, each, not_in(each), percentage_points(each, every),
                None if goal is None else gap_to(goal.target, each), order[key],
                lines.get(key, []), None if changes is None else page.here(**changes),
                page.pinned(clocks) | filtered(filters) | behind,
                earlier, None if earlier is None else percentage_points(each, earlier),
            )
        )  # fmt: skip
    return rows


def ratio_of(rate: Rate) -> float | None:
    """A rate as a number for what is drawn; None over nothing."""
    return None if rate.numerator is None or not rate.denominator else rate.numerator / rate.denominator


def _leading(filters: Filters, dimension: str, key: str | None) -> tuple[dict[str, Value] | None, dict[str, Value]]:
    """What a group's name changes in the address to look deeper, and the group's key for what is behind its figures."""
    name, _, digits = dimension.partition(":")
    value = "null" if key is None else key
    if not digits:
        # A category or measure that is null cannot be filtered, and no organization lacks one.
        return {name: value, "by": "region"}, {name: value}
    # A code that ends above this level has nothing below it to look at.
    deeper: dict[str, Value] | None = None if len(value) < int(digits) or value == filters.region else {"region": value}
    return deeper, {dimension: value}


def _lines(
    queries: Queries, clocks: Clocks, filters: Filters, rate: RateName, dimension: str
) -> dict[str | None, list[float | None]]:
    """By group the rate at the ends of the months of the last year and at the date itself."""
    first = max(clocks.as_of, date(2, 1, 1)) - timedelta(LINE_DAYS)
    days = [point.as_of for point in points(first, clocks.as_of, "month", 14) or []]
    lines: dict[str | None, list[float | None]] = {}
    for at, day in enumerate(days):
        for key, counts in counted(queries, day, clocks.position, dimension, filters).items():
            lines.setdefault(key, [None] * len(days))[at] = ratio_of(rates(counts)[rate])
    return lines
