"""What the signals look at: the facts that stand at one state of knowledge, and who is where on a day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from psycopg import Connection, sql

from domain.events.facts import Event, EventKey, Fact, standing_fact, standing_facts
from domain.events.types import CORRECTED
from domain.inspection.signals import DEFAULT_SIGNAL_POLICY, Learned, read_signal_policy
from domain.ledger.policy import Policy
from domain.values.instants import NANOSECONDS
from services.ledger.projector import fits
from services.ledger.queries import Queries
from services.ledger.traces import events_about
from services.log.reader import LogReader
from services.system.settings import SHANGHAI

# The list of types is that of the index log_raising_idx, which only a literal list can use.
_EFFECTIVE: Final = """
SELECT notification_id FROM taizhang.log
 WHERE notification_id <= %s AND effective_on > %s AND effective_on <= %s AND topic = ANY(%s)
   AND topic IN (
    'taizhang.branch.formed.v1', 'taizhang.branch.coverage_changed.v1', 'taizhang.instructor.assigned.v1',
    'taizhang.organization.excluded.v1', 'taizhang.organization.deregistered.v1'
)
"""
_WORDS: Final = "SELECT DISTINCT position FROM {schema}.word WHERE position <= %s"
_RECORDED: Final = """
SELECT notification_id, recorded_at, coalesce(learned_at, recorded_at),
       CASE WHEN learned_at IS NULL THEN 'recorded' ELSE 'said' END
  FROM taizhang.log WHERE notification_id = ANY(%s)
"""


class Look:
    """One look at the facts through one connection; `policy` are the thresholds in force on the date.

    Attributes:
        decided_by: the positions that adopted the thresholds; none while they are the default.
        words: all corrections and retractions known, by target.
    """

    def __init__(self, queries: Queries, connection: Connection[Any], as_of: date, known_at: int) -> None:
        self.queries, self.view = queries, queries.view.current
        self.connection, self.as_of, self.known_at = connection, as_of, known_at
        self._log = LogReader(connection)
        adopted = [f for f in self.facts(["signals"]).get("signals", ()) if f.effective_on <= as_of]
        self.policy = read_signal_policy(adopted[-1].data) if adopted else DEFAULT_SIGNAL_POLICY
        self.decided_by: Sequence[int] = adopted[-1].decided_by if adopted else ()
        self.words = self._words()

    def _words(self) -> dict[EventKey, list[Event]]:
        statement = sql.SQL(_WORDS).format(schema=sql.Identifier(self.view.reading.schema))
        positions = [p for (p,) in self.connection.execute(statement, (self.known_at,))]
        by_target: dict[EventKey, list[Event]] = {}
        for word in self._log.events(positions):
            by_target.setdefault(word.target, []).append(word)
        return by_target

    def facts(self, identifiers: Sequence[str]) -> dict[str, list[Fact]]:
        """By entity the facts that stand among the events that speak of these, in canonical order."""
        by_entity: dict[str, list[Fact]] = {}
        if identifiers:
            events = events_about(self.connection, self.view.reading, identifiers, self.known_at)
            for fact in standing_facts(events, fits)[0]:
                by_entity.setdefault(fact.entity, []).append(fact)
        return by_entity

    def effective(self, begin: date, end: date, types: Iterable[str]) -> list[Fact]:
        """The facts of these types (each of RAISING) effective after `begin` and by `end`, in canonical order."""
        wanted = list(types)
        rows = self.connection.execute(_EFFECTIVE, (self.known_at, begin, end, wanted))
        events = self._log.events([p for (p,) in rows])
        # A correction may have moved a fact here from another date.
        known = {event.key for event in events}
        corrected = [key for key, said in self.words.items() if any(w.type == CORRECTED for w in said)]
        others = self._log.find([key for key in corrected if key not in known])
        events += (e for e in others if e.type in wanted and e.position <= self.known_at)
        facts = (standing_fact(event, self.words.get(event.key, ()), fits) for event in events)
        return sorted(f for f in facts if f is not None and begin < f.effective_on <= end)

    def targets(self) -> dict[EventKey, str]:
        """The source of each event that a correction or retraction speaks of and that is known."""
        return {e.key: e.source for e in self._log.find(list(self.words)) if e.position <= self.known_at}

    def learned(self, facts: Sequence[Fact]) -> dict[int, Learned]:
        """By the last position that decides each fact: when it was said, recorded and learned."""
        positions = sorted({max(fact.decided_by) for fact in facts})
        said = {event.position: day_of(event.time_ns) for event in self._log.events(positions)}
        rows = self.connection.execute(_RECORDED, (positions,))
        return {p: Learned(said[p], _day(recorded), _day(learned), basis) for p, recorded, learned, basis in rows}

    def full_members(self, org_nos: Sequence[int], day: date, policy: Policy) -> dict[str, frozenset[str]]:
        """By organization its full members on a day, as far as the policy looks at them."""
        counted = ("full", "full_elsewhere") if policy.members_counted == "here_and_elsewhere" else ("full",)
        with self.connection.cursor() as cursor:
            present = self.view.reading.presences(cursor, org_nos, day.toordinal(), self.known_at)
        by_org: dict[str, set[str]] = {}
        for each in present:
            if each.entity.startswith("member:") and each.value in counted:
                by_org.setdefault(each.org, set()).add(each.entity)
        return {org: frozenset(members) for org, members in by_org.items()}


def _day(instant: datetime) -> date:
    return instant.astimezone(SHANGHAI).date()


def day_of(time_ns: int) -> date:
    """The day in Asia/Shanghai of an instant."""
    return datetime.fromtimestamp(time_ns // NANOSECONDS, SHANGHAI).date()
