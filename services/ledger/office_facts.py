"""The acts of offices of some families, as known at a position: the facts that stand, in canonical order."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from psycopg import Connection

from domain.events.facts import Fact, family_of, standing_facts
from domain.values.scope import Scope
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.ledger.view import View

# So many facts are kept, in all: some 2.5 KB each where they are visits. Of more, all are read anew each time.
KEPT_MAX: Final = 20_000
# Version of the projection, families, regions that the reader sees, last position that speaks of one of the families.
_Key = tuple[int, tuple[str, ...], Scope, int]


class OfficeFacts:
    """Facts asked for lately; read anew only where a later event speaks of their families."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, list[Fact]] = OrderedDict()

    def at(  # noqa: PLR0917 - one question
        self,
        connection: Connection[Any],
        view: View,
        scope: Scope,
        families: Sequence[str],
        as_of: date,
        known_at: int,
    ) -> list[Fact]:
        """The facts of these families, effective by the date; whoever asks leaves them as they are.

        Args:
            connection: sees what lies within the scope.
            view: the version of the projection.
            scope: the regions that the connection is limited to.
            families: one or more.
            as_of: the date.
            known_at: the position of the state of knowledge.
        """
        with connection.cursor() as cursor:
            last = max(view.reading.last_mention(cursor, family, known_at) for family in families)
        key = view.version.number, tuple(families), scope, last
        with self._lock:
            facts = self._kept.get(key)
        if facts is None:
            events = events_about(connection, view.reading, families, known_at)
            facts = [fact for fact in standing_facts(events, fits)[0] if family_of(fact.type) in families]
        # Of what the projection has not reached, a later event may have been read under this key.
        if known_at <= view.snapshot.position:
            self._keep(key, facts)
        return [fact for fact in facts if fact.effective_on <= as_of]

    def _keep(self, key: _Key, facts: list[Fact]) -> None:
        with self._lock:
            self._kept[key] = facts
            self._kept.move_to_end(key)
            while sum(map(len, self._kept.values())) > KEPT_MAX:
                self._kept.popitem(last=False)
