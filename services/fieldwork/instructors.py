"""Instructors at both clocks: how many organizations each looks after, and which have had no contact for long."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from domain.events.facts import standing_facts
from domain.fieldwork.contacts import Assignment, assignments
from domain.inspection.signals import DEFAULT_SIGNAL_POLICY, SignalPolicy, read_signal_policy
from domain.ledger.rates import Filters
from services.ledger.ledger_at import LedgerAt
from services.ledger.projector import fits
from services.ledger.traces import events_about


class Load(NamedTuple):
    """What one instructor looks after.

    Attributes:
        organizations: in sight.
        quiet: of these without a contact for longer than the thresholds say.
        contacts: told of since each assignment.
        last: the day of the last of them.
    """

    instructor: str
    organizations: int
    quiet: int
    contacts: int
    last: date | None


class Quiet(NamedTuple):
    """An organization that none of its instructors has been in contact with for `days` days."""

    org: str
    region: str
    instructors: list[str]
    since: date
    last: date | None
    days: int
    decided_by: list[int]


class Instructed(NamedTuple):
    """The assignments at organizations in sight, these organizations' regions, and the thresholds in force."""

    assignments: list[Assignment]
    regions: Mapping[str, str]
    policy: SignalPolicy
    decided_by: Sequence[int]

    def loads(self, as_of: date) -> list[Load]:
        """By instructor, in order of their pseudonyms."""
        by_instructor = sorted(self.assignments, key=lambda each: each.instructor)
        return [
            Load(
                instructor,
                len(own := list(group)),
                sum(each.quiet_days(as_of) > self.policy.uncontacted_days for each in own),
                sum(each.contacts for each in own),
                _last(own),
            )
            for instructor, group in groupby(by_instructor, lambda each: each.instructor)
        ]

    def quiet(self, as_of: date) -> list[Quiet]:
        """The organizations without any contact for longer than the thresholds say, in order."""
        found = []
        for org, group in groupby(self.assignments, lambda each: each.org):
            own = list(group)
            days = min(each.quiet_days(as_of) for each in own)
            if days > self.policy.uncontacted_days:
                names, since = [each.instructor for each in own], min(each.since for each in own)
                positions = sorted({position for each in own for position in each.decided_by})
                found.append(Quiet(org, self.regions[org], names, since, _last(own), days, positions))
        return found


def _last(own: Iterable[Assignment]) -> date | None:
    return max((each.last for each in own if each.last is not None), default=None)


def instructed(ledger: LedgerAt, filters: Filters) -> Instructed:
    """Who is assigned to the active organizations that the filters mean, excluded ones among them."""
    queries, (as_of, known_at), snapshot = ledger.queries, ledger.clocks, ledger.view.snapshot
    rows = ledger.rows(filters)
    rows = rows.where(snapshot.entries["instructed"][rows.entry])
    regions = {
        snapshot.orgs[number]: snapshot.regions[region]
        for number, region in zip(rows.org_no.tolist(), rows.region.tolist(), strict=True)
    }
    adopted = queries.office_facts(["signals"], as_of, known_at)
    policy = read_signal_policy(adopted[-1].data) if adopted else DEFAULT_SIGNAL_POLICY
    with queries.connection() as connection, connection.cursor() as cursor:
        there = ledger.view.reading.presences(cursor, rows.org_no.tolist(), as_of.toordinal(), known_at)
        present = {(each.org, each.entity) for each in there if each.entity.startswith("person:")}
        persons = sorted({person for _, person in present})
        events = events_about(connection, ledger.view.reading, persons, known_at, queries.kept) if persons else []
    found = assignments(standing_facts(events, fits)[0], as_of, present)
    return Instructed(found, regions, policy, adopted[-1].decided_by if adopted else ())
