"""The facts around organizations, read from the log: what decides each value of their rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection

from domain.events.facts import POLICY, Event, Fact, standing_fact, standing_facts
from domain.ledger.rows import Row
from domain.ledger.traces import Around, DecidedBy, TracedPolicy, decided_by, trace_policy
from projections.ledger.columns.rows import LedgerReading, PresenceRow
from projections.ledger.fold.tables import LedgerTables
from services.ledger.projector import fits
from services.log.reader import KeptEvents, LogReader


class FactsAround(NamedTuple):
    """The facts that stand about some organizations and about who and what is there, by entity, in canonical order."""

    by_entity: Mapping[str, list[Fact]]
    present: Mapping[str, Sequence[PresenceRow]]
    policy: TracedPolicy

    def decided_by(self, row: Row) -> DecidedBy:
        """What decides each value of the row of one of the organizations."""
        present = self.present.get(row.org, ())

        def of(prefix: str, of_org: str = "") -> list[list[Fact]]:
            return [self.by_entity[of_org + each.entity] for each in present if each.entity.startswith(prefix)]

        bodies = [fact for body in bodies_named(self.by_entity[row.org]) for fact in self.by_entity.get(body, ())]
        around = Around(self.by_entity[row.org], of("member:"), of("branch:"), of("person:", f"{row.org} "), bodies)
        return decided_by(row, around, self.policy)


def facts_around(  # noqa: PLR0917 - one question
    connection: Connection[Any],
    reading: LedgerReading,
    orgs: Sequence[str],
    present: Sequence[PresenceRow],
    as_of: date,
    known_at: int,
    kept: KeptEvents | None,
) -> FactsAround:
    """The facts effective by a date, as known at a position; `present` is what is at the organizations then."""
    entities = {each.entity for each in present if not each.entity.startswith("person:")}
    events = events_about(connection, reading, [*orgs, *entities, POLICY], known_at, kept)
    by_entity: dict[str, list[Fact]] = {}
    _add(by_entity, events, as_of)
    bodies = sorted({body for org in orgs for body in bodies_named(by_entity.get(org, ()))})
    if bodies:
        of_bodies: dict[str, list[Fact]] = {}
        _add(of_bodies, events_about(connection, reading, bodies, known_at, kept), as_of)
        by_entity |= {body: of_bodies.get(body, []) for body in bodies}
    by_org: dict[str, list[PresenceRow]] = {}
    for each in present:
        by_org.setdefault(each.org, []).append(each)
    return FactsAround(by_entity, by_org, trace_policy(by_entity.get(POLICY, ())))


def _add(by_entity: dict[str, list[Fact]], events: Iterable[Event], as_of: date) -> None:
    """The facts that stand among events, effective by a date, under their entities."""
    for fact in standing_facts(events, fits)[0]:
        if fact.effective_on <= as_of:
            by_entity.setdefault(fact.entity, []).append(fact)


def bodies_named(facts: Iterable[Fact]) -> set[str]:
    """The bodies that facts of an organization name."""
    return {body for fact in facts if isinstance(body := fact.data.get("body"), str)}


def events_about(
    connection: Connection[Any],
    reading: LedgerReading,
    identifiers: Sequence[str],
    known_at: int,
    kept: KeptEvents | None = None,
) -> list[Event]:
    """The events known then that speak of these, with their targets and all that was said of the same events.

    `kept` are events read before, for a caller who sees all of the log.
    """
    log = LogReader(connection)
    with connection.cursor() as cursor:
        if kept is None:
            events = log.mentioning(reading.schema, identifiers, known_at)
        else:
            events = kept.at(log, reading.mentions(cursor, identifiers, known_at))
        words = [event for event in events if not event.is_fact]
        if not words:
            return events
        # A word moves a fact to another entity, and a later word on: that one names neither of the two before.
        known = {event.position for event in events}
        at_hand = {event.key for event in events}
        targets = log.find([target for target in {word.target for word in words} if target not in at_hand])
        said = LedgerTables(reading.schema).words(cursor, [word.target for word in words])
    later = {p for positions in said.values() for p in positions if p <= known_at} - known
    events += (event for event in targets if event.position <= known_at)
    return [*events, *log.events(sorted(later))]


def told_last(connection: Connection[Any], reading: LedgerReading, target: Event) -> Mapping[str, Any]:
    """A fact's data as the last correction left it, and as it was first said where that was retracted."""
    with connection.cursor() as cursor:
        positions = LedgerTables(reading.schema).words(cursor, [target.key]).get(target.key, ())
    stands = standing_fact(target, LogReader(connection).events(positions), fits)
    return target.data if stands is None else stands.data
