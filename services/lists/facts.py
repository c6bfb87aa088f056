"""A source's own facts of organizations and its lists, as the log has them at a position: directly, and over HTTP.

The log is read up to its head. What the projection finds faster is asked of it as far as it has come, the rest of the
log is looked through: nothing that was decided here waits for a projection.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import orjson
from psycopg import Connection, sql

from domain.events.facts import Event, EventKey, Fact, standing_fact
from domain.events.types import CORRECTED, RANKS, RETRACTED
from domain.fieldwork.list_elsewhere import DEREGISTERED
from domain.fieldwork.list_said import Said
from domain.fieldwork.list_statements import STATED, Statement, statements
from domain.fieldwork.lists import made_for
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.ledger.view import View
from services.log.content import UnreadableError, content_of, time_and_data_of, whole_numbers
from services.log.reader import LogReader, read_events

ORGANIZATION_TYPES: Final = tuple(t for t in RANKS if t.startswith("taizhang.organization."))
PROFILED: Final = "taizhang.list.profiled.v1"
WORDS: Final = (CORRECTED, RETRACTED)
_WORDS: Final = "SELECT DISTINCT position FROM {schema}.word WHERE source = %s AND position <= %s"
_TAIL: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
 WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s) ORDER BY notification_id
"""
_EVENTS: Final = """
SELECT notification_id, state, intake -> 'attributes' FROM taizhang.log
 WHERE source = %s AND notification_id <= %s AND topic = ANY(%s)
"""
HEAD: Final = "SELECT coalesce(max(notification_id), 0) FROM taizhang.log"
# The index on what raises signals finds these by their date.
_ENDED: Final = """
SELECT DISTINCT subject FROM taizhang.log
 WHERE topic = %s AND effective_on >= '1900-01-01' AND source <> %s AND notification_id <= %s
"""
_FETCHED: Final = 2_000


def head(connection: Connection[Any]) -> int:
    """The log's last position."""
    row = connection.execute(HEAD).fetchone()
    return int(row[0]) if row else 0


def tail(connection: Connection[Any], view: View, known_at: int, types: Iterable[str]) -> list[Event]:
    """The events of some types up to a position that the projection has not come to yet."""
    since = view.snapshot.position
    if since >= known_at:
        return []
    return read_events(connection.execute(_TAIL, (since, known_at, list(types)), binary=True).fetchall())


def acts(connection: Connection[Any], view: View, source: str, known_at: int) -> list[Event]:
    """What offices have said of a source's lists (`list.*`) and of these events, as known at a position."""
    found = events_about(connection, view.reading, [source], min(known_at, view.snapshot.position))
    late = tail(connection, view, known_at, (PROFILED, STATED, *WORDS))
    found += [e for e in late if e.is_fact and e.data["list"] == source]
    keys = {event.key for event in found}
    return found + [word for word in late if not word.is_fact and word.target in keys]


def words(connection: Connection[Any], view: View, source: str, known_at: int) -> list[Event]:
    """The corrections and retractions of a source's events, as known at a position."""
    known = (source, min(known_at, view.snapshot.position))
    query = sql.SQL(_WORDS).format(schema=sql.Identifier(view.reading.schema))
    said = LogReader(connection).events([p for (p,) in connection.execute(query, known).fetchall()])
    return said + [word for word in tail(connection, view, known_at, WORDS) if word.target[0] == source]


def lines(connection: Connection[Any], view: View, source: str, known_at: int | None) -> Iterator[bytes]:
    """What `hear` reads, as lines of JSON, in parts of some hundred kilobytes, each of whole lines.

    {"head"}; {"word"} and {"list"}, each an event; {"ended"}, organizations that others have deregistered; then
    {"position", "event"}, the source's facts.

    Args:
        connection: that reads the log.
        view: the projection.
        source: whose facts.
        known_at: a position; None: the log's head.
    """
    known_at = head(connection) if known_at is None else known_at
    yield _dumped({"head": known_at})
    yield b"".join(_dumped({"word": plain(word)}) for word in words(connection, view, source, known_at))
    found = acts(connection, view, source, known_at)
    yield b"".join(_dumped({"list": plain(act)}) for act in found if act.is_fact)
    ended = connection.execute(_ENDED, (DEREGISTERED, source, known_at)).fetchall()
    yield _dumped({"ended": [subject for (subject,) in ended]})
    with connection.transaction(), connection.cursor("source_facts", binary=True) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(_EVENTS, (source, known_at, list(ORGANIZATION_TYPES)))
        while rows := cursor.fetchmany(_FETCHED):
            yield b"".join(_line(*row) for row in rows)


