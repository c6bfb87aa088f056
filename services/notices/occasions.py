"""What offices are to be told at the end of a date: of measures, orders and quarantine, each from its own question.

A notice says where to look, and nothing that a person wrote: no name of an organization (a small trader's is the
owner's), no text of an order, no message.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from domain.fieldwork.orders import Order
from domain.ledger.rates import ANY
from services.fieldwork.measures import open_work
from services.fieldwork.orders import all_orders
from services.fieldwork.reminders import TYPES, named, occasion_of, pressing
from services.ledger.queries import Queries
from services.system.logs import strike_out
from services.system.settings import SHANGHAI

# Of a source whose messages were set aside longer ago somebody has been told, or has long seen it.
QUARANTINE_DAYS: Final = 7
MEASURES: Final = dict(zip(TYPES, ("measure.due", "measure.overdue"), strict=True))
ORDERS: Final = ("order.issued", "order.answered", "order.sent_back", "order.overdue", "order.risen")
QUARANTINE: Final = "quarantine.received"
NAMES: Final = (*MEASURES.values(), *ORDERS, QUARANTINE)
_SET_ASIDE: Final = """
SELECT DISTINCT q.source, (q.received_at AT TIME ZONE 'Asia/Shanghai')::date
  FROM taizhang.quarantine q
 WHERE q.received_at >= %s AND q.received_at < %s
   AND NOT EXISTS (SELECT FROM taizhang.quarantine_action e
                    WHERE e.quarantine_id = q.id AND e.action <> 'still_refused')
"""


class Occasion(NamedTuple):
    """What is to be told once: `id` says of what, `office` whom it concerns (None: nobody in particular).

    `subject` is an organization, an order or a source; `on` the day it fell on; `due_on` None where nothing is due.
    """

    id: str
    name: str
    office: str | None
    subject: str
    region: str | None
    on: date
    due_on: date | None


def occasions(queries: Queries, as_of: date, known_at: int) -> list[Occasion]:
    """Everything that offices are to be told at a date, as known at a position; first what fell on the earliest day."""
    found = [*_measures(queries, as_of, known_at), *_orders(queries, as_of, known_at), *_quarantine(queries, as_of)]
    return sorted(found, key=lambda each: (each.on, each.id))


def _measures(queries: Queries, as_of: date, known_at: int) -> Iterator[Occasion]:
    for part in pressing(open_work(queries, as_of, known_at, ANY)):
        for item in part:
            id_, type_, since, due_on = occasion_of(item, as_of)
            yield Occasion(id_, MEASURES[type_], item.office, item.org, item.region, since, due_on)


def _orders(queries: Queries, as_of: date, known_at: int) -> Iterator[Occasion]:
    for order in all_orders(queries, as_of, known_at)[0]:
        if order.state == "closed":
            continue
        yield _of(order, "order.issued", order.office, order.issued_on)
        if order.state == "answered":
            yield _of(order, "order.answered", order.by, order.since)
        if order.state == "sent_back":
            yield _of(order, "order.sent_back", order.office, order.since)
        if order.overdue_days(as_of):
            yield _of(order, "order.overdue", order.office, order.due_on + timedelta(1))
        for to in order.risen:
            yield _of(order, "order.risen", to.office, to.on)


def _of(order: Order, name: str, office: str, on: date) -> Occasion:
    # One order may be issued anew, sent back again and rise to several offices: the days tell them apart.
    id_ = named(name, order.order, order.issued_on, office, on)
    return Occasion(id_, name, office, order.order, order.region, on, order.due_on)


def _quarantine(queries: Queries, as_of: date) -> Iterator[Occasion]:
    """A source of which something was set aside on a day and has come to no end, once for each day."""
    since, until = (
        datetime.combine(day, time(), SHANGHAI) for day in (as_of - timedelta(QUARANTINE_DAYS), as_of + timedelta(1))
    )
    with queries.everywhere().connection() as connection:
        rows = connection.execute(_SET_ASIDE, (since, until)).fetchall()
    for source, on in rows:
        # Whoever may publish names sources as they like: what a person might be known by is struck out, as in the log.
        yield Occasion(named(QUARANTINE, source, on), QUARANTINE, None, strike_out(source or "-"), None, on, None)
