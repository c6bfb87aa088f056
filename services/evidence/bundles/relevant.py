"""Which events an evidence bundle holds: those that can have a part in some organizations' rows, and no others."""

from collections.abc import Collection, Iterable
from typing import Any, Final

from psycopg import Connection

from domain.events.facts import POLICY, Event, EventKey, entity_of
from projections.ledger.columns.rows import LedgerReading
from projections.ledger.fold.effects import identifiers
from services.ledger.traces import events_about
from services.system.errors import InvalidValueError

#: A bundle that is made while somebody waits for it holds no more events than this.
EVENTS_MAX: Final = 100_000


def relevant(events: Collection[Event], organizations: Collection[str]) -> list[Event]:
    """Those of all events known that can have a part in these organizations' rows, at any date.

    Of each organization its own; all of every member, branch and instructor that any event puts at one of them;
    every policy; and whatever corrects or retracts one of these.
    """
    return _of_entities(events, _entities(events, organizations))


def relevant_in(
    connection: Connection[Any], reading: LedgerReading, organizations: Collection[str], known_at: int
) -> list[Event]:
    """The same events in order of position, found by the projection's mentions instead of in the whole log.

    Raises:
        InvalidValueError: there are more than a bundle takes.
    """
    naming = _bounded(events_about(connection, reading, [*organizations, POLICY], known_at))
    entities = _entities(naming, organizations)
    names = [each for each in entities.difference(organizations, {POLICY}) if " " not in each]
    of_entities = _bounded(events_about(connection, reading, names, known_at)) if names else []
    by_position = {event.position: event for event in (*naming, *of_entities)}
    return _of_entities([by_position[position] for position in sorted(by_position)], entities)


def _bounded(events: list[Event]) -> list[Event]:
    if len(events) > EVENTS_MAX:
        raise InvalidValueError(
            f"{len(events):,} events have a part in this: a bundle over HTTP takes {EVENTS_MAX:,}; ask for fewer "
            "organizations, or use taizhang export-evidence at the ledger"
        )
    return events


def _entities(events: Iterable[Event], organizations: Collection[str]) -> set[str]:
    """The entities that some event puts at one of the organizations, and the policy."""
    wanted, known = set(organizations), _by_key(events)
    entities = {POLICY}
    for event in known.values():
        if not wanted.isdisjoint(named(event)):
            entities |= {entity_of(event.type, event.data)} if event.is_fact else _renamed(event, known)
    return entities


def named(event: Event) -> list[str]:
    """Every identifier that a fact, or what a correction puts in its place, speaks of."""
    return (
        identifiers(event.type, event.data) if event.is_fact else identifiers(None, event.data.get("replacement", {}))
    )


def _of_entities(events: Iterable[Event], entities: Collection[str]) -> list[Event]:
    """The facts about these entities, as first stated or as corrected, and what was said of them."""
    known = _by_key(events)
    facts = {key for key, event in known.items() if event.is_fact and entity_of(event.type, event.data) in entities}
    facts |= {
        event.target
        for event in known.values()
        if not event.is_fact and not _renamed(event, known).isdisjoint(entities)
    }
    return [event for key, event in known.items() if key in facts or (not event.is_fact and event.target in facts)]


def _by_key(events: Iterable[Event]) -> dict[EventKey, Event]:
    return {event.key: event for event in events}


def _renamed(word: Event, known: dict[EventKey, Event]) -> set[str]:
    """The entity that a correction makes its target speak of."""
    target, replacement = known.get(word.target), word.data.get("replacement")
    if target is None or not target.is_fact or replacement is None:
        return set()
    return {entity_of(target.type, {**target.data, **replacement})}
