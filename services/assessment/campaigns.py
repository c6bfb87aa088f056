"""Campaigns at any pair of clocks: which are known, and where their targets stand."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from domain.assessment import campaigns as domain_campaigns
from domain.assessment.campaigns import (
    WORDING,
    Asked,
    Campaign,
    Campaigns,
    Progress,
    Target,
    fewest_organizations,
    progress,
    reached,
    unit_of,
    wordings,
)
from domain.events.facts import standing_facts
from domain.figures.ranking import CITY_DIGITS
from domain.ledger.rates import Filters, Rate, rates
from domain.values.clocks import Basis
from domain.values.scope import Scope, in_scope
from services.assessment.series import known_then, rates_before
from services.ledger.projector import fits
from services.ledger.queries import Queries, chosen_rows
from services.ledger.traces import events_about
from services.log.recorder import LogRecorder
from services.system.errors import NotFoundError

_DAY = timedelta(days=1)


class Verdict(NamedTuple):
    """A target on its due date, as known at a position; `reached` is None where the rate is over nothing.

    `basis`: what the instant of that position rests on; None where the position was asked for. `asked` is what a
    relative target was measured against, as known then.
    """

    known_at: int
    basis: Basis | None
    rate: Rate
    reached: bool | None
    asked: Asked | None = None


class TargetStanding(NamedTuple):
    """Where a target stands; the verdicts are None until the due date has come.

    `organizations_missing` is the fewest organizations that can make up what is missing: of a rate of organizations
    as many as that, of employee coverage the largest that are not covered; None where nothing can.
    """

    target: Target
    progress: Progress
    organizations_missing: int | None
    as_known_then: Verdict | None
    as_known_now: Verdict | None


def campaigns(queries: Queries, as_of: date, known_at: int) -> Campaigns:
    """The campaigns that were open or closed by a date, as known at a position."""
    with queries.connection() as connection:
        events = events_about(connection, queries.view.current.reading, ["campaign"], known_at)
    found = domain_campaigns.campaigns(standing_facts(events, fits)[0], as_of)
    if queries.scope is None:
        return found
    # A target that is not for a region or body in sight is counted over organizations that are not.
    scope = queries.scope_at(as_of, known_at)
    seen = [each._replace(targets=tuple(_in_scope(each.targets, scope))) for each in found.campaigns]
    return found._replace(campaigns=seen, contradictions=[])


def _in_scope(targets: Iterable[Target], scope: Scope) -> Iterator[Target]:
    for target in targets:
        if in_scope(target.segment.region or "", scope, (target.segment.body,)):
            yield target


def looked_at(queries: Queries, target: Target, as_of: date, known_at: int) -> Target:
    """The target with what it asks for at a pair of clocks; an absolute one asks the same at any.

    Base and rate are of one state of knowledge, so that a fact that comes late moves both. Whoever is limited to places
    is told of the city's rate what a ranking tells: the whole's, and a kind's; cut finer, it would tell of single
    organizations elsewhere.
    """
    relative = target.relative
    if relative is None:
        return target
    of, over = target.segment, queries
    if relative.against == "city":
        region = None if of.region is None else of.region[:CITY_DIGITS]
        of, over = of._replace(region=region, body=None), queries.everywhere()
    points = relative.points
    if relative.wording is not None:
        defined = wordings(queries.everywhere().office_facts((WORDING,), as_of, known_at))
        points = defined.get(relative.wording)
    tells = over.scope is not None or queries.scope is None or of == Filters(kind=of.kind, region=of.region)
    base = rates(rates_before(over, relative.base_on or as_of, known_at, (), of).total)[target.rate] if tells else None
    return target._replace(asked=Asked(base, points))


def find_campaign(queries: Queries, name: str, as_of: date, known_at: int) -> Campaign:
    """One campaign.

    Raises:
        NotFoundError: none of this name was opened by that date, as known then.
    """
    for each in campaigns(queries, as_of, known_at).campaigns:
        if each.campaign == name:
            return each
    raise NotFoundError(
        f"no campaign {name} was opened by {as_of}, as known at position {known_at}; GET /v1/campaigns lists them"
    )


def standings(
    queries: Queries, recorder: LogRecorder, known: Campaign, as_of: date, known_at: int
) -> list[TargetStanding]:
    """Where each target of a campaign stands at a pair of clocks that the projection has reached."""
    due = sorted({target.due_on for target in known.targets if target.due_on <= as_of})
    then = knowledge_on(queries, recorder, due)
    return [_standing(queries, target, known.opened_on, as_of, known_at, then) for target in known.targets]


def knowledge_on(queries: Queries, recorder: LogRecorder, days: Iterable[date]) -> dict[date, int]:
    """For each of these dates, in order, the last position known when it ended."""
    return dict(known_then(queries, recorder, list(days), datetime.now(UTC)))


def _standing(  # noqa: PLR0917 - one question
    queries: Queries, target: Target, opened_on: date, as_of: date, known_at: int, then: Mapping[date, int]
) -> TargetStanding:
    def rate(day: date, position: int) -> Rate:
        return rates(rates_before(queries, day, position, (), target.segment).total)[target.rate]

    def verdict(position: int, basis: Basis | None) -> Verdict:
        found, asking = rate(target.due_on, position), looked_at(queries, target, target.due_on, position)
        return Verdict(position, basis, found, reached(asking, found), asking.asked)

    target = looked_at(queries, target, as_of, known_at)
    stands = progress(target, opened_on, rate(opened_on - _DAY, known_at), rate(as_of, known_at), as_of)
    missing = _organizations_missing(queries, target, stands, as_of, known_at)
    if target.due_on > as_of:
        return TargetStanding(target, stands, missing, None, None)
    # Nothing is said from beyond the state of knowledge that is asked for.
    position = min(then[target.due_on], known_at)
    as_then = verdict(position, queries.learn(position).basis)
    return TargetStanding(target, stands, missing, as_then, verdict(known_at, None))


def _organizations_missing(
    queries: Queries, target: Target, stands: Progress, as_of: date, known_at: int
) -> int | None:
    if stands.missing is None or unit_of(target.rate) == "organizations":
        # More than there are is what a relative target may ask for, and nothing makes that up.
        return None if stands.required is not None and stands.required > stands.rate.denominator else stands.missing
    policy, segment, _ = queries.meaning(target.segment, as_of, known_at)
    rows = chosen_rows(queries.view.current.snapshot, as_of, known_at, policy, segment)
    open_to_cover = (rows.excluded == 0) & ~rows.organization_covered
    return fewest_organizations(np.maximum(rows.employees[open_to_cover], 0).tolist(), stands.missing)
