"""What changed between two states of knowledge of one date: which organizations, by which events, how late."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from statistics import median_low
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg import Connection, Cursor

from domain.events.facts import Event
from domain.inspection.row_changes import Reason, effective_on, reason
from domain.ledger.meaning import policy_of
from domain.ledger.rates import Counts, Filters
from domain.ledger.rows import Row
from domain.values.clocks import Basis
from projections.ledger.columns.columns import Int32
from projections.ledger.columns.counts import rows_of, seen
from projections.ledger.columns.moves import Moved, moved, touching
from services.ledger.ledger_at import LedgerAt
from services.ledger.row_reading import rows_at
from services.ledger.view import View
from services.log.reader import LogReader
from services.system.errors import InvalidValueError
from services.system.settings import SHANGHAI

# Beyond this, sources are not told apart in one answer: about a second of work.
EVENTS_MAX: Final = 500_000
# An organization's list of events is cut here; its history has them all.
POSITIONS_MAX: Final = 100

_OF_EVENTS: Final = """
SELECT notification_id, source, (coalesce(learned_at, recorded_at) AT TIME ZONE 'Asia/Shanghai')::date - effective_on
  FROM taizhang.log WHERE notification_id = ANY(%s)
"""
_RECORDED: Final = """
SELECT notification_id, source, id, topic, subject, recorded_at, coalesce(learned_at, recorded_at),
       CASE WHEN learned_at IS NULL THEN 'recorded' ELSE 'said' END
  FROM taizhang.log WHERE notification_id = ANY(%s)
"""


class ChangeEvent(NamedTuple):
    """An event through which something changed; `days_late` from the effective date to that of `learned_at`.

    The dates are those of Asia/Shanghai; `basis` is what `learned_at`, and so the lateness, rests on.
    """

    position: int
    source: str
    id: str
    type: str
    subject: str | None
    reason: Reason
    effective_on: date | None
    recorded_at: datetime
    learned_at: datetime
    basis: Basis
    days_late: int | None


class Change(NamedTuple):
    """One organization; `moved` has the counts that it adds more or less to, `positions` the events, latest last."""

    org: str
    before: Row | None
    after: Row | None
    moved: dict[str, int]
    positions: list[int]


class SourceChanges(NamedTuple):
    """What came from one source: events, organizations moved, and days late of the facts among the events."""

    source: str
    events: int
    organizations: int
    days_late_min: int | None
    days_late_median: int | None
    days_late_max: int | None


class Changes(NamedTuple):
    """What moved: how many organizations, by source, and a page of them with their events."""

    organizations_moved: int
    sources: list[SourceChanges]
    page: list[Change]
    events: dict[int, ChangeEvent]


class Touches(NamedTuple):
    """Which events touched which of the moved organizations: two arrays of one length, each pair once."""

    org_no: Int32
    position: Int32


def changes(ledger: LedgerAt, since: int, filters: Filters, *, after: str | None, limit: int) -> Changes:
    """What moved from the state of knowledge `since` on; organizations by identifier, those after `after`.

    Raises:
        InvalidValueError: more than EVENTS_MAX events took part.
    """
    queries = ledger.queries
    filters = queries.meaning(filters, *ledger.clocks).filters
    found = moved_since(ledger, since, filters)
    touches = touches_of(ledger, since, found.org_no)
    policies = policy_positions(ledger, since)
    if len(touches.position) > EVENTS_MAX:
        raise InvalidValueError(
            f"{len(touches.position)} events moved organizations; ask for a later since or a narrower filter, so that "
            f"at most {EVENTS_MAX} did"
        )
    chosen = _page(ledger.view, found, after, limit)
    with queries.connection() as connection, connection.cursor() as cursor:
        sources = _by_source(cursor, touches, policies, len(found.org_no))
        page = _changes(ledger, since, cursor, chosen, touches, policies, filters)
        events = ledger.sight.described(described(connection, {p for each in page for p in each.positions}))
    return Changes(len(found.org_no), sources, page, events)


def moved_since(ledger: LedgerAt, since: int, filters: Filters) -> Moved:
    """The organizations whose rows of the date moved from a state of knowledge on; filters as they are meant now."""
    filters = ledger.queries.everywhere().meaning(filters, *ledger.clocks).filters
    return moved(ledger.view.snapshot, ledger.clocks.day, since, ledger.clocks.known_at, filters)


def touches_of(ledger: LedgerAt, since: int, moved_orgs: Int32) -> Touches:
    """The events from a state of knowledge on that touched these organizations' rows of the date."""
    columns = ledger.view.snapshot.entries
    entries = touching(ledger.view.snapshot, ledger.clocks.day, since, ledger.clocks.known_at)
    entries = entries[np.isin(columns["org_no"][entries], moved_orgs)]
    pairs = np.unique(np.stack([columns["org_no"][entries], columns["position"][entries]]), axis=1)
    return Touches(pairs[0], pairs[1])


