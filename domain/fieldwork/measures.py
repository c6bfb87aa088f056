"""Measures (分类施策): what is open at an organization not yet covered, since when, due when, and what ended it.

A measure opens and closes by the ledger's own changes: nobody states it, so it cannot be opened or closed twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

from domain.events.facts import Fact
from domain.ledger.rows import Row
from domain.values.instants import parse_date
from domain.values.terms import MEASURES, Measure

ClosedBy = Literal["not_registered", "excluded", "covered", "instructed", "superseded"]
Met = Literal["not_registered", "excluded", "covered", "instructed"]
METS: Final[tuple[Met, ...]] = ("not_registered", "excluded", "covered", "instructed")
# The ways in which a measure ends that are its success; by any other it was only seen for so long.
SUCCESSES: Final = frozenset({"covered", "instructed"})
BY_ELIGIBILITY: Final = frozenset({"establish", "establish_large"})


class Span(NamedTuple):
    """From a day on, until the next span: what is asked of an organization, or why nothing is."""

    day: date
    asked: Measure | Met
    eligible: bool


class Episode(NamedTuple):
    """One measure at one organization, from its opening to its end.

    Attributes:
        measure: what the policy asks for.
        opened_on: the first day on which it is asked for.
        closed_on: the first day on which it no longer is; None while open.
        closed_by: what ended it: coverage, an instructor, the organization's end or exclusion, another measure.
        eligible_since: for a measure to establish a branch, since when the organization has been eligible and
            uncovered without a break; None while it is not eligible.
    """

    measure: Measure
    opened_on: date
    closed_on: date | None
    closed_by: ClosedBy | None
    eligible_since: date | None


class Deadlines(NamedTuple):
    """The deadlines in force; days by measure, None for no due date."""

    not_before: date | None
    days: Mapping[Measure, int | None]


NO_DEADLINES: Final = Deadlines(None, {})


def asked(row: Row | None) -> Measure | Met:
    """What is asked of an organization by its row, or why nothing is; None for a row: it is not active."""
    if row is None:
        return "not_registered"
    if row.excluded is not None:
        return "excluded"
    if row.organization_covered:
        return "covered"
    if row.measure == "instruct" and row.work_covered:
        return "instructed"
    return row.measure


def episodes(spans: Iterable[Span]) -> list[Episode]:
    """The measures of one organization in order, from its spans in order of days; the last span is open.

    A span that asks for the same as the one before goes on with it.
    """
    found: list[Episode] = []
    eligible_since: date | None = None
    for what, group in groupby(spans, lambda span: span.asked):
        alike = list(group)
        begin = alike[0].day
        if found and found[-1].closed_on is None:
            closed_by: ClosedBy = "superseded" if what in MEASURES else what
            found[-1] = found[-1]._replace(closed_on=begin, closed_by=closed_by)
        if what not in MEASURES:
            eligible_since = None
            continue
        for span in alike:
            eligible_since = (eligible_since or span.day) if span.eligible else None
        since = eligible_since if what in BY_ELIGIBILITY else None
        found.append(Episode(what, begin, None, None, since))
    return found


def due_on(episode: Episode, deadlines: Deadlines) -> date | None:
    """The last day on which the measure is in time; None where there is no deadline."""
    days = deadlines.days.get(episode.measure)
    begin = episode.eligible_since if episode.measure in BY_ELIGIBILITY else episode.opened_on
    if days is None or begin is None:
        return None
    due = begin + timedelta(days)
    return due if deadlines.not_before is None else max(due, deadlines.not_before)


class Offices(NamedTuple):
    """What offices have said of measures, by a date: deadlines, who answers, extensions.

    Attributes:
        deadlines: in force.
        of_org: the office by organization.
        of_region: the office by region code; the longest one that an organization's region begins with counts.
        extended: by organization and measure the days on which it was extended, each with the new due date.
        decided_by: the positions that adopted the deadlines.
    """

    deadlines: Deadlines
    of_org: Mapping[str, str]
    of_region: Mapping[str, str]
    extended: Mapping[tuple[str, str], Sequence[tuple[date, date]]]
    decided_by: Sequence[int]

    def office(self, org: str, region: str) -> str | None:
        """The office that answers for an organization in a region; None if nobody does."""
        if org in self.of_org:
            return self.of_org[org]
        return next((self.of_region[region[:n]] for n in (12, 9, 6, 4, 2) if region[:n] in self.of_region), None)

    def due_on(self, org: str, episode: Episode) -> date | None:
        """When an open measure is due; the last extension since it opened goes before the deadline."""
        said = [due for on, due in self.extended.get((org, episode.measure), ()) if on >= episode.opened_on]
        return said[-1] if said else due_on(episode, self.deadlines)


def offices(facts: Iterable[Fact], as_of: date) -> Offices:
    """Fold what offices have said, given in canonical order, by a date."""
    found = Offices(NO_DEADLINES, {}, {}, {}, ())
    of_org: dict[str, str] = {}
    of_region: dict[str, str] = {}
    extended: dict[tuple[str, str], list[tuple[date, date]]] = {}
    for each in facts:
        if each.effective_on > as_of:
            break
        data: Mapping[str, Any] = each.data
        match each.type:
            case "taizhang.measure.deadlines_adopted.v1":
                found = found._replace(deadlines=_deadlines(data), decided_by=each.decided_by)
            case "taizhang.measure.assigned.v1" if data.get("org") is not None:
                of_org[data["org"]] = data["office"]
            case "taizhang.measure.assigned.v1":
                of_region[data["region"]] = data["office"]
            case "taizhang.measure.extended.v1":
                key = (data["org"], data["measure"])
                extended.setdefault(key, []).append((each.effective_on, parse_date(data["due_on"])))
    return found._replace(of_org=of_org, of_region=of_region, extended=extended)


def _deadlines(data: Mapping[str, Any]) -> Deadlines:
    earliest = data.get("not_before")
    return Deadlines(None if earliest is None else parse_date(earliest), {m: data.get(f"{m}_days") for m in MEASURES})
