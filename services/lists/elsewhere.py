"""What other sources have of some organizations, as the log has it at a position: directly, and over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from domain.events.facts import Event, EventKey
from domain.events.types import RETRACTED
from domain.fieldwork.list_elsewhere import DEREGISTERED, REGISTERED, Elsewhere
from domain.fieldwork.list_said import Said
from domain.fieldwork.list_statements import STATED, statements
from domain.fieldwork.lists import made_by_name
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.ledger.view import View
from services.lists.facts import WORDS, acts, from_plain, moved_to, plain, tail
from services.log.reader import LogReader

ORGANIZATIONS_MAX: Final = 1_000
# By these an organization begins and ends; nothing else of another registry's facts is asked.
_TYPES: Final = (REGISTERED, DEREGISTERED)
_TOLD: Final = frozenset(("effective_on", "org", "kind", "category", "region", "reason"))


def gathered(
    connection: Connection[Any], view: View, source: str, orgs: Sequence[str], known_at: int
) -> dict[str, list[dict[str, Any]]]:
    """What `read` reads, as JSON: `events` of these organizations, and `lists`, those of the other sources."""
    events = _events(connection, view, orgs, known_at)
    others = {event.source for event in events if event.is_fact} - {source}
    said = [act for other in sorted(others) for act in acts(connection, view, other, known_at)]
    return {
        "events": [_bare(event) for event in events],
        "lists": [_of_these(act, orgs) for act in said if not act.is_fact or act.type == STATED],
    }


def _of_these(act: Event, orgs: Sequence[str]) -> dict[str, Any]:
    """A statement without the rows of others than these organizations; a word as it is."""
    shown, asked = plain(act), frozenset(orgs)
    if act.is_fact:
        rows = [row for row in act.data.get("otherwise", ()) if row["org"] in asked]
        left = [{**row, "fields": None if row["fields"] is None else {}} for row in rows]
        shown["data"] = {**act.data, "otherwise": left, "listed": []}
    return shown


def _bare(event: Event) -> dict[str, Any]:
    """An event, or a word about one, without what another registry's publisher has no need to know."""
    shown = plain(event)
    data = shown["data"]
    if "replacement" in data:
        shown["data"] = {**data, "replacement": _without(data["replacement"])}
    elif event.is_fact:
        shown["data"] = _without(data)
    return shown


def _without(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name in _TOLD}
    return {**kept, "name": "-"} if "name" in data else kept


def read(found: Mapping[str, Sequence[Mapping[str, Any]]], source: str) -> Elsewhere:
    """What other sources than one have said of these organizations, and those sources' lists."""
    events = {event.key: event for event in map(from_plain, found["events"])}
    words: dict[EventKey, list[Event]] = {}
    for word in events.values():
        if not word.is_fact:
            words.setdefault(word.target, []).append(word)
    told: dict[str, list[Said]] = {}
    for key, event in events.items():
        if event.is_fact and event.source != source:
            about = tuple(words.get(key, ()))
            for org in {event.data["org"], *moved_to(about)}:
                told.setdefault(org, []).append(Said(event, about, made_by_name(event.id)))
    said: dict[str, list[Event]] = {}
    gone: set[EventKey] = set()
    for act in map(from_plain, found["lists"]):
        if act.is_fact:
            said.setdefault(act.source, []).append(act)
        elif act.type == RETRACTED:
            gone.add(act.target)
    return Elsewhere(told, {other: statements(events, gone) for other, events in said.items()}, fits)


def _events(connection: Connection[Any], view: View, orgs: Sequence[str], known_at: int) -> list[Event]:
    asked = frozenset(orgs)
    found = events_about(connection, view.reading, orgs, min(known_at, view.snapshot.position))
    late = tail(connection, view, known_at, (*_TYPES, *WORDS))
    words = [event for event in late if not event.is_fact]
    # What a word that has just come moves here may stand about another organization.
    moved = [w.target for w in words if w.data.get("replacement", {}).get("org") in asked]
    found += LogReader(connection).find(moved)
    found += [event for event in late if event.is_fact and event.data["org"] in asked]
    facts = {event.key: event for event in found if event.type in _TYPES}
    said = {w.position: w for w in (*found, *words) if not w.is_fact and w.target in facts}
    return [*facts.values(), *said.values()]
