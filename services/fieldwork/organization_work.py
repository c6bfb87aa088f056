"""What offices have done at one organization, at both clocks: visits with what they found, measures, matches."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.events.facts import Fact, standing_facts
from domain.fieldwork.matching import Decision
from domain.fieldwork.measures import Episode, Offices
from domain.fieldwork.surveys import (
    Discrepancy,
    Finding,
    Visit,
    discrepancies,
    shown_findings,
    surveys,
    visits,
)
from services.fieldwork.match_decisions import all_decisions
from services.fieldwork.measures import of_organization
from services.ledger.ledger_at import LedgerAt
from services.ledger.projector import fits
from services.ledger.row_reading import org_row
from services.ledger.traces import events_about

_VISIT = "taizhang.visit.made.v1"


class VisitHere(NamedTuple):
    """A visit of the organization.

    Attributes:
        name: the survey's.
        revisits: the visit that a sample looked at again; None for a first one.
        differs: what it found otherwise than the ledger has it at the end of its day.
    """

    visit: str
    survey: str
    name: str | None
    grid: str
    made_on: date
    revisits: str | None
    findings: list[Finding]
    differs: list[Discrepancy]
    position: int


class MeasureHere(NamedTuple):
    """A measure of the organization, open or closed; the office that answers for an open one."""

    episode: Episode
    due_on: date | None
    office: str | None


class OrganizationWork(NamedTuple):
    """The visits, the latest first; the measures as they were opened; what was decided of it and other records."""

    visits: list[VisitHere]
    measures: list[MeasureHere]
    matches: list[Decision]


def organization_work(ledger: LedgerAt, org: str) -> OrganizationWork:
    """What offices have done at an organization by the date.

    Raises:
        NotFoundError: no event known then speaks of it.
    """
    as_of, known_at = ledger.clocks
    number = ledger.queries.require_organization(org, as_of, known_at)
    episodes, said = of_organization(ledger.queries, org, as_of, known_at)
    made = [visit for visit in _visits(ledger, org) if visit.org == org]
    named = surveys(ledger.queries.office_facts(["survey"], as_of, known_at)) if made else {}
    with ledger.queries.cursor() as cursor:
        rows = {
            day: org_row(ledger.view, cursor, org, number, day, known_at)
            for day in {as_of, *(visit.made_on for visit in made)}
        }
    here = [
        VisitHere(
            visit.visit, visit.survey, named[visit.survey].name if visit.survey in named else None, visit.grid,
            visit.made_on, visit.revisits, shown_findings(visit), discrepancies(visit, rows[visit.made_on]),
            visit.position,
        )
        for visit in sorted(made, key=lambda each: (each.made_on, each.position), reverse=True)
    ]  # fmt: skip
    row = rows[as_of]
    measures = _measures(org, episodes, said, None if row is None else row.attributes.region)
    decided = [each for each in all_decisions(ledger.queries, as_of, known_at)[0] if org in (each.org, each.other)]
    return OrganizationWork(here, measures, decided)


def _measures(org: str, episodes: Sequence[Episode], said: Offices, region: str | None) -> list[MeasureHere]:
    return [
        MeasureHere(
            each, said.due_on(org, each), said.office(org, region) if each.closed_on is None and region else None
        )
        for each in episodes
    ]


def _visits(ledger: LedgerAt, org: str) -> list[Visit]:
    """The visits among what was said of an organization; another of the same name before goes before, as ever."""
    of_org = _told(ledger, [org])
    facts = _told(ledger, sorted({fact.data["visit"] for fact in of_org})) if of_org else []
    return [visit for survey in sorted({fact.data["survey"] for fact in facts}) for visit in visits(facts, survey)]


def _told(ledger: LedgerAt, identifiers: Sequence[str]) -> list[Fact]:
    queries, (as_of, known_at) = ledger.queries, ledger.clocks
    with queries.connection() as connection:
        events = events_about(connection, ledger.view.reading, identifiers, known_at, queries.kept)
    return [fact for fact in standing_facts(events, fits)[0] if fact.type == _VISIT and fact.effective_on <= as_of]
