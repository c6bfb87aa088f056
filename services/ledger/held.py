"""Events that a version of the projection holds: what could not be read or applied, and what waits behind it.

Held events have no part in any figure, so they are seen everywhere: an anomaly on the subject, a number in /metrics,
a line in /health/ready, a notice on the page of intake, a fault of `taizhang verify`. `taizhang held retry` builds a
version anew, which tries each of them again.
"""

from typing import Any, Final, NamedTuple

from psycopg import Connection, Cursor

from domain.events.envelope import read_event
from domain.events.facts import Event, entity_of
from projections.ledger.fold.memory import LedgerMemory
from services.ledger.versions import LEDGER, Version
from services.log.reader import LogReader

FAULT_LENGTH_MAX: Final = 500
ENTITY_LENGTH_MAX: Final = 300
WAITS: Final = "waits behind an earlier one"
# Families whose entity is the log's own subject.
_FAMILIES: Final = ("uscc", "group", "member", "branch")
_BY_SUBJECT: Final = ("organization", "member", "branch")

_HOLD: Final = """
INSERT INTO taizhang.projection_held (version, position, entity, fault) VALUES (%s, %s, %s, %s)
"""
_ENTITIES: Final = "SELECT DISTINCT entity FROM taizhang.projection_held WHERE version = %s"
_SUBJECT: Final = "SELECT subject FROM taizhang.log WHERE notification_id = %s"
_HELD: Final = """
SELECT held.position, held.entity, held.fault, log.source, log.id, log.topic AS type, log.subject, log.effective_on
  FROM taizhang.projection_held held JOIN taizhang.projection USING (version)
  JOIN taizhang.log ON log.notification_id = held.position
 WHERE projection.name = %s AND projection.state = 'in_use' ORDER BY held.position LIMIT %s
"""
_COUNT: Final = """
SELECT count(*) FROM taizhang.projection_held JOIN taizhang.projection USING (version)
 WHERE name = %s AND state = 'in_use'
"""
_STATE: Final = "SELECT state, intake -> 'attributes' FROM taizhang.log WHERE notification_id = %s"


class Held(NamedTuple):
    """One event without a part in the ledger; `entity` is what it speaks of, `fault` why it is held."""

    position: int
    entity: str
    fault: str
    source: str
    id: str
    type: str
    subject: str | None
    effective_on: Any

    @property
    def about(self) -> str | None:
        """The identifier that the event is about; None where it has none that is known."""
        known = self.entity.partition(":")[0] in _FAMILIES
        return self.subject or (self.entity.partition(" ")[0] if known else None)

    @property
    def waits(self) -> bool:
        """Whether it is only behind another one of its entity."""
        return self.fault == WAITS


def entities(cursor: Cursor[Any], version: Version) -> set[str]:
    """The entities of which a version holds events."""
    return {entity for (entity,) in cursor.execute(_ENTITIES, (version.number,))}


def hold(cursor: Cursor[Any], version: Version, position: int, entity: str, fault: str) -> None:
    """Note that a version holds an event."""
    # PostgreSQL's text has no U+0000, which a fault may repeat.
    words = fault.replace("\0", "\\x00")[:FAULT_LENGTH_MAX]
    cursor.execute(_HOLD, (version.number, position, entity[:ENTITY_LENGTH_MAX], words))


def hold_unreadable(cursor: Cursor[Any], version: Version, log: LogReader, event: Event) -> str:
    """Hold an event whose bytes cannot be read; the entity that later events of the same subject wait for."""
    found = cursor.execute(_SUBJECT, (event.position,)).fetchone()
    subject = found[0] if found else None
    parts = event.type.split(".")
    entity = subject if subject and len(parts) > 1 and parts[1] in _BY_SUBJECT else " ".join(event.key)
    hold(cursor, version, event.position, entity, log.why_unreadable(event.position))
    return entity[:ENTITY_LENGTH_MAX]


def entity_behind(event: Event, memory: LedgerMemory) -> str:
    """The entity behind which an event is held: that of its fact, or of the fact that it speaks of."""
    try:
        if event.is_fact:
            return entity_of(event.type, event.data)[:ENTITY_LENGTH_MAX]
        target = memory.find(event.target)
        if target is None or not target.is_fact:
            return " ".join(event.target)
        return entity_of(target.type, target.data)[:ENTITY_LENGTH_MAX]
    except (KeyError, TypeError, AttributeError):  # the very event may lack what would tell
        return " ".join(event.key)


def held(connection: Connection[Any], limit: int = 10_000) -> list[Held]:
    """The events that the version in use holds, in order of position, at most `limit`."""
    with connection.cursor() as cursor:
        return [Held(*row) for row in cursor.execute(_HELD, (LEDGER, limit))]


def count(connection: Connection[Any]) -> int:
    """How many events the version in use holds."""
    row = connection.execute(_COUNT, (LEDGER,)).fetchone()
    return int(row[0]) if row else 0


def could_be_applied(connection: Connection[Any], position: int) -> bool:
    """Whether the event at a position is one that intake takes today, so that whoever holds it is at fault."""
    row = connection.execute(_STATE, (position,)).fetchone()
    return row is not None and read_event(bytes(row[0]), row[1]).event is not None
