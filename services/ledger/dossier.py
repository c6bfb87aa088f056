"""One organization: its dossier at both clocks, and its history event by event."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple, cast

from psycopg import Cursor

from domain.ledger.branches import Branch
from domain.ledger.rows import Row
from domain.ledger.traces import DecidedBy, trace
from domain.values.terms import Relation, Standing
from projections.ledger.columns.rows import AnomalyRow, OrgEntry, PresenceRow, deciding
from projections.ledger.rows import AT_ANSWERS, INACTIVE
from services.ledger import held
from services.ledger.queries import Queries
from services.ledger.row_reading import org_row, row_of
from services.ledger.sight import Sight
from services.ledger.traces import FactsAround, facts_around
from services.ledger.view import View


class BranchHere(NamedTuple):
    """A branch that covers the organization."""

    branch: str
    name: str | None
    tier: str | None
    formation: str
    region: str | None


class MemberHere(NamedTuple):
    """A member at the organization; `relation` is None for an activist, who has none yet."""

    member: str
    standing: Standing
    relation: Relation | None


class Dossier(NamedTuple):
    """One organization at both clocks; `row` and `decided_by` are None while it is not active."""

    org: str
    active: bool
    row: Row | None
    decided_by: DecidedBy | None
    branches: list[BranchHere]
    members: list[MemberHere]
    instructors: list[str]
    anomalies: list[AnomalyRow]


class Step(NamedTuple):
    """One event that touched an organization: its row before and after it was known, and the steps around it."""

    position: int
    before: Row | None
    after: Row | None
    previous: int | None
    next: int | None


def dossier(queries: Queries, org: str, as_of: date, known_at: int) -> Dossier:
    """One organization's dossier.

    Raises:
        NotFoundError: no event known then speaks of it.
    """
    number = queries.require_organization(org, as_of, known_at)
    view = queries.view.current
    with queries.connection() as connection, connection.cursor() as cursor:
        found = org_row(view, cursor, org, number, as_of, known_at)
        present = view.reading.presences(cursor, [number], as_of.toordinal(), known_at)
        facts = facts_around(connection, view.reading, [org], present, as_of, known_at, queries.kept)
        subjects = [org, *(each.entity for each in present)]
        anomalies = view.reading.anomalies(cursor, as_of.toordinal(), known_at, subjects=subjects)
        anomalies += held_anomalies(queries, as_of, known_at, subjects)
    branches = [branch_here(facts, each) for each in present if _is(each, "branch:")]
    members = [member_here(each) for each in present if _is(each, "member:")]
    instructors = [each.entity for each in present if _is(each, "person:")]
    if found is None:
        anomalies += inactive_anomalies(present)
    sight = Sight(queries, as_of, known_at)
    anomalies = [each._replace(detail=sight.text(each.detail)) for each in anomalies]
    decided_by = None if found is None else facts.decided_by(found)
    return Dossier(org, found is not None, found, decided_by, branches, members, instructors, anomalies)


def member_here(present: PresenceRow) -> MemberHere:
    """A member by what they count as."""
    standing, _, elsewhere = present.value.partition("_")
    relation: Relation | None = None if standing == "activist" else "elsewhere" if elsewhere else "here"
    return MemberHere(present.entity, cast("Standing", standing), relation)


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


def held_anomalies(
    queries: Queries, as_of: date, known_at: int, subjects: Sequence[str] | None = None
) -> list[AnomalyRow]:
    """The events known then, effective by the date, that could not be applied: of these subjects, or of all."""
    with queries.everywhere().connection() as connection:
        found = held.held(connection)
    return [
        AnomalyRow("event_held", each.about, each.position, each.effective_on, each.fault)
        for each in found
        if each.position <= known_at
        and (each.effective_on is None or each.effective_on <= as_of)
        and (subjects is None or each.about in subjects)
    ]


def branch_here(facts: FactsAround, present: PresenceRow) -> BranchHere:
    """A covering branch with its name, tier and region."""
    state = trace(facts.by_entity[present.entity], present.org).state
    if not isinstance(state, Branch):
        raise TypeError(f"{present.entity} covers {present.org}, and is no branch")
    return BranchHere(present.entity, state.name, state.tier, present.value, state.region)


def history(queries: Queries, org: str, as_of: date, known_at: int, *, after: int, limit: int) -> list[Step]:
    """The events that touched an organization, in order of position, those after position `after`.

    Raises:
        NotFoundError: no event known then speaks of it.
    """
    number = queries.require_organization(org, as_of, known_at)
    view = queries.view.current
    with queries.cursor() as cursor:
        entries = view.reading.org_entries(cursor, number, known_at)
        touched = {entry.position for entry in entries}
        touched.update(view.reading.mentions(cursor, [org], known_at))
        rows = _Rows(view, cursor, org, entries, as_of)
        adopted = {p.position for p in view.snapshot.policies} | {p.position for p in view.snapshot.activity_policies}
        policies = {position for position in adopted if position <= known_at} - touched
        changed = {p for p in policies if rows.at(p - 1) != rows.at(p)}
    positions = sorted(touched | changed)
    around = zip([None, *positions], positions, [*positions[1:], None], strict=False)
    page = islice((step for step in around if step[1] > after), limit)
    sight = Sight(queries, as_of, known_at)
    return [
        Step(p, sight.row(rows.at(p - 1)), sight.row(rows.at(p)), previous, following)
        for previous, p, following in page
    ]


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
        # While it was in a region out of sight, the database shows no attributes of it (policies.sql).
        if state is None or state[0] == INACTIVE or state[0] not in self._attributes:
            return None
        policy, judged = self._snapshot.policy(self._day, position), self._snapshot.is_judged(self._day, position)
        answers = self._snapshot.answers.of[state[AT_ANSWERS]]
        return row_of(self._org, state, self._attributes, policy, answers, judged=judged)
