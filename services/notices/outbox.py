"""The outbox: rows of `taizhang.notice`, each once by its name, and how each channel fares."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, get_args

from psycopg import Connection, Cursor

from services.fieldwork.reminders import named
from services.notices.occasions import Occasion

State = Literal["waiting", "held", "sent", "dropped"]
STATES: Final[tuple[State, ...]] = get_args(State)
# Why a channel does not take notices, as pages say it in words; the detail is a number or a short code.
Fault = Literal["refused", "silent", "status", "robot", "tls", "mail", "settings"]
_COLUMNS: Final = (
    "no, id, channel, office, occasion, subject, region, on_day, due_on, known_at, found_at, state, tries, begun_at,"
    " fault, fault_detail, sent_at"
)
_KNOW: Final = "INSERT INTO taizhang.notice_channel (name) VALUES (%s) ON CONFLICT DO NOTHING"
# Of several processes one collects at a time, so that the numbers of an office's notices stand in the order of commit.
_LOCK: Final = "SELECT began_at FROM taizhang.notice_channel WHERE name = %s FOR UPDATE"
_ADD: Final = """
INSERT INTO taizhang.notice
       (id, channel, office, occasion, subject, region, on_day, due_on, known_at, found_at, state)
SELECT given.id, %(channel)s, given.office, given.occasion, given.subject, given.region, given.on_day, given.due_on,
       %(known_at)s, %(now)s, %(state)s
  FROM unnest(%(ids)s::text[], %(offices)s::text[], %(occasions)s::text[], %(subjects)s::text[], %(regions)s::text[],
              %(days)s::date[], %(due)s::date[]) WITH ORDINALITY
       AS given (id, office, occasion, subject, region, on_day, due_on, n)
 WHERE NOT EXISTS (SELECT FROM taizhang.notice there WHERE there.id = given.id)
 ORDER BY given.n
"""
_BEGAN: Final = "UPDATE taizhang.notice_channel SET began_at = %s WHERE name = %s"
_OFFICES: Final = """
SELECT office FROM taizhang.notice WHERE channel = %s AND state = 'waiting' GROUP BY office ORDER BY min(no)
"""
_HEADS: Final = (
    f"SELECT {_COLUMNS} FROM taizhang.notice"  # noqa: S608 - our own columns
    " WHERE channel = %s AND office IS NOT DISTINCT FROM %s AND state = 'waiting' ORDER BY no LIMIT %s"
)
_BEGIN: Final = """
UPDATE taizhang.notice SET tries = tries + 1, begun_at = %s WHERE no = ANY(%s) AND state = 'waiting' RETURNING no
"""
_SENT: Final = """
UPDATE taizhang.notice SET state = 'sent', sent_at = %s, begun_at = NULL, fault = NULL, fault_detail = NULL
 WHERE no = ANY(%s) AND state = 'waiting'
"""
_TAKEN: Final = "UPDATE taizhang.notice_channel SET sent = sent + %s WHERE name = %s"
_FAILED: Final = """
UPDATE taizhang.notice SET fault = %s, fault_detail = %s, begun_at = CASE WHEN %s THEN begun_at END WHERE no = ANY(%s)
"""
_LAST_SENT: Final = """
SELECT DISTINCT sent_at, office FROM taizhang.notice WHERE channel = %s AND sent_at > %s ORDER BY sent_at
"""
_CHANNELS: Final = """
SELECT c.name, c.began_at, c.sent,
       (array_agg(n.fault ORDER BY n.no) FILTER (WHERE n.fault IS NOT NULL))[1],
       (array_agg(n.fault_detail ORDER BY n.no) FILTER (WHERE n.fault IS NOT NULL))[1],
       count(n.no) FILTER (WHERE n.state = 'waiting'), count(n.no) FILTER (WHERE n.state = 'held'),
       min(n.found_at) FILTER (WHERE n.state = 'waiting')
  FROM taizhang.notice_channel c
  LEFT JOIN taizhang.notice n ON n.channel = c.name AND n.state IN ('waiting', 'held')
 GROUP BY c.name ORDER BY c.name
"""
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM taizhang.notice
 WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(channel)s::text IS NULL OR channel = %(channel)s)
   AND (%(office)s::text IS NULL OR office = %(office)s) AND (%(before)s::bigint IS NULL OR no < %(before)s)
 ORDER BY no DESC LIMIT %(limit)s
"""  # noqa: S608 - our own columns
_MOVE: Final = """
UPDATE taizhang.notice SET state = %s, begun_at = NULL, fault = NULL, fault_detail = NULL
 WHERE channel = %s AND state = ANY(%s) AND (%s::text IS NULL OR id = %s)
"""


