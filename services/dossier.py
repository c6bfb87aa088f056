"""One organization: its dossier at both clocks, and its history event by event."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection, Cursor

from domain.facts import Event, EventKey
from domain.fold import Branch
from domain.ledger import Row, ledger
from projections.ledger.changes import INACTIVE
from projections.ledger.reading import AnomalyRow, LedgerReading, OrgEntry, PresenceRow, deciding
from services.ledger_view import View
from services.log_reader import LogReader
from services.projector import fits
from services.queries import Queries, org_row, row_of


class BranchHere(NamedTuple):
    """A branch that covers the organization."""

    branch: str
    name: str | None
    tier: str | None
    formation: str
    region: str | None


class MemberHere(NamedTuple):
    """A member at the organization."""

    member: str
    standing: str


class Dossier(NamedTuple):
    """One organization at both clocks; `row` is None while it is not active."""

    org: str
    active: bool
    row: Row | None
    branches: list[BranchHere]
    members: list[MemberHere]
    instructors: list[str]
    anomalies: list[AnomalyRow]


class Step(NamedTuple):
    """One event that touched an organization, and its row before and after it was known."""

    position: int
    before: Row | None
    after: Row | None


def dossier(queries: Queries, org: str, as_of: date, known_at: int) -> Dossier:
    """One organization's dossier.

    Raises:
        NotFoundError: no event known then speaks of it.
    """
    number = queries.require_organization(org, known_at)
    view = queries.view.current
    with queries.pool.connection() as connection, connection.cursor() as cursor:
        found = org_row(view, cursor, org, number, as_of, known_at)
        present = view.reading.presences(cursor, [number], as_of.toordinal(), known_at)
        branches = [
            branch_here(connection, view.reading, each, as_of, known_at) for each in present if _is(each, "branch:")
        ]
        subjects = [org, *(each.entity for each in present)]
        anomalies = view.reading.anomalies(cursor, as_of.toordinal(), known_at, subjects=subjects)
    members = [MemberHere(each.entity, each.value) for each in present if _is(each, "member:")]
    instructors = [each.entity for each in present if _is(each, "person:")]
    if found is None:
        anomalies += inactive_anomalies(present)
    return Dossier(org, found is not None, found, branches, members, instructors, anomalies)


def _is(present: PresenceRow, prefix: str) -> bool:
    return present.entity.startswith(prefix)


def inactive_anomalies(present: Sequence[PresenceRow]) -> list[AnomalyRow]:
    """Branches that cover, and members who are at, organizations that are not active."""
    return [
        AnomalyRow(
            "covers_inactive" if _is(each, "branch:") else "member_at_inactive", each.entity, None, None, each.org
        )
        for each in present
        if not _is(each, "person:")
    ]


def branch_here(
    connection: Connection[Any], reading: LedgerReading, present: PresenceRow, as_of: date, known_at: int
) -> BranchHere:
    """A covering branch with its name, tier and region, folded from the events that speak of it."""
    with connection.cursor() as cursor:
        events = LogReader(connection).events(reading.mentions(cursor, [present.entity], known_at))
    events += targets(connection, events, known_at)
    state = ledger(events, as_of, fits).branches.get(present.entity, Branch())
    return BranchHere(present.entity, state.name, state.tier, present.value, state.region)


def targets(connection: Connection[Any], events: Sequence[Event], known_at: int) -> list[Event]:
    """The events known then that corrections and retractions among `events` speak of, beside those at hand."""
    known = {event.key for event in events}
    wanted: list[EventKey] = [e.target for e in events if not e.is_fact and e.target not in known]
    return [e for e in LogReader(connection).find(wanted) if e.position <= known_at]


def history(queries: Queries, org: str, as_of: date, known_at: int, *, after: int, limit: int) -> list[Step]:
    """The events that touched an organization, in order of position, those after position `after`.

    Raises:
        NotFoundError: no event known then speaks of it.
    """
    number = queries.require_organization(org, known_at)
    view = queries.view.current
    with queries.cursor() as cursor:
        entries = view.reading.org_entries(cursor, number, known_at)
        touched = {entry.position for entry in entries}
        touched.update(view.reading.mentions(cursor, [org], known_at))
        rows = _Rows(view, cursor, org, entries, as_of)
        policies = {p.position for p in view.snapshot.policies if p.position <= known_at} - touched
        changed = {p for p in policies if rows.at(p - 1) != rows.at(p)}
        page = [p for p in sorted(touched | changed) if p > after][:limit]
        return [Step(p, rows.at(p - 1), rows.at(p)) for p in page]


class _Rows:
    """One organization's row on one date at any state of knowledge."""

    def __init__(self, view: View, cursor: Cursor[Any], org: str, entries: list[OrgEntry], as_of: date) -> None:
        self._snapshot, self._org, self._day = view.snapshot, org, as_of.toordinal()
        self._entries = entries
        self._positions = [entry.position for entry in entries]
        numbers = {entry.state[0] for entry in entries} - {INACTIVE}
        self._attributes = view.reading.attributes(cursor, sorted(numbers))

    def at(self, position: int) -> Row | None:
        known = self._entries[: bisect_right(self._positions, position)]
        state = deciding(known, self._day, position)
        if state is None or state[0] == INACTIVE:
            return None
        return row_of(self._org, state, self._attributes, self._snapshot.policy(self._day, position))