def policy_positions(ledger: LedgerAt, since: int) -> list[int]:
    """The events from a state of knowledge on that changed the date's policy; none if both ends have the same."""
    snapshot, day, known_at = ledger.view.snapshot, ledger.clocks.day, ledger.clocks.known_at
    policy = snapshot.policy
    if policy(day, since) == policy(day, known_at):
        return []
    between = sorted({p.position for p in snapshot.policies if since < p.position <= known_at})
    return [p for p in between if policy(day, p - 1) != policy(day, p)]


def _page(view: View, found: Moved, after: str | None, limit: int) -> Moved:
    named = ((view.snapshot.orgs[n], i) for i, n in enumerate(found.org_no.tolist()))
    page = heapq.nsmallest(limit, (pair for pair in named if after is None or pair[0] > after))
    return found.where(np.array([i for _, i in page], np.int64))


def _by_source(cursor: Cursor[Any], touches: Touches, policies: Sequence[int], orgs_moved: int) -> list[SourceChanges]:
    """By source; an event of the policy touches all that moved."""
    positions = np.union1d(touches.position, np.array(policies, np.int64)).tolist()
    rows = cursor.execute(_OF_EVENTS, (positions,), binary=True).fetchall()
    source_of = {position: source for position, source, _ in rows}
    orgs: dict[str, set[int]] = {}
    for org_no, position in zip(touches.org_no.tolist(), touches.position.tolist(), strict=True):
        orgs.setdefault(source_of[position], set()).add(org_no)
    late: dict[str, list[int]] = {}
    for _, source, days in rows:
        late.setdefault(source, []).extend([] if days is None else [days])
    counted = {source: sum(1 for s in source_of.values() if s == source) for source in late}
    of_policy = {source_of[p] for p in policies}
    return [
        SourceChanges(
            source,
            counted[source],
            orgs_moved if source in of_policy else len(orgs.get(source, ())),
            min(days, default=None),
            median_low(days) if days else None,
            max(days, default=None),
        )
        for source, days in sorted(late.items())
    ]


def _changes(  # noqa: PLR0917 - one page
    ledger: LedgerAt,
    since: int,
    cursor: Cursor[Any],
    chosen: Moved,
    touches: Touches,
    policies: Sequence[int],
    filters: Filters,
) -> list[Change]:
    before = _rows(ledger.as_known_at(since), cursor, chosen.before, filters)
    after = _rows(ledger, cursor, chosen.after, filters)
    made = []
    for org_no, difference in zip(chosen.org_no.tolist(), chosen.difference.tolist(), strict=True):
        org = ledger.view.snapshot.orgs[org_no]
        positions = sorted({*touches.position[touches.org_no == org_no].tolist(), *policies})[-POSITIONS_MAX:]
        differences = {name: by for name, by in zip(Counts._fields, difference, strict=True) if by}
        made.append(Change(org, before.get(org), after.get(org), differences, positions))
    return made


def _rows(ledger: LedgerAt, cursor: Cursor[Any], entries: Int32, filters: Filters) -> Mapping[str, Row]:
    """The rows in sight, as a basis counts: an organization may be so on one side alone."""
    view, queries, policy = ledger.view, ledger.queries, policy_of(filters, ledger.policy)
    rows = rows_of(view.snapshot, entries[entries >= 0], policy)
    scope = queries.scope_at(*ledger.clocks)
    if scope is not None:
        rows = rows.where(seen(view.snapshot, rows.region, rows.answers, scope))
    return {row.org: row for row in rows_at(view, cursor, rows, policy, judged=ledger.is_judged)}


def described(connection: Connection[Any], positions: Iterable[int]) -> dict[int, ChangeEvent]:
    """The events at these positions, each with why it changes what was known and how late it came."""
    wanted = sorted(positions)
    log = LogReader(connection)
    events = {event.position: event for event in log.events(wanted)}
    targets = {e.key: e for e in log.find([e.target for e in events.values() if not e.is_fact])}
    rows = connection.execute(_RECORDED, (wanted,)).fetchall()
    return {row[0]: _described(row, events[row[0]], targets) for row in sorted(rows)}


def _described(row: Sequence[Any], event: Event, targets: Mapping[tuple[str, str], Event]) -> ChangeEvent:
    position, source, id_, type_, subject, recorded_at, learned_at, basis = row
    effective = effective_on(event, None if event.is_fact else targets.get(event.target))
    days = None if effective is None else (learned_at.astimezone(SHANGHAI).date() - effective).days
    late = days is not None and days > 0
    return ChangeEvent(
        position, source, id_, type_, subject, reason(type_, late=late), effective, recorded_at, learned_at, basis, days
    )  # fmt: skip