class Notice(NamedTuple):
    """One notice. `begun_at`: since when an attempt has been under way, or has had no answer; it may have arrived."""

    no: int
    id: str
    channel: str
    office: str | None
    occasion: str
    subject: str
    region: str | None
    on: date
    due_on: date | None
    known_at: int
    found_at: datetime
    state: State
    tries: int
    begun_at: datetime | None
    fault: Fault | None
    fault_detail: str | None
    sent_at: datetime | None


class Standing(NamedTuple):
    """How a channel fares; `fault` says why the first notice that was tried and still waits was not taken."""

    name: str
    began_at: datetime | None
    sent: int
    fault: Fault | None
    fault_detail: str | None
    waiting: int
    held: int
    waiting_since: datetime | None


def collect(
    connection: Connection[Any], channel: str, found: Sequence[Occasion], known_at: int, now: datetime
) -> tuple[int, bool]:
    """Put what is not there yet into a channel's outbox: how many, and whether they wait or are held.

    What a channel finds when it first looks, or looks again after a restore, was there before it: it is held until
    somebody releases or drops it.
    """
    with connection.transaction():
        connection.execute(_KNOW, (channel,))
        row = connection.execute(_LOCK, (channel,)).fetchone()
        begins = row is None or row[0] is None
        words = {
            "channel": channel, "known_at": known_at, "now": now, "state": "held" if begins else "waiting",
            "ids": [named(channel, each.office, each.id) for each in found],
            "offices": [each.office for each in found], "occasions": [each.name for each in found],
            "subjects": [each.subject for each in found], "regions": [each.region for each in found],
            "days": [each.on for each in found], "due": [each.due_on for each in found],
        }  # fmt: skip
        added = connection.execute(_ADD, words).rowcount
        if begins:
            connection.execute(_BEGAN, (now, channel))
    return added, begins


def offices_waiting(connection: Connection[Any], channel: str) -> list[str | None]:
    """Offices to which something waits, the one whose first has waited longest first."""
    return [office for (office,) in connection.execute(_OFFICES, (channel,))]


def heads(connection: Connection[Any], channel: str, office: str | None, limit: int) -> list[Notice]:
    """The first notices that wait for an office, in order."""
    return [Notice(*row) for row in connection.execute(_HEADS, (channel, office, limit))]


def begin(connection: Connection[Any], notices: Sequence[Notice], now: datetime) -> list[Notice]:
    """Note that these are being sent; those that still wait."""
    left = {no for (no,) in connection.execute(_BEGIN, (now, [each.no for each in notices]))}
    return [each for each in notices if each.no in left]


def sent(connection: Connection[Any], channel: str, notices: Sequence[Notice], now: datetime) -> None:
    """Note that these were taken."""
    with connection.transaction():
        count = connection.execute(_SENT, (now, [each.no for each in notices])).rowcount
        connection.execute(_TAKEN, (count, channel))


def failed(
    connection: Connection[Any], notices: Sequence[Notice], fault: Fault, detail: str | None, *, arrived_perhaps: bool
) -> None:
    """Note that these were not taken, and why; `arrived_perhaps`: no answer came, though they were on their way."""
    connection.execute(_FAILED, (fault, detail, arrived_perhaps, [each.no for each in notices]))


def last_sent(connection: Connection[Any], channel: str, since: datetime) -> list[datetime]:
    """When messages, each of one office, were taken since an instant."""
    return [at for at, _ in connection.execute(_LAST_SENT, (channel, since))]


def standings(connection: Connection[Any] | Cursor[Any]) -> list[Standing]:
    """How every channel that ever was fares, by name."""
    return [Standing(*row) for row in connection.execute(_CHANNELS)]


def page(  # noqa: PLR0917 - the filters of one list
    connection: Connection[Any], state: State | None, channel: str | None, office: str | None, before: int | None,
    limit: int,
) -> list[Notice]:  # fmt: skip
    """Notices, newest first, those before a number."""
    words = {"state": state, "channel": channel, "office": office, "before": before, "limit": limit}
    return [Notice(*row) for row in connection.execute(_PAGE, words)]


def release(connection: Connection[Any], channel: str) -> int:
    """Let what is held wait to be sent; how many."""
    return connection.execute(_MOVE, ("waiting", channel, ["held"], None, None)).rowcount


def drop(connection: Connection[Any], channel: str, id_: str | None) -> int:
    """Take back what is held; with an id that one notice, held or waiting. How many."""
    states = ["held"] if id_ is None else ["held", "waiting"]
    return connection.execute(_MOVE, ("dropped", channel, states, id_, id_)).rowcount
