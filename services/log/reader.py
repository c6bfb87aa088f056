"""The log as the projections read it: facts and words by position and by name."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from domain.events.facts import Event, EventKey
from services.log.content import UnreadableError, time_and_data

# Decoded events that are kept for whoever asks next: some 1.3 kB each, those with long lists as so many more.
KEPT_EVENTS_MAX: Final = 50_000
_LISTED_AS_ONE: Final = 10
Query = str | sql.Composed
# Position, source, id, type, time in nanoseconds, data: the fields of domain.events.facts.Event.
Values = tuple[int, str, str, str, int, dict[str, Any]]

_EVENT: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
"""
_AFTER: Final = _EVENT + " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
_AT: Final = _EVENT + " WHERE notification_id = ANY(%s)"
# In one statement with the projection's mentions: their positions need not come here and go back.
_MENTIONED: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
 WHERE notification_id IN (SELECT position FROM {schema}.mention WHERE identifier = ANY(%s) AND since <= %s)
 ORDER BY notification_id
"""
_OF_SOURCE: Final = _EVENT + " WHERE source = %s ORDER BY notification_id"
_OF_TYPES: Final = (
    _EVENT + " WHERE topic = ANY(%s) AND notification_id > %s AND notification_id <= %s ORDER BY notification_id"
)
_NAMED: Final = """
SELECT event.* FROM unnest(%b::text[], %b::text[]) AS name (source, id),
       LATERAL (SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
                 WHERE log.source = name.source AND log.id = name.id LIMIT 1) event
"""


class LogReader:
    """Reads events through one connection, in whatever transaction that is in.

    An event whose bytes cannot be read, since they were changed after it was accepted, is left out, but where the log
    is read in order: there it has no data (`is_readable`).
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def after(self, position: int, limit: int) -> list[Event]:
        """The events after a position, in order, at most `limit`."""
        return [Event(*values) for values in self._read(_AFTER, (position, limit))]

    def events(self, positions: Sequence[int]) -> list[Event]:
        """The events at these positions, in any order."""
        return self._events(_AT, (list(positions),)) if positions else []

    def mentioning(self, schema: str, identifiers: Sequence[str], known_at: int) -> list[Event]:
        """The events that speak of any of these, as known at a position, in order; `schema` is the projection's."""
        query = sql.SQL(_MENTIONED).format(schema=sql.Identifier(schema))
        return self._events(query, (list(identifiers), known_at))

    def find(self, keys: Sequence[EventKey]) -> list[Event]:
        """Those of the named events that are in the log."""
        return self._events(_NAMED, tuple(map(list, zip(*keys, strict=True)))) if keys else []

    def of_source(self, source: str) -> list[Event]:
        """All events of one source, in order; for sources that say little."""
        return self._events(_OF_SOURCE, (source,))

    def of_types(self, types: Sequence[str], after: int, until: int) -> list[Event]:
        """The events of these types after a position and up to another, in order."""
        return self._events(_OF_TYPES, (list(types), after, until))

    def values_after(self, position: int, limit: int) -> list[Values]:
        """As `after`, each event as the values of its fields."""
        return self._read(_AFTER, (position, limit))

    def why_unreadable(self, position: int) -> str:
        """In words why the event at a position cannot be read; empty where it can."""
        with self._connection.cursor(binary=True) as cursor:
            for *_, raw, attributes in cursor.execute(_AT, ([position],)):
                try:
                    time_and_data(raw, attributes)
                except UnreadableError as error:
                    return str(error)
        return ""

    def _events(self, query: Query, parameters: tuple[Any, ...]) -> list[Event]:
        return [Event(*values) for values in self._read(query, parameters) if values[5]]

    def _read(self, query: Query, parameters: tuple[Any, ...]) -> list[Values]:
        with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return list(_read(cursor.execute(query, parameters, prepare=True).fetchall()))


class KeptEvents:
    """Events read once and kept decoded, since none ever changes; any number of threads may ask.

    For callers who see all of the log: what is kept passes by the database's row-level security.
    """

    def __init__(self) -> None:
        self._events: dict[int, Event] = {}
        self._weight = 0
        self._lock = threading.Lock()

    def at(self, log: LogReader, positions: Sequence[int]) -> list[Event]:
        """The events at these positions, in their order."""
        kept = self._events
        read = {event.position: event for event in log.events([p for p in positions if p not in kept])}
        found = [read.get(p) or kept[p] for p in positions]
        self._keep(read)
        return found

    def _keep(self, read: dict[int, Event]) -> None:
        weight = sum(map(_weight, read.values()))
        with self._lock:
            if self._weight + weight > KEPT_EVENTS_MAX:
                # Not emptied in place: another thread may be reading from it.
                self._events, self._weight = {}, 0
            if weight <= KEPT_EVENTS_MAX:
                self._events.update(read)
                self._weight += weight


def _weight(event: Event) -> int:
    """How many ordinary events it takes as much memory as; a branch may cover thousands of organizations."""
    data = event.data.get("replacement") or event.data
    return 1 + sum(len(value) for value in data.values() if isinstance(value, list)) // _LISTED_AS_ONE


def read_events(rows: Iterable[Any]) -> list[Event]:
    """The events of rows of position, source, id, topic, state and binary mode's attributes, those that can be read."""
    return [event for values in _read(rows) if is_readable(event := Event(*values))]


def is_readable(event: Event) -> bool:
    """Whether its bytes could be read; no event is accepted without data."""
    return bool(event.data)


def _read(rows: Iterable[Any]) -> Iterator[Values]:
    for position, source, event_id, type_, raw, attributes in rows:
        try:
            time_ns, data = time_and_data(raw, attributes)
        except UnreadableError:
            time_ns, data = 0, {}
        yield position, source, event_id, type_, time_ns, data
