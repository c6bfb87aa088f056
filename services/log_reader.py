"""The log as the projections read it: facts and words by position and by name."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
from psycopg import Connection, Cursor

from domain.facts import Event, EventKey
from domain.instants import parse_instant

_EVENT: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
"""
_AFTER: Final = _EVENT + " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
_AT: Final = _EVENT + " WHERE notification_id = ANY(%s)"
_NAMED: Final = """
SELECT event.* FROM unnest(%b::text[], %b::text[]) AS name (source, id),
       LATERAL (SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
                 WHERE log.source = name.source AND log.id = name.id LIMIT 1) event
"""


class LogReader:
    """Reads events through one connection, in whatever transaction that is in."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def after(self, position: int, limit: int) -> list[Event]:
        """The events after a position, in order, at most `limit`."""
        return self._events(_AFTER, (position, limit))

    def events(self, positions: Sequence[int]) -> list[Event]:
        """The events at these positions, in any order."""
        return self._events(_AT, (list(positions),)) if positions else []

    def find(self, keys: Sequence[EventKey]) -> list[Event]:
        """Those of the named events that are in the log."""
        return self._events(_NAMED, tuple(map(list, zip(*keys, strict=True)))) if keys else []

    def _events(self, query: str, parameters: tuple[Any, ...]) -> list[Event]:
        with self._connection.cursor(binary=True) as cursor:
            return list(_read(cursor.execute(query, parameters, prepare=True)))


def _read(rows: Cursor[Any] | Iterable[Any]) -> Iterator[Event]:
    for position, source, event_id, type_, raw, attributes in rows:
        content = orjson.loads(raw)
        if attributes is not None:  # binary mode: the bytes are the data alone
            content = {**attributes, "data": content}
        yield Event(position, source, event_id, type_, parse_instant(content["time"]), content["data"])
