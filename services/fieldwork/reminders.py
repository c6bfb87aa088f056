"""Reminders of measures due soon or overdue, as events: each is told once, by an id that says what it is of."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson
from psycopg import Connection

from domain.ledger.rates import Filters
from services.fieldwork.measures import DUE_DAYS, Item, Work, names, open_work
from services.ledger.queries import Queries

SOURCE: Final = "/taizhang/reminders"
TYPES: Final = ("taizhang.reminder.due.v1", "taizhang.reminder.overdue.v1")
_ID_DIGITS: Final = 32
_NAMED_AT_ONCE: Final = 1_000
_UNTOLD: Final = """
SELECT id FROM unnest(%s::text[]) AS given (id)
 WHERE NOT EXISTS (SELECT FROM taizhang.reminder told WHERE told.topic = %s AND told.id = given.id)
"""
_TOLD: Final = "SELECT id, told_at FROM taizhang.reminder WHERE topic = %s AND id = ANY(%s)"
_TELL: Final = "INSERT INTO taizhang.reminder (topic, id) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"


class Occasion(NamedTuple):
    """What a reminder is of: its id, its type of event, the day it falls on, and when the measure is due."""

    id: str
    type: str
    since: date
    due_on: date


class Reminder(NamedTuple):
    """One reminder: its id, the key that keeps an office's reminders in order, the day it falls on, the CloudEvent."""

    id: str
    key: str
    since: date
    event: bytes


def reminders(
    queries: Queries, as_of: date, known_at: int, filters: Filters, office: str | None = None
) -> list[Reminder]:
    """What is due within 30 days or overdue at the end of a date, as known at a position; first due first.

    The same measure with the same due date gives the same id, on every day and at every position: one reminder from
    30 days before, one when it is overdue. Where the due date moves, or the measure closes and opens anew, it is
    another.
    """
    found: list[Reminder] = []
    for part in pressing(open_work(queries, as_of, known_at, filters).of_office(office)):
        found += [
            reminder_of(item, name, as_of, known_at) for item, name in zip(part, names(queries, part), strict=True)
        ]
    return found


def pressing(work: Work) -> Iterator[list[Item]]:
    """What is due within 30 days or overdue, first due first, a part at a time."""
    items = iter(work.pressing().page(None, len(work)))
    while part := list(islice(items, _NAMED_AT_ONCE)):
        yield part


def occasion_of(item: Item, as_of: date) -> Occasion:
    """What the reminder of a measure that is due or overdue is of."""
    due_on = item.due_on or as_of
    type_ = TYPES[item.state == "overdue"]
    since = due_on + timedelta(1) if item.state == "overdue" else due_on - timedelta(DUE_DAYS - 1)
    since = max(since, item.opened_on)
    return Occasion(named(type_, item.org, item.measure, item.opened_on, due_on), type_, since, due_on)


def named(*words: object) -> str:
    """The id of what is said by these words: the same words, the same id."""
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:_ID_DIGITS]


def reminder_of(item: Item, name: str, as_of: date, known_at: int) -> Reminder:
    """The reminder of a measure that is due or overdue, at an organization of this name."""
    id_, type_, since, due_on = occasion_of(item, as_of)
    data = {
        "org": item.org, "name": name, "region": item.region, "measure": item.measure, "office": item.office,
        "opened_on": item.opened_on, "due_on": due_on, "overdue_days": item.overdue_days,
        "as_of": as_of, "known_at": known_at,
    }  # fmt: skip
    event: dict[str, Any] = {
        "specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "subject": item.org,
        "time": f"{since.isoformat()}T00:00:00+08:00", "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    return Reminder(id_, item.office or item.org, since, orjson.dumps(event))


def untold(connection: Connection[Any], topic: str, found: list[Reminder]) -> list[Reminder]:
    """Those that were not yet told on a topic."""
    left = {id_ for (id_,) in connection.execute(_UNTOLD, ([each.id for each in found], topic))}
    return [each for each in found if each.id in left]


def told_at(connection: Connection[Any], topic: str, found: list[Reminder]) -> dict[str, datetime]:
    """When each was told on a topic, by id; those that were not are left out."""
    return dict(connection.execute(_TOLD, (topic, [each.id for each in found])).fetchall())


def note_told(connection: Connection[Any], topic: str, told: list[Reminder]) -> None:
    """Remember that these were told."""
    connection.execute(_TELL, (topic, [each.id for each in told]))
