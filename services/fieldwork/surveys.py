"""Surveys at both clocks: progress against the list to be visited, discrepancies, samples and accuracy."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from domain.fieldwork.surveys import (
    Agreement,
    Discrepancy,
    Survey,
    Visit,
    agreements,
    branch_work,
    discrepancies,
    last_visits,
    surveys,
    visits,
)
from domain.ledger.rates import ANY
from domain.ledger.rows import Row
from domain.values.terms import BODY_KINDS, BodyKind
from services.ledger.listing import names_of
from services.ledger.meaning import bodies_at
from services.ledger.queries import Queries, chosen_rows
from services.ledger.row_reading import rows_at
from services.system.errors import NotFoundError

# Of the bodies that an organization answers to, those that are places to walk to, the nearer first.
SITES: Final[tuple[BodyKind, ...]] = ("building", "market", "park")


class Made(NamedTuple):
    """A survey and its visits by the date."""

    survey: Survey
    visits: list[Visit]


class Progress(NamedTuple):
    """One region's or grid's share: how many to visit, visited, of these all six clear, and not found.

    `listed` is None for a grid, which the list does not know.
    """

    key: str
    listed: int | None
    visited: int
    clear: int
    not_found: int


class Standing(NamedTuple):
    """Where a survey stands.

    Attributes:
        beside: visits of organizations that were not on the list.
        unknown: visits of organizations that no registry knows.
        missing: visits that did not find an organization which the list has.
        by_day: visits by day, those made again left out.
    """

    total: Progress
    groups: list[Progress]
    beside: int
    unknown: list[Visit]
    missing: list[Visit]
    by_day: dict[date, int]


class ToVisit(NamedTuple):
    """One organization on a survey's list.

    Attributes:
        region: where it was when the survey opened.
        site: the building it is in, or else the park, by name; None where the ledger has none.
        employees, members, branch_work: what the ledger has on the date, in the words of the findings; None, all
            three, where it is not active any more.
        visited_on: the day of its last visit by the date.
    """

    org: str
    name: str
    region: str
    address: str | None
    site: str | None
    employees: int | None
    members: int | None
    branch_work: str | None
    visited_on: date | None


class Accuracy(NamedTuple):
    """How often the visits made again found the same, with the Wilson interval at 95 % (Wilson 1927)."""

    finding: str
    agreed: int
    revisited: int
    share: float | None
    low: float | None
    high: float | None


def all_surveys(queries: Queries, as_of: date, known_at: int) -> list[Survey]:
    """The surveys opened by the date."""
    return list(surveys(queries.office_facts(["survey"], as_of, known_at)).values())


def made(queries: Queries, survey: str, as_of: date, known_at: int) -> Made:
    """A survey and its visits by the date.

    Raises:
        NotFoundError: no such survey was opened by the date.
    """
    facts = queries.office_facts(["survey", "visit"], as_of, known_at)
    found = surveys(facts).get(survey)
    if found is None:
        raise NotFoundError(f"no survey {survey} was opened by {as_of} as known at position {known_at}")
    return Made(found, visits(facts, survey))


def standing_of(queries: Queries, of: Made, known_at: int, digits: int | None) -> Standing:
    """Progress by regions of so many digits, or by grid; the list is what was active when the survey opened."""
    listed = _list(queries, of.survey, known_at)
    last = last_visits(of.visits)
    if digits is None:
        groups = _grids(last)
    else:
        to_visit = Counter(region[:digits] for region in listed.values())
        by_region: dict[str, list[Visit]] = {}
        for org, visit in last.items():
            if org in listed:
                by_region.setdefault(listed[org][:digits], []).append(visit)
        groups = [_progress(key, count, by_region.get(key, [])) for key, count in sorted(to_visit.items())]
    inside = [visit for org, visit in last.items() if org in listed]
    first = [visit for visit in of.visits if visit.revisits is None]
    return Standing(
        _progress(of.survey.region, len(listed), inside),
        groups,
        len(last) - len(inside),
        [visit for visit in first if visit.org is None],
        [visit for visit in inside if _is_missing(visit)],
        dict(sorted(Counter(visit.made_on for visit in first).items())),
    )


def to_visit(  # noqa: PLR0917 - one question
    queries: Queries, of: Made, as_of: date, known_at: int, region: str, after: str | None, limit: int
) -> tuple[int, list[ToVisit]]:
    """How many organizations in a region are on the list, and up to `limit` of them, by identifier, those after one."""
    listed = {org: at for org, at in _list(queries, of.survey, known_at).items() if at.startswith(region)}
    shown = sorted(org for org in listed if after is None or org > after)[:limit]
    rows = _rows(queries, shown, as_of, known_at)
    gone = names_of(queries, [org for org in shown if org not in rows], of.survey.opened_on, known_at)
    bodies = bodies_at(queries.everywhere(), as_of, known_at).existing
    last = last_visits(of.visits)
    found = []
    for org in shown:
        visited_on = last[org].made_on if org in last else None
        row = rows.get(org)
        if row is None:
            found.append(ToVisit(org, gone.get(org, org), listed[org], None, None, None, None, None, visited_on))
            continue
        answers_to = dict(zip(BODY_KINDS, row.bodies, strict=True))
        site = next((bodies[body].name for kind in SITES if (body := answers_to[kind] or "") in bodies), None)
        attributes = row.attributes
        found.append(
            ToVisit(
                org, attributes.name, listed[org], attributes.address, site, attributes.employees, row.full_members,
                branch_work(row), visited_on,
            )
        )  # fmt: skip
    return len(listed), found


def _list(queries: Queries, survey: Survey, known_at: int) -> dict[str, str]:
    """The organizations to be visited, each with its region then."""
    view = queries.view.current
    policy, filters, _ = queries.meaning(ANY._replace(region=survey.region), survey.opened_on, known_at)
    found: dict[str, str] = {}
    for kind in survey.kinds or (None,):
        rows = chosen_rows(view.snapshot, survey.opened_on, known_at, policy, filters._replace(kind=kind))
        for number, region in zip(rows.org_no.tolist(), rows.region.tolist(), strict=True):
            found[view.snapshot.orgs[number]] = view.snapshot.regions[region]
    return found


def _grids(last: dict[str, Visit]) -> list[Progress]:
    by_grid: dict[str, list[Visit]] = {}
    for visit in last.values():
        by_grid.setdefault(visit.grid, []).append(visit)
    return [_progress(grid, None, of_grid) for grid, of_grid in sorted(by_grid.items())]


def _progress(key: str, listed: int | None, of_group: list[Visit]) -> Progress:
    missing = sum(map(_is_missing, of_group))
    return Progress(key, listed, len(of_group), sum(visit.is_clear for visit in of_group), missing)


def _is_missing(visit: Visit) -> bool:
    return bool(visit.findings["operation"].get("value") == "not_found")


def differing(queries: Queries, of: Made, known_at: int) -> list[Discrepancy]:
    """What the visits found otherwise than the ledger has it at the end of the day of each, by organization."""
    found: list[Discrepancy] = []
    by_day: dict[date, list[Visit]] = {}
    for visit in last_visits(of.visits).values():
        by_day.setdefault(visit.made_on, []).append(visit)
    for day, of_day in by_day.items():
        rows = _rows(queries, [visit.org for visit in of_day if visit.org is not None], day, known_at)
        for visit in of_day:
            found += discrepancies(visit, rows.get(visit.org or ""))
    return sorted(found, key=lambda each: (each.org, each.finding))


def _rows(queries: Queries, orgs: Sequence[str], day: date, known_at: int) -> dict[str, Row]:
    view = queries.view.current
    policy, filters, _ = queries.meaning(ANY, day, known_at)
    rows = chosen_rows(view.snapshot, day, known_at, policy, filters)
    version, snapshot = view.version.number, view.snapshot
    numbers = [queries.homes.number(version, snapshot, org) for org in orgs]
    chosen = rows.where(np.isin(rows.org_no, [number for number in numbers if number is not None]))
    with queries.cursor() as cursor:
        judged = view.snapshot.is_judged(day.toordinal(), known_at)
        return {row.org: row for row in rows_at(view, cursor, chosen, policy, judged=judged)}


def accuracy(of: Made) -> list[Accuracy]:
    """How accurate the visits are by those made again: all six findings, then each."""
    return [_accuracy(each) for each in agreements(of.visits)]


def _accuracy(each: Agreement) -> Accuracy:
    if each.revisited == 0:
        return Accuracy(*each, None, None, None)
    from scipy import stats  # noqa: PLC0415 - takes most of a second to import, and few ask for an interval

    interval = stats.binomtest(each.agreed, each.revisited).proportion_ci(0.95, method="wilson")
    share = each.agreed / each.revisited
    return Accuracy(*each, round(share, 4), round(float(interval.low), 4), round(float(interval.high), 4))
