"""Which events an evidence bundle holds: those that can have a part in some organizations' rows, and no others."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection

from domain.events.facts import ACTIVITY_POLICY, LEDGER_FAMILIES, POLICY, Event, EventKey, entity_of, family_of
from projections.ledger.columns.rows import LedgerReading
from projections.ledger.fold.effects import identifiers
from services.evidence.roots.belonging import below
from services.ledger.traces import events_about
from services.system.errors import InvalidValueError

_BODY: Final = "body:"
#: A bundle that is made while somebody waits for it holds no more events than this.
EVENTS_MAX: Final = 100_000
_POLICIES: Final = (POLICY, ACTIVITY_POLICY)
_ACTIVITY: Final = f"taizhang.{ACTIVITY_POLICY}.adopted.v1"
#: Meetings that are owed by the number of full members (domain/ledger/living.py).
_BY_MEMBERS: Final = "branch_committee"


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
    below them, and, where it asks for meetings that few members do not owe, the organizations that any of these covers
    and all of the members ever there.
    """
    return _followed(lambda _: events, organizations).events


class Consulted(NamedTuple):
    """The entities whose events decide some organizations' rows, as the entity map names them.

    If the events shown of each of them are all, then so are those of the rows: whoever else had a part would be named
    by one of them.

    Attributes:
        organizations: whose rows they are, or were ever said to be.
        besides: whoever was there, the policies, bodies, branches below.
        lent: further organizations, of which they and the members ever there have a part.
    """

    organizations: set[str]
    besides: set[str]
    lent: set[str]


def consulted(events: Collection[Event], organizations: Collection[str]) -> Consulted:
    """Whose events decide these organizations' rows."""
    return _followed(lambda _: events, organizations).consulted


def relevant_in(
    connection: Connection[Any], reading: LedgerReading, organizations: Collection[str], known_at: int
) -> list[Event]:
    """The same events in order of position, found by the projection's mentions instead of in the whole log.

    Raises:
        InvalidValueError: there are more than a bundle takes.
    """
    return _followed(lambda names: _bounded(events_about(connection, reading, names, known_at)), organizations).events


class _Followed(NamedTuple):
    consulted: Consulted
    events: list[Event]


def _followed(about: Callable[[Sequence[str]], Collection[Event]], organizations: Collection[str]) -> _Followed:
    """The organizations, whoever is there, and so on until nobody else comes in; and their events.

    `about` gives at least the events that name any of some identifiers.
    """
    wanted, branches, lent = set(organizations), set[str](), set[str]()
    while True:
        naming = about([*wanted, *branches, *lent, *_POLICIES])
        judged, counting = _judged(naming)
        entities = _entities(naming, wanted)
        if judged:
            entities |= _living(naming, {e for e in entities if e.startswith("branch:")} | branches, lent)
        names = [each for each in entities.difference(wanted, _POLICIES) if " " not in each]
        by_position = {event.position: event for event in (*naming, *(about(names) if names else ()))}
        found = _of_entities([by_position[position] for position in sorted(by_position)], entities)
        spoken_of = _organizations(found) - lent
        grown = {each for each in entities if judged and each.startswith("branch:")}
        covered = {o for event in found if counting and grown & {*named(event)} for o in named(event) if _is_org(o)}
        if wanted >= spoken_of and branches >= grown and lent >= covered - wanted:
            return _Followed(Consulted(wanted, (entities | _below(grown, found)) - wanted - lent, lent), found)
        wanted, branches = wanted | spoken_of, branches | grown
        lent = (lent | covered) - wanted


def _judged(events: Iterable[Event]) -> tuple[bool, bool]:
    """Whether an activity policy is known, and whether one asks for what a branch of few members does not owe."""
    adopted = {event.key: event for event in events if event.type == _ACTIVITY}
    said = [event.data for event in adopted.values()]
    said += [event.data.get("replacement", {}) for event in events if not event.is_fact and event.target in adopted]
    return bool(adopted), any(_BY_MEMBERS in data.get("meetings", ()) for data in said)


def _below(branches: set[str], events: Iterable[Event]) -> set[str]:
    """What puts branches under those that are judged by the branches below them."""
    known = _by_key(events)
    above = set[str]()
    for event in known.values():
        data = event.data if event.is_fact else event.data.get("replacement", {})
        if data.get("tier") not in {None, "branch"}:
            above |= ({entity_of(event.type, event.data)} if event.is_fact else _renamed(event, known)) & branches
    return set(map(below, above))


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
            entities |= _of_ledger(event) if event.is_fact else _renamed(event, known)
            # A placement counts while its body exists, which the body's own events say.
            entities |= {each for each in named(event) if each.startswith(_BODY)}
    return entities


def _of_ledger(fact: Event) -> set[str]:
    """The entity that a fact is about; nothing of what an office did beside the ledger, as a visit."""
    return {entity_of(fact.type, fact.data)} if family_of(fact.type) in LEDGER_FAMILIES else set()


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
    if target is None or not target.is_fact or replacement is None or not _of_ledger(target):
        return set()
    return {entity_of(target.type, {**target.data, **replacement})}