def _dumped(line: Mapping[str, Any]) -> bytes:
    return orjson.dumps(line) + b"\n"


def _line(position: int, raw: bytes, attributes: dict[str, Any] | None) -> bytes:
    if attributes is not None:  # binary mode: the bytes are the data alone
        try:
            raw = orjson.dumps(content_of(raw, attributes))
        except UnreadableError:
            return b""
    # A line break in JSON is white space: inside of texts it stands escaped.
    return b'{"position":%d,"event":%b}\n' % (position, bytes(raw).replace(b"\n", b" ").replace(b"\r", b" "))


def plain(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    return {
        "position": event.position, "source": event.source, "id": event.id, "type": event.type,
        "time_ns": event.time_ns, "data": dict(event.data),
    }  # fmt: skip


def from_plain(shown: Mapping[str, Any]) -> Event:
    """An event as `plain` shows it."""
    return Event(*(shown[name] for name in ("position", "source", "id", "type", "time_ns", "data")))


class Heard(NamedTuple):
    """What a source has said, as known at a position.

    Attributes:
        position: the position.
        stated: its lists that stand.
        ended: organizations that other sources have deregistered.
        said: its events of organizations, by organization that they speak of.
    """

    position: int
    stated: list[Statement]
    ended: frozenset[str]
    said: Iterator[tuple[str, Said]]


def hear(parts: Iterable[bytes]) -> Heard:
    """Read what `lines` gives, cut anywhere; the events come as they are asked for."""
    position, ended = 0, frozenset[str]()
    said_of: dict[EventKey, list[Event]] = {}
    stated: list[Event] = []
    rest = _whole_lines(parts)
    for line in rest:
        found = whole_numbers(orjson.loads(line))
        if "head" in found:
            position = found["head"]
        elif "word" in found:
            word = from_plain(found["word"])
            said_of.setdefault(word.target, []).append(word)
        elif "list" in found:
            stated.append(from_plain(found["list"]))
        else:
            ended = frozenset(found["ended"])
            break
    gone = [key for key, them in said_of.items() if any(word.type == RETRACTED for word in them)]
    return Heard(position, statements(stated, gone), ended, _said(rest, said_of))


def standing(parts: Iterable[bytes], as_of: date) -> Iterator[Fact]:
    """The source's facts that stand, effective by a date, in no order; `parts` as of `hear`."""
    seen: set[int] = set()
    for _, said in hear(parts).said:
        found = None if said.event.position in seen else standing_fact(said.event, said.words, fits)
        seen.add(said.event.position)
        if found is not None and found.effective_on <= as_of:
            yield found


def _said(rest: Iterable[bytes], said_of: Mapping[EventKey, list[Event]]) -> Iterator[tuple[str, Said]]:
    for line in rest:
        event = _event(line)
        if event is None:
            continue
        about = tuple(said_of.get(event.key, ()))
        said = Said(event, about, made_for(event))
        for org in {event.data["org"], *moved_to(about)}:
            yield org, said


def _event(line: bytes) -> Event | None:
    """The event of a line; None where its bytes were changed after it was accepted: it has no part in the ledger."""
    try:
        found = whole_numbers(orjson.loads(line))
        content = found["event"]
        time_ns, data = time_and_data_of(content)
        event = Event(found["position"], content["source"], content["id"], content["type"], time_ns, data)
    except (orjson.JSONDecodeError, UnreadableError, AttributeError, KeyError, TypeError):
        return None
    return event if isinstance(data.get("org"), str) else None


def moved_to(about: Iterable[Event]) -> Iterator[str]:
    """Organizations to which corrections move a fact."""
    for word in about:
        org = word.data.get("replacement", {}).get("org")
        if isinstance(org, str):
            yield org


def _whole_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        yield rest
