"""The trail: the log's events by subject, source, type, effective and recorded range, position."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg import sql
from psycopg.rows import class_row

from domain.values.clocks import Basis, basis_of
from services.ledger.queries import Queries
from services.ledger.sight import Sight
from services.log.reader import LogReader


class Trail(NamedTuple):
    """Which events are meant; None means any. Ranges include both ends."""

    subject: str | None = None
    source: str | None = None
    type: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None


class TrailEvent(NamedTuple):
    """One event of the trail."""

    position: int
    source: str
    id: str
    type: str
    subject: str | None
    effective_on: date | None
    recorded_at: datetime
    learned_at: datetime
    publisher: str
    intake: dict[str, Any]
    raw_sha256: bytes

    @property
    def basis(self) -> Basis:
        """What `learned_at` rests on."""
        return basis_of(self.intake)


_EVENT: Final = """
SELECT notification_id AS position, source, id, topic AS type, subject, effective_on, recorded_at,
       coalesce(learned_at, recorded_at) AS learned_at, publisher, intake, raw_sha256
FROM taizhang.log l
"""
_SELECT: Final = _EVENT + " WHERE notification_id > %(after)s AND notification_id <= %(known_at)s"
_SELECT_AT: Final = _EVENT + " WHERE notification_id = ANY(%s)"
_CONDITIONS: Final = {
    "subject": (
        " AND notification_id IN (SELECT position FROM {schema}.mention"
        " WHERE identifier = %(subject)s AND since <= %(known_at)s)"
    ),
    "source": " AND source = %(source)s",
    "type": " AND topic = %(type)s",
    "effective_from": " AND effective_on >= %(effective_from)s",
    "effective_to": " AND effective_on <= %(effective_to)s",
    "recorded_from": " AND recorded_at >= %(recorded_from)s",
    "recorded_to": " AND recorded_at <= %(recorded_to)s",
}
_ORDER: Final = " ORDER BY notification_id LIMIT %(limit)s"


# In one answer no more events than these are looked at for those in sight.
LOOKED_AT_MAX: Final = 20_000
_LOOK: Final = 1_000


class AuditPage(NamedTuple):
    """Events in order of position; `after` is where to go on, None at the end."""

    events: list[TrailEvent]
    after: int | None


def audit(queries: Queries, trail: Trail, sight: Sight, *, after: int, known_at: int, limit: int) -> AuditPage:
    """Up to `limit` events in sight, in order of position, those after `after` and known at `known_at`.

    A page ends early where LOOKED_AT_MAX events were looked at for it.
    """
    if sight.is_whole:
        found = _audit(queries, trail, after=after, known_at=known_at, limit=limit + 1)
        return AuditPage(found[:limit], found[limit - 1].position if len(found) > limit else None)
    seen: list[TrailEvent] = []
    # The database has left out most of what is out of sight.
    look = min(_LOOK, 2 * limit)
    for _ in range(LOOKED_AT_MAX // look):
        part = _audit(queries, trail, after=after, known_at=known_at, limit=look)
        with queries.connection() as connection:
            told = LogReader(connection).events([event.position for event in part])
        visible = {event.position for event in told if sight.sees_any(event)}
        seen += (e._replace(subject=sight.subject(e.subject)) for e in part if e.position in visible)
        if len(seen) > limit:
            return AuditPage(seen[:limit], seen[limit - 1].position)
        if len(part) < look:
            return AuditPage(seen, None)
        after = part[-1].position
    return AuditPage(seen, after)


def _audit(queries: Queries, trail: Trail, *, after: int, known_at: int, limit: int) -> list[TrailEvent]:
    given = {name: value for name, value in trail._asdict().items() if value is not None}
    text = _SELECT + "".join(_CONDITIONS[name] for name in given) + _ORDER
    statement = sql.SQL(text).format(schema=sql.Identifier(queries.view.current.reading.schema))
    with queries.connection() as connection, connection.cursor(row_factory=class_row(TrailEvent)) as cursor:
        parameters = {**given, "after": after, "known_at": known_at, "limit": limit}
        return cursor.execute(statement, parameters).fetchall()


def events_at(queries: Queries, positions: Sequence[int]) -> dict[int, TrailEvent]:
    """The events at these positions."""
    with queries.connection() as connection, connection.cursor(row_factory=class_row(TrailEvent)) as cursor:
        return {event.position: event for event in cursor.execute(_SELECT_AT, (list(positions),))}
