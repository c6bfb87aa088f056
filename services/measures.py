"""Measures at both clocks: work lists by office, due and overdue, and how long they take."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from scipy import stats

from domain.measures import SUCCESSES, Deadlines, Episode, Offices, offices
from domain.rates import Filters
from domain.scope import in_scope
from domain.terms import Measure
from projections.ledger.obligations import Obligations, open_measures
from projections.ledger.standing import Standing
from services.office_facts import office_facts
from services.queries import Queries, chosen_rows

State = Literal["open", "due", "overdue"]
STATES: Final[tuple[State, ...]] = get_args(State)
# A measure is due from so many days before its due date on.
DUE_DAYS: Final = 30
CURVE_POINTS_MAX: Final = 200


class Item(NamedTuple):
    """One open measure: where, since when, due when, who answers; `overdue_days` is 0 while in time."""

    org: str
    org_no: int
    attributes_no: int
    region: str
    measure: Measure
    opened_on: date
    eligible_since: date | None
    due_on: date | None
    overdue_days: int
    state: State
    office: str | None


class Work(NamedTuple):
    """Open measures by due date (none last) and organization, and what offices have said."""

    items: list[Item]
    offices: Offices


class Tally(NamedTuple):
    """How many measures are open, of them due and overdue, at one office and for one measure."""

    office: str | None
    measure: Measure
    open: int
    due: int
    overdue: int


class Durations(NamedTuple):
    """How long one measure takes in one region (Kaplan and Meier 1958, with those still open as censored).

    Attributes:
        region: None for all.
        ended: met by coverage or an instructor.
        censored: still open, or ended in another way.
        median_days: None where half have not been met within the days seen.
        curve: (days, share still open, its lower and upper bound at 95 %).
    """

    region: str | None
    ended: int
    censored: int
    median_days: float | None
    curve: list[tuple[int, float, float | None, float | None]]


def open_items(queries: Queries, as_of: date, known_at: int, filters: Filters) -> Work:
    """The measures open at the end of a date, as known at a position."""
    view = queries.view.current
    policy = view.snapshot.policy(as_of.toordinal(), known_at)
    rows = chosen_rows(view.snapshot, as_of, known_at, policy, queries.narrowed(filters))
    rows = rows.where(open_measures(rows))
    with queries.connection() as connection:
        said = offices(office_facts(connection, view, ["measure"], as_of, known_at), as_of)
    obligations = dict(Obligations(view.snapshot, as_of, known_at).of(rows.org_no))
    items = [
        _item(queries, rows, i, obligations[number][-1], said, as_of) for i, number in enumerate(rows.org_no.tolist())
    ]
    return Work(sorted(items, key=item_key), said)


def item_key(item: Item) -> tuple[str, str]:
    """Where an item stands in a work list: by due date, those without one last, then by organization."""
    return (item.due_on.isoformat() if item.due_on else "9999-12-31", item.org)


def _item(queries: Queries, rows: Standing, i: int, episode: Episode, said: Offices, as_of: date) -> Item:  # noqa: PLR0917 - one row
    snapshot = queries.view.current.snapshot
    org, region = snapshot.orgs[rows.org_no[i]], snapshot.regions[rows.region[i]]
    due = said.due_on(org, episode)
    late = max((as_of - due).days, 0) if due else 0
    state: State = "open"
    if due and due < as_of + timedelta(DUE_DAYS):
        state = "overdue" if late else "due"
    return Item(
        org, int(rows.org_no[i]), int(rows.attributes_no[i]), region, episode.measure, episode.opened_on,
        episode.eligible_since, due, late, state, said.office(org, region),
    )  # fmt: skip


def tallies(items: Sequence[Item]) -> list[Tally]:
    """By office and measure how many are open, due and overdue; nobody's come last."""
    counts = Counter((item.office, item.measure, state) for item in items for state in ("open", item.state))
    keys = sorted({(o, m) for o, m, _ in counts}, key=lambda key: (key[0] is None, key))
    opened = Counter((item.office, item.measure) for item in items)
    return [Tally(o, m, opened[o, m], counts[o, m, "due"], counts[o, m, "overdue"]) for o, m in keys]


def of_organization(queries: Queries, org: str, as_of: date, known_at: int) -> tuple[list[Episode], Offices]:
    """One organization's measures by the date, open and closed, and what offices have said.

    Raises:
        NotFoundError: no event known speaks of it.
    """
    number = queries.require_organization(org, as_of, known_at)
    view = queries.view.current
    with queries.connection() as connection:
        said = offices(office_facts(connection, view, ["measure"], as_of, known_at), as_of)
    found = dict(Obligations(view.snapshot, as_of, known_at).of(np.array([number], np.int32)))
    return found.get(number, []), said


def durations(queries: Queries, as_of: date, known_at: int, measure: Measure, digits: int | None) -> list[Durations]:
    """How long a measure takes, by regions of so many digits (that of the organization now or last), or in all."""
    view = queries.view.current
    met: dict[str | None, list[int]] = {}
    seen: dict[str | None, list[int]] = {}
    regions = _last_regions(queries, as_of, known_at)
    for number, found in Obligations(view.snapshot, as_of, known_at).of():
        home = regions.get(number, "")
        if not in_scope(home, queries.scope):
            continue
        region = None if digits is None else home[:digits]
        for each in found:
            if each.measure == measure:
                days = ((each.closed_on or as_of) - each.opened_on).days
                (met if each.closed_by in SUCCESSES else seen).setdefault(region, []).append(days)
    keys = sorted(met.keys() | seen.keys(), key=lambda key: (key is None, key))
    return [_survival(key, met.get(key, []), seen.get(key, [])) for key in keys]


def _last_regions(queries: Queries, as_of: date, known_at: int) -> dict[int, str]:
    """By organization number the region that it has on the date, or had last before."""
    snapshot = queries.view.current.snapshot
    entries, attributes = snapshot.entries, snapshot.attributes
    known = int(np.searchsorted(entries["position"], known_at, side="right"))
    fits = (entries["day_from"][:known] <= as_of.toordinal()) & (entries["attributes_no"][:known] >= 0)
    at = np.flatnonzero(fits)
    at = at[np.argsort(entries["day_from"][at], kind="stable")]
    codes = attributes["region"][entries["attributes_no"][at]].tolist()
    return {n: snapshot.regions[code] for n, code in zip(entries["org_no"][at].tolist(), codes, strict=True)}


def _survival(region: str | None, met: list[int], seen: list[int]) -> Durations:
    function = stats.ecdf(stats.CensoredData(uncensored=met, right=seen)).sf
    days, shares = function.quantiles, function.probabilities
    low = high = np.full(len(days), np.nan)
    if met:
        # Without a censored or an ended one beside, the variance has no value on some days; they stay null.
        with np.errstate(all="ignore"):
            interval = function.confidence_interval(0.95, method="log-log")
        low, high = interval.low.probabilities, interval.high.probabilities
    halved = np.flatnonzero(shares <= 0.5)
    step = max(1, -(-len(days) // CURVE_POINTS_MAX))
    curve = [
        (int(days[i]), round(float(shares[i]), 4), _bound(low[i]), _bound(high[i])) for i in range(0, len(days), step)
    ]
    return Durations(region, len(met), len(seen), float(days[halved[0]]) if len(halved) else None, curve)


def _bound(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def deadlines_json(deadlines: Deadlines) -> dict[str, object]:
    """Deadlines as answers show them."""
    return {"not_before": deadlines.not_before, "days": dict(deadlines.days)}
