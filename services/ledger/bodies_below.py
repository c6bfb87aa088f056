"""Which bodies were ever below a body, whatever was taken back since: how far the database's wall is open by bodies."""

import threading
from collections.abc import Mapping
from typing import Any, Final

from psycopg import Connection

from domain.events.facts import Event
from services.ledger.meaning import BODY
from services.ledger.traces import events_about
from services.ledger.view import View

_Below = Mapping[str, frozenset[str]]
_NOBODY: Final = frozenset[str]()


class BodiesBelow:
    """The bodies that were ever directly below each; read anew once a later event speaks of bodies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[int, int] | None = None
        self._below: _Below = {}

    def at(self, connection: Connection[Any], view: View) -> _Below:
        """By body those that any event ever put right under it."""
        with connection.cursor() as cursor:
            key = view.version.number, view.reading.last_mention(cursor, BODY, view.snapshot.position)
        with self._lock:
            if key == self._key:
                return self._below
        below = _directly_below(events_about(connection, view.reading, [BODY], view.snapshot.position))
        with self._lock:
            self._key, self._below = key, below
        return below


def ever(body: str, below: _Below) -> set[str]:
    """A body, with all that were ever below it."""
    found, new = set[str](), {body}
    while new:
        found |= new
        new = {each for above in new for each in below.get(above, _NOBODY)} - found
    return found


def _directly_below(events: list[Event]) -> _Below:
    found: dict[str, set[str]] = {}
    for event in events:
        data = event.data.get("replacement", event.data)
        if isinstance(data.get("body"), str) and isinstance(data.get("parent"), str):
            found.setdefault(data["parent"], set()).add(data["body"])
    return {above: frozenset(bodies) for above, bodies in found.items()}
