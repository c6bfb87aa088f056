"""A source's own facts of organizations, as known at a position: from the log, and over HTTP."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final

import orjson
from psycopg import Connection, sql

from domain.events.facts import Event, EventKey, Fact, standing_fact
from domain.events.types import RANKS
from domain.values.instants import parse_instant
from services.ledger.projector import fits
from services.ledger.view import View
from services.lists.scratch import ORGANIZATION_TYPES
from services.log.content import whole_numbers
from services.log.reader import LogReader

_WORDS: Final = "SELECT DISTINCT position FROM {schema}.word WHERE source = %s AND position <= %s"
_EVENTS: Final = """
SELECT notification_id, state, intake -> 'attributes' FROM taizhang.log
 WHERE source = %s AND notification_id <= %s AND topic = ANY(%s)
"""
_FETCHED: Final = 2_000


def lines(connection: Connection[Any], view: View, source: str, known_at: int) -> Iterator[bytes]:
    """What `standing` reads, as lines of JSON {"position", "event"}: all that was said of the facts, then the facts.

    In parts of some hundred kilobytes, each of whole lines.
    """
    words = connection.execute(
        sql.SQL(_WORDS).format(schema=sql.Identifier(view.reading.schema)), (source, known_at)
    ).fetchall()
    said = LogReader(connection).events([p for (p,) in words])
    yield b"".join(orjson.dumps({"position": w.position, "word": _plain(w)}) + b"\n" for w in said)
    with connection.transaction(), connection.cursor("source_facts", binary=True) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(_EVENTS, (source, known_at, list(ORGANIZATION_TYPES)))
        while rows := cursor.fetchmany(_FETCHED):
            yield b"".join(_line(*row) for row in rows)


def _line(position: int, raw: bytes, attributes: dict[str, Any] | None) -> bytes:
    if attributes is not None:  # binary mode: the bytes are the data alone
        raw = orjson.dumps({**attributes, "data": orjson.loads(raw)})
    # A line break in JSON is white space: inside of texts it stands escaped.
    return b'{"position":%d,"event":%b}\n' % (position, bytes(raw).replace(b"\n", b" ").replace(b"\r", b" "))


def _plain(word: Event) -> dict[str, Any]:
    return {
        "source": word.source, "id": word.id, "type": word.type, "time_ns": word.time_ns, "data": dict(word.data),
    }  # fmt: skip


def standing(parts: Iterable[bytes], as_of: date) -> Iterator[Fact]:
    """The facts of organizations that stand, effective by a date, in no order.

    Args:
        parts: what `lines` gives, cut anywhere.
        as_of: nothing effective later is given.
    """
    words: dict[EventKey, list[Event]] = {}
    for line in _whole_lines(parts):
        found = whole_numbers(orjson.loads(line))
        if "word" in found:
            said = found["word"]
            word = Event(found["position"], said["source"], said["id"], said["type"], said["time_ns"], said["data"])
            words.setdefault(word.target, []).append(word)
            continue
        content = found["event"]
        event = Event(
            found["position"], content["source"], content["id"], content["type"], parse_instant(content["time"]),
            content["data"],
        )  # fmt: skip
        if not words and event.type in RANKS and event.effective_on > as_of:
            continue
        fact = standing_fact(event, words.get(event.key, ()), fits)
        if fact is not None and fact.effective_on <= as_of:
            yield fact


def _whole_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        yield rest
