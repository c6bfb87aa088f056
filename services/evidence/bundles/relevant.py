"""Which events an evidence bundle holds: those that can have a part in some organizations' rows, and no others."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection

from domain.events.facts import ACTIVITY_POLICY, POLICY, Event, EventKey, entity_of, family_of
from projections.ledger.columns.rows import LedgerReading
from projections.ledger.fold.effects import identifiers
from services.ledger.traces import events_about
from services.system.errors import InvalidValueError

_BODY: Final = "body:"
#: A bundle that is made while somebody waits for it holds no more events than this.
EVENTS_MAX: Final = 100_000
_POLICIES: Final = (POLICY, ACTIVITY_POLICY)
_ACTIVITY: Final = f"taizhang.{ACTIVITY_POLICY}.adopted.v1"


class Accepted(NamedTuple):
    """Under which source, and from which publisher, an event was accepted."""

    source: str
    publisher: str


def relevant(events: Collection[Event], organizations: Collection[str]) -> list[Event]:
    """Those of all events known that can have a part in these organizations' rows, at any date.

    Of each organization its own; all of every member, branch and instructor that any event puts at one of them;
    every policy; and whatever corrects or retracts one of these. Where one of them was ever said to speak of another
    organization, the same of that one: whatever row these events make is a row as the whole log has it.

    Where an activity policy is known, also what decides whether those branches live: the branches ever said to be
    below them, and the members ever at the organizations that any of these covers, with whatever else names these
    organizations, so that it can be shown to be all.
    """
    return _followed(lambda _: events, organizations)[1]


def consulted(events: Collection[Event], organizations: Collection[str]) -> set[str]:
    """The entities whose events decide these organizations' rows, as the entity map names them.

    If the events shown of each of them are all, then so are those of the rows: whoever else had a part would be named
    by one of them. An instructor at an organization is named by that one's events.
    """
    entities, _ = _followed(lambda _: events, organizations)
    return {each for each in entities if " " not in each}


def relevant_in(
    connection: Connection[Any], reading: LedgerReading, organizations: Collection[str], known_at: int
) -> list[Event]:
    """The same events in order of position, found by the projection's mentions instead of in the whole log.

    Raises:
        InvalidValueError: there are more than a bundle takes.
    """
    return _followed(lambda names: _bounded(events_about(connection, reading, names, known_at)), organizations)[1]


def _followed(
    about: Callable[[Sequence[str]], Collection[Event]], organizations: Collection[str]
) -> tuple[set[str], list[Event]]:
    """The organizations, whoever is there, and so on until nobody else comes in; and their events.

    `about` gives at least the events that name any of some identifiers.
    """
    wanted, branches, lent = set(organizations), set[str](), set[str]()
    while True:
        naming = about([*wanted, *branches, *lent, *_POLICIES])
        entities = _entities(naming, wanted)
        if any(event.type == _ACTIVITY for event in naming):
            entities |= _living(naming, {e for e in entities if e.startswith("branch:")} | branches, lent)
        names = [each for each in entities.difference(wanted, _POLICIES) if " " not in each]
        by_position = {event.position: event for event in (*naming, *(about(names) if names else ()))}
        found = _of_entities([by_position[position] for position in sorted(by_position)], entities)
        spoken_of = _organizations(found) - lent
        grown = {each for each in entities if each.startswith("branch:")}
        covered = {org for event in found if grown & {*named(event)} for org in named(event) if _is_org(org)} - wanted
        if not any(event.type == _ACTIVITY for event in naming):
            grown, covered = set(), set()
        if wanted >= spoken_of and branches >= grown and lent >= covered:
            return wanted | entities, _with_all_of(lent, found, by_position.values())
        wanted, branches, lent = wanted | spoken_of, branches | grown, (lent | covered) - wanted


def _living(naming: Iterable[Event], branches: set[str], lent: set[str]) -> set[str]:
    """The entities that decide whether branches live: they, those said to be below, and who is where they cover."""
    known = _by_key(naming)
    entities = {*branches, *lent}
    for event in known.values():
        said = {entity_of(event.type, event.data)} if event.is_fact else _renamed(event, known)
        data = event.data if event.is_fact else event.data.get("replacement", {})
        if data.get("parent") in branches:
            entities |= {each for each in said if each.startswith("branch:")}
        if not lent.isdisjoint(named(event)):
            entities |= {each for each in said if each.startswith("member:")}
    return entities


def _is_org(identifier: str) -> bool:
    return identifier.startswith(("uscc:", "group:"))


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
    entities = {*_POLICIES}
    for event in known.values():
        if not wanted.isdisjoint(named(event)):
            entities |= {entity_of(event.type, event.data)} if event.is_fact else _renamed(event, known)
            # A placement counts while its body exists, which the body's own events say.
            entities |= {each for each in named(event) if each.startswith(_BODY)}
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


def _with_all_of(organizations: Collection[str], found: Sequence[Event], events: Iterable[Event]) -> list[Event]:
    """What was found, and whatever else names these organizations: that nobody there is left out shows by all of it."""
    known = _by_key(events)
    keys = {event.key if event.is_fact else event.target for event in found}
    for event in known.values():
        if not set(organizations).isdisjoint(named(event)):
            keys.add(event.key if event.is_fact else event.target)
    more = [event for key, event in known.items() if (key if event.is_fact else event.target) in keys]
    return sorted({event.position: event for event in (*found, *more)}.values(), key=lambda event: event.position)


def _organizations(events: Iterable[Event]) -> set[str]:
    """The organizations that facts among these events are about, as first stated and as ever corrected."""
    known, found = _by_key(events), set[str]()
    for event in known.values():
        fact = event if event.is_fact else known.get(event.target)
        if fact is not None and fact.is_fact and family_of(fact.type) == "organization":
            found |= {entity_of(fact.type, fact.data)} if event.is_fact else _renamed(event, known)
    return found


def access_for(said: Iterable[Accepted], access: Sequence[tuple[Accepted, Event]]) -> set[int]:
    """The positions of the events of access that say by what right, and with which keys, others were sent.

    The keys registered for their sources and the grants of their publishers, what took these back, and the same of
    whoever said so.

    Args:
        said: whose rights and keys are asked for.
        access: every event of access that was known.
    """
    sources, publishers = {each.source for each in said}, {each.publisher for each in said}
    found: set[int] = set()
    while True:
        before = len(found)
        given = {
            str(event.data["access"])
            for _, event in access
            if event.data.get("source") in sources or event.data.get("holder") in publishers
        }
        for accepted, event in access:
            if str(event.data["access"]) in given:
                found.add(event.position)
                sources.add(accepted.source)
                publishers.add(accepted.publisher)
        if len(found) == before:
            return found


def _by_key(events: Iterable[Event]) -> dict[EventKey, Event]:
    return {event.key: event for event in events}


def _renamed(word: Event, known: dict[EventKey, Event]) -> set[str]:
    """The entity that a correction makes its target speak of."""
    target, replacement = known.get(word.target), word.data.get("replacement")
    if target is None or not target.is_fact or replacement is None:
        return set()
    return {entity_of(target.type, {**target.data, **replacement})}
