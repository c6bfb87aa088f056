"""One branch's history at a date: every event that touched it, with its own state before and after it was known."""

from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from domain.ledger.living import term
from domain.values.terms import Formation, MeetingKind, Tier
from projections.ledger.columns.branches import BranchReading, Told
from services.inspection.changes import ChangeEvent, described
from services.ledger.branches import BranchLedger
from services.ledger.ledger_at import LedgerAt
from services.ledger.sight import WITHHELD
from services.log.reader import LogReader
from services.system.errors import NotFoundError


class BranchThen(NamedTuple):
    """A formed branch on the date under one state of knowledge.

    Attributes:
        covers: the organizations in sight that it covers, those that are not active too.
        pairs: by organization how it covers it, where that is not by its own formation.
        meetings: the quorate ones held by the date.
        in_effect: None without an activity policy.
    """

    name: str
    tier: Tier
    formation: Formation
    region: str
    parent: str | None
    groups: int
    formed_on: date
    term_from: date
    term_to: date | None
    vacant_since: date | None
    covers: list[str]
    pairs: dict[str, Formation]
    meetings: int
    in_effect: bool | None


class BranchStep(NamedTuple):
    """One event that touched a branch: what it was before and after the event was known, None while not formed."""

    event: ChangeEvent
    before: BranchThen | None
    after: BranchThen | None
    previous: int | None
    next: int | None

    @property
    def changed(self) -> list[str]:
        """The fields that differ; all of them where it came to be formed, or no longer is."""
        before, after = self.before, self.after
        return [
            name
            for name in BranchThen._fields
            if (before is None) != (after is None) or getattr(before, name, None) != getattr(after, name, None)
        ]


def branch_history(ledger: LedgerAt, branch: str, *, after: int, limit: int) -> list[BranchStep]:
    """The events that touched a branch, in order of position, those after position `after`.

    They speak of it, or made that it is in effect or no longer. Whoever is limited to regions is told of those that
    concern something there, with what is covered there.

    Raises:
        NotFoundError: no event known then speaks of it, or none in sight.
    """
    known_at, snapshot = ledger.clocks.known_at, ledger.view.snapshot
    with ledger.queries.cursor() as cursor:
        mentioned = _in_sight(ledger, cursor.connection, ledger.view.reading.mentions(cursor, [branch], known_at))
        if not mentioned:
            raise NotFoundError(f"no event known at position {known_at} speaks of {branch}; check the identifier")
        with ledger.queries.everywhere().cursor() as all_of_it:
            told = BranchReading(all_of_it, ledger.view.reading.schema, ledger.clocks.day, known_at).told(branch)
        at = _At(ledger, BranchLedger(ledger), told)
        adopted = {each.position for each in snapshot.activity_policies if each.position <= known_at}
        others = sorted((told.positions | adopted) - mentioned)
        moved = [position for position in others if at.position(position - 1) != at.position(position)]
        positions = sorted(mentioned | _in_sight(ledger, cursor.connection, moved))
    around = zip([None, *positions], positions, [*positions[1:], None], strict=False)
    page = [step for step in around if step[1] > after][:limit]
    with ledger.queries.connection() as connection:
        events = ledger.sight.described(described(connection, [position for _, position, _ in page]))
    return [
        BranchStep(events[p], at.position(p - 1), at.position(p), previous, following)
        for previous, p, following in page
    ]


def _in_sight(ledger: LedgerAt, connection: Connection[TupleRow], positions: list[int]) -> set[int]:
    """Those of the events that concern something in sight."""
    sight = ledger.sight
    if sight.is_whole:
        return set(positions)
    return {event.position for event in LogReader(connection).events(positions) if sight.sees_any(event)}


class _At:
    """The branch on the date at any state of knowledge."""

    def __init__(self, ledger: LedgerAt, branches: BranchLedger, told: Told) -> None:
        self._ledger, self._branches, self._told = ledger, branches, told
        self._sees = ledger.sight.sees
        self._seen: dict[str, bool] = {}

    def position(self, position: int) -> BranchThen | None:
        told, day, snapshot = self._told, self._ledger.clocks.day, self._ledger.view.snapshot
        state = _last(told.states, position)
        if state is None:
            return None
        policy = snapshot.activity_policy(day, position)
        last, parent = term(state.life, policy).last, _last(told.parents, position)
        if parent is not None and not self._ledger.sight.is_whole and not self._branches.sees(parent):
            parent = WITHHELD
        held: dict[tuple[int, MeetingKind], int] = {}
        held |= {(on, kind): number for at, on, kind, number in told.meetings if at <= position}
        said = {org: how for at, org, how in told.covers if at <= position}
        covered = {org: how for org, how in said.items() if how is not None and self._is_seen(org)}
        in_effect = bool(_last(told.in_effect, position))
        return BranchThen(
            state.name, state.tier, state.formation, state.region, parent, state.groups,
            date.fromordinal(state.formed_on), date.fromordinal(state.term_from),
            None if last is None else date.fromordinal(last),
            None if state.vacant_since is None else date.fromordinal(state.vacant_since),
            sorted(covered),
            {org: how for org, how in sorted(covered.items()) if how != state.formation},
            sum(held.values()), None if policy is None else in_effect,
        )  # fmt: skip

    def _is_seen(self, org: str) -> bool:
        if org not in self._seen:
            self._seen[org] = self._sees(org)
        return self._seen[org]


def _last(rows: list[tuple[int, Any]], position: int) -> Any:  # noqa: ANN401 - of rows of any kind
    """What the last row at or before a position says; None before the first."""
    return next((value for at, value in reversed(rows) if at <= position), None)
