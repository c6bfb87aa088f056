"""What other sources have of some organizations, as the log has it at a position: directly, and over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from domain.events.facts import Event, EventKey, Fact, standing_facts
from domain.events.types import RETRACTED
from domain.fieldwork.list_elsewhere import Elsewhere
from domain.fieldwork.list_statements import statements
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.ledger.view import View
from services.lists.facts import ORGANIZATION_TYPES, WORDS, acts, from_plain, plain, tail
from services.log.reader import LogReader

ORGANIZATIONS_MAX: Final = 1_000


def gathered(
    connection: Connection[Any], view: View, source: str, orgs: Sequence[str], known_at: int
) -> dict[str, list[dict[str, Any]]]:
    """What `read` reads, as JSON: `events` of these organizations, and `lists`, those of the other sources."""
    events = _events(connection, view, orgs, known_at)
    others = {event.source for event in events if event.is_fact} - {source}
    said = [act for other in sorted(others) for act in acts(connection, view, other, known_at)]
    return {"events": [plain(event) for event in events], "lists": [plain(act) for act in said]}


def read(found: Mapping[str, Sequence[Mapping[str, Any]]], source: str) -> Elsewhere:
    """The facts of other sources than one on these organizations, and those sources' lists."""
    facts: dict[str, list[Fact]] = {}
    for fact in standing_facts(map(from_plain, found["events"]), fits)[0]:
        if fact.source != source:
            facts.setdefault(fact.entity, []).append(fact)
    said: dict[str, list[Event]] = {}
    gone: set[EventKey] = set()
    for act in map(from_plain, found["lists"]):
        if act.is_fact:
            said.setdefault(act.source, []).append(act)
        elif act.type == RETRACTED:
            gone.add(act.target)
    return Elsewhere(facts, {other: statements(events, gone) for other, events in said.items()})


def _events(connection: Connection[Any], view: View, orgs: Sequence[str], known_at: int) -> list[Event]:
    asked = frozenset(orgs)
    found = events_about(connection, view.reading, orgs, min(known_at, view.snapshot.position))
    late = tail(connection, view, known_at, (*ORGANIZATION_TYPES, *WORDS))
    words = [event for event in late if not event.is_fact]
    # What a word that has just come moves here may stand about another organization.
    moved = [w.target for w in words if w.data.get("replacement", {}).get("org") in asked]
    found += LogReader(connection).find(moved)
    found += [event for event in late if event.is_fact and event.data["org"] in asked]
    facts = {event.key: event for event in found if event.type in ORGANIZATION_TYPES}
    said = {w.position: w for w in (*found, *words) if not w.is_fact and w.target in facts}
    return [*facts.values(), *said.values()]
