"""The trail: the log's events by subject, source, type, effective and recorded range, position."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from psycopg import sql
from psycopg.rows import class_row

from services.queries import Queries


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
    publisher: str
    intake: dict[str, Any]
    raw_sha256: bytes


_EVENT: Final = """
SELECT notification_id AS position, source, id, topic AS type, subject, effective_on, recorded_at, publisher,
       intake, raw_sha256
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


def audit(queries: Queries, trail: Trail, *, after: int, known_at: int, limit: int) -> list[TrailEvent]:
    """Up to `limit` events in order of position, those after `after` and known at `known_at`."""
    given = {name: value for name, value in trail._asdict().items() if value is not None}
    text = _SELECT + "".join(_CONDITIONS[name] for name in given) + _ORDER
    statement = sql.SQL(text).format(schema=sql.Identifier(queries.view.current.reading.schema))
    with queries.pool.connection() as connection, connection.cursor(row_factory=class_row(TrailEvent)) as cursor:
        parameters = {**given, "after": after, "known_at": known_at, "limit": limit}
        return cursor.execute(statement, parameters).fetchall()


def events_at(queries: Queries, positions: Sequence[int]) -> dict[int, TrailEvent]:
    """The events at these positions."""
    with queries.pool.connection() as connection, connection.cursor(row_factory=class_row(TrailEvent)) as cursor:
        return {event.position: event for event in cursor.execute(_SELECT_AT, (list(positions),))}
