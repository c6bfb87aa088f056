"""Quarantine: what was set aside, looked at again, redriven or discarded; each step is recorded for ever."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow, tuple_row

from domain.access.rights import Right
from domain.events.access import Role
from domain.tree import arrival_leaf
from domain.tree.arrival_leaf import Recorded
from domain.values.fields import REASON_LENGTH_MAX
from domain.values.reasons import Reason
from services.intake import account
from services.intake.decisions import begin
from services.intake.permission import InForce, require_steward
from services.intake.quarantine_bytes import empty
from services.log.messages import Arrival, Message, Place, Publisher, Receipt, arrive
from services.log.turns import Turn
from services.log.writer import Writer
from services.system.errors import AlreadyEndedError, InvalidValueError, NotFoundError

PAGE_MAX: Final = 1_000
BY_LENGTH_MAX: Final = 200

State = Literal["open", "accepted", "duplicate", "discarded"]


class Quarantined(NamedTuple):
    """One message that was set aside, without its bytes; `state` is open, or the end that it came to.

    `emptied_at`: since when its bytes are gone, of what held numbers or names of persons.
    """

    id: int
    received_at: datetime
    source: str | None
    event_id: str | None
    publisher: str
    intake: Mapping[str, Any]
    reasons: Sequence[Mapping[str, Any]]
    rules: Sequence[str]
    raw_sha256: bytes
    raw_bytes: int
    emptied_at: datetime | None
    state: State


class Action(NamedTuple):
    """One step taken with a quarantined message.

    `position` comes with accepted and duplicate, `reasons` with still_refused, `reason` with discarded.
    """

    number: int
    at: datetime
    by: str
    action: Literal["accepted", "duplicate", "still_refused", "discarded"]
    position: int | None
    reasons: Sequence[Mapping[str, Any]] | None
    reason: str | None


class Step(NamedTuple):
    """A step to be recorded, with the message of a number; the rest as of `Action`."""

    id: int
    by: str
    action: Literal["accepted", "duplicate", "still_refused", "discarded"]
    position: int | None = None
    reasons: Sequence[Reason] = ()
    reason: str | None = None


class Dossier(NamedTuple):
    """A quarantined message whole: its bytes as received, binary mode's attributes, what was done with it."""

    message: Quarantined
    raw: bytes
    attributes: Mapping[str, str] | None
    actions: Sequence[Action]


class Opened(NamedTuple):
    """An open message, read again, and where it is counted."""

    id: int
    arrival: Arrival
    place: Place


# What became of messages, in order.
Redriven = list[tuple[int, Receipt]]


class Filters(NamedTuple):
    """Which messages are meant; None means any. `rule` is the name of one of its reasons' rules."""

    state: State | None = None
    source: str | None = None
    publisher: str | None = None
    rule: str | None = None


ANY: Final = Filters()

_COLUMNS: Final = """
SELECT q.id, q.received_at, q.source, q.event_id, q.publisher, q.intake, q.reasons, q.rules, q.raw_sha256,
       coalesce(q.raw_length, length(q.raw)), q.emptied_at, coalesce(e.action, 'open')
"""
_FROM: Final = """
  FROM taizhang.quarantine q
  LEFT JOIN taizhang.quarantine_action e ON e.quarantine_id = q.id AND e.action <> 'still_refused'
"""
_SELECT_PAGE: Final = (
    _COLUMNS
    + _FROM
    + """
 WHERE (%(before)s::bigint IS NULL OR q.id < %(before)s)
   AND (%(state)s::text IS NULL OR coalesce(e.action, 'open') = %(state)s)
   AND (%(source)s::text IS NULL OR q.source = %(source)s)
   AND (%(publisher)s::text IS NULL OR q.publisher = %(publisher)s)
   AND (%(rule)s::text IS NULL OR %(rule)s = ANY (q.rules))
 ORDER BY q.id DESC LIMIT %(limit)s
"""
)
_COUNT_OPEN: Final = (
    "SELECT count(*), count(*) FILTER (WHERE %(since)s::timestamptz IS NULL OR q.received_at > %(since)s)"
    + _FROM
    + " WHERE e.action IS NULL"
)
_SELECT_ONE: Final = _COLUMNS + ", q.raw, q.attributes" + _FROM + " WHERE q.id = %s"
_SELECT_ACTIONS: Final = """
SELECT number, at, by, action, position, reasons, reason FROM taizhang.quarantine_action
 WHERE quarantine_id = %s ORDER BY number
"""
_SELECT_MESSAGE: Final = """
SELECT raw, attributes, intake, publisher, publisher_rights, publisher_is_steward, publisher_sources, rules,
       source, channel, topic, partition FROM taizhang.quarantine WHERE id = %s
"""
_SELECT_ENDED: Final = """
SELECT quarantine_id FROM taizhang.quarantine_action WHERE action <> 'still_refused' AND quarantine_id = ANY(%s)
"""
# What refuses a message for the place where it was to change something.
PLACE_RULES: Final = frozenset(("region_of_another_office", "organization_of_another_office"))
_RECORD_ACTION: Final = """
INSERT INTO taizhang.quarantine_action (quarantine_id, number, at, by, action, position, reasons, reason)
SELECT %(id)s, coalesce(max(number), 0) + 1, %(at)s, %(by)s, %(action)s, %(position)s, %(reasons)s, %(reason)s
  FROM taizhang.quarantine_action WHERE quarantine_id = %(id)s
RETURNING number
"""


class Quarantine:
    """What was set aside, for the stewards."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._recorder = writer.recorder
        self._in_force = InForce()

    def page(self, filters: Filters = ANY, *, before: int | None = None, limit: int = 100) -> list[Quarantined]:
        """Messages, newest first, at most `limit` (up to 1000): those with an id under `before`, the cursor."""
        with self._recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as rows:
            rows.execute(_SELECT_PAGE, {**filters._asdict(), "before": before, "limit": min(limit, PAGE_MAX)})
            return [Quarantined._make(row) for row in rows]

    def waiting(self, since: datetime | None) -> tuple[int, int]:
        """How many messages have come to no end yet, and how many of them were received after an instant."""
        with self._recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as rows:
            found = rows.execute(_COUNT_OPEN, {"since": since}).fetchone()
            assert found is not None  # noqa: S101  # an aggregate has one row
            count, new = found
            return count, new

    def get(self, id_: int) -> Dossier:
        """One message whole.

        Raises:
            NotFoundError: there is none of this number.
        """
        with self._recorder.transaction() as cursor:
            row = cursor.execute(_SELECT_ONE, (id_,)).fetchone()
            if row is None:
                raise _not_found(id_)
            *message, raw, attributes = row
            return Dossier(Quarantined._make(message), bytes(raw), attributes, _actions(cursor, id_))

    def redrive(self, id_: int, by: Publisher) -> Receipt:
        """Read a message again with today's rules and take it in if they allow it.

        Source, type and place are judged by what its publisher may say now: by the grants that it was sent by, as they
        have become, and by those made to the same name since; never by the rights of whoever redrives. If they don't
        allow it, it stays open, the attempt is recorded with the reasons, and the receipt says quarantined,
        with the same number. What the channel itself had against it (its key, say) is waived by whoever redrives.

        Args:
            id_: its number.
            by: the steward who redrives.

        Raises:
            NotFoundError: there is none of this number.
            AlreadyEndedError: its end is recorded.
            AccessEndedError: the steward is none any more.
            InvalidValueError: the steward's name is empty or too long.
        """
        _check_text("by", by.name, BY_LENGTH_MAX)

        def work(cursor: Cursor[TupleRow], turn: Turn) -> Receipt:
            require_steward(self._in_force, cursor, turn, by)
            arrival, place = open_message(cursor, id_, by.name)
            decisions = begin(self._recorder, self._in_force, cursor, turn, [arrival])
            self._recorder.append(cursor, turn, decisions.take([arrival]))
            # Still refused, it keeps its number: nothing is set aside twice.
            receipt = decisions.receipts[0]
            receipt = receipt if receipt.quarantine_id is None else receipt._replace(quarantine_id=id_)
            arrivals = account.record_duplicates(cursor, turn.now, decisions.duplicates)
            if receipt.disposition != "quarantined":
                arrivals.append(account.move(cursor, place, receipt.disposition))
            arrivals.append(record(cursor, turn.now, _step_of(id_, by.name, receipt)))
            self._recorder.arrivals.append(cursor, turn.now, arrivals)
            return receipt

        return self._writer.write(work)

    def redrive_all(
        self, opened: Sequence[Opened], by: Publisher, check: Callable[[Cursor[TupleRow], Turn, Redriven], None]
    ) -> Redriven:
        """Redrive messages that were read before, in order and in one turn; each one's end is recorded by itself.

        Args:
            opened: the messages; those whose end somebody has recorded since are left out.
            by: the steward who redrives.
            check: called with what would become of them, before anything of it is stored for good; what it raises
                leaves all as it was.

        Raises:
            AccessEndedError: the steward is none any more.
        """
        _check_text("by", by.name, BY_LENGTH_MAX)

        def work(cursor: Cursor[TupleRow], turn: Turn) -> Redriven:
            require_steward(self._in_force, cursor, turn, by)
            ended = {id_ for (id_,) in cursor.execute(_SELECT_ENDED, ([each.id for each in opened],))}
            still = [each for each in opened if each.id not in ended]
            arrivals = [each.arrival for each in still]
            decisions = begin(self._recorder, self._in_force, cursor, turn, arrivals)
            self._recorder.append(cursor, turn, decisions.take(arrivals))
            redriven = [(each.id, receipt) for each, receipt in zip(still, decisions.receipts, strict=True)]
            check(cursor, turn, redriven)
            recorded = account.record_duplicates(cursor, turn.now, decisions.duplicates)
            places = {each.id: each.place for each in still}
            moved = Counter((places[id_], r.disposition) for id_, r in redriven if r.disposition != "quarantined")
            for (place, disposition), messages in moved.items():
                recorded.append(account.move(cursor, place, disposition, messages))
            recorded += [record(cursor, turn.now, _step_of(id_, by.name, receipt)) for id_, receipt in redriven]
            self._recorder.arrivals.append(cursor, turn.now, recorded)
            return redriven

        return self._writer.write(work)

    def discard(self, id_: int, by: Publisher, reason: str) -> None:
        """End a message without taking it in; its bytes stay, unless it holds numbers or names of persons.

        Raises:
            NotFoundError: there is none of this number.
            AlreadyEndedError: its end is recorded.
            AccessEndedError: the steward is none any more.
            InvalidValueError: the steward's name or `reason` is empty or too long.
        """
        _check_text("by", by.name, BY_LENGTH_MAX)
        _check_text("reason", reason, REASON_LENGTH_MAX)

        def work(cursor: Cursor[TupleRow], turn: Turn) -> None:
            require_steward(self._in_force, cursor, turn, by)
            open_message(cursor, id_, by.name)
            step = record(cursor, turn.now, Step(id_, by.name, "discarded", reason=reason))
            self._recorder.arrivals.append(cursor, turn.now, [step])
            empty(cursor, turn.now, [id_])

        self._writer.write(work)


def _step_of(id_: int, by: str, receipt: Receipt) -> Step:
    """The step that a redrive was."""
    if receipt.disposition == "quarantined":
        return Step(id_, by, "still_refused", reasons=receipt.reasons)
    return Step(id_, by, receipt.disposition, position=receipt.position)


def open_message(cursor: Cursor[TupleRow], id_: int, by: str) -> tuple[Arrival, Place]:
    """Read a message again, and where it is counted; an error unless it is open."""
    row = cursor.execute(_SELECT_MESSAGE, (id_,)).fetchone()
    if row is None:
        raise _not_found(id_)
    end = next((a for a in _actions(cursor, id_) if a.action != "still_refused"), None)
    if end is not None:
        at = f" at position {end.position}" if end.position else ""
        raise AlreadyEndedError(
            f"quarantined message {id_} was ended as {end.action}{at} by {end.by} on {end.at:%Y-%m-%d %H:%M:%SZ}; "
            "an end is final, publish a new event instead"
        )
    raw, attributes, original, name, rights, steward, sources, rules, *place = row
    held = (
        _rights_of_old(original["channel"], steward, sources, rules) if rights is None else account.read_rights(rights)
    )
    publisher = Publisher(name, held, by_name=True)
    original.pop("attributes", None)
    signature = original.pop("jws", None)
    intake = {"channel": "redrive", "quarantine": id_, "by": by, "original": original}
    return arrive(Message(bytes(raw), intake, publisher, attributes, signature=signature)), Place._make(place)


def _rights_of_old(channel: str, steward: bool, sources: list[str] | None, rules: list[str]) -> tuple[Right, ...]:  # noqa: FBT001 - a column
    """The right by which a message came of which that was not kept whole: its regions are not known.

    So what was refused for its place stays so, unless its publisher was granted more; and what came on a topic of
    Kafka is judged by what was granted to the topic.
    """
    if channel == "kafka" or not PLACE_RULES.isdisjoint(rules):
        return ()
    roles = frozenset[Role](("steward",) if steward else ("publisher",))
    return (Right(roles, None if sources is None else frozenset(sources)),)


def _actions(cursor: Cursor[TupleRow], id_: int) -> list[Action]:
    return [Action._make(row) for row in cursor.execute(_SELECT_ACTIONS, (id_,))]


def record(cursor: Cursor[TupleRow], at: datetime, step: Step) -> Recorded:
    """Write down a step taken with a message; what the tree of arrivals is to hold of it."""
    refused = step.action == "still_refused"
    reasons = account.reasons_json(step.reasons).decode() if refused else None
    row = cursor.execute(_RECORD_ACTION, {**step._asdict(), "at": at, "reasons": reasons}, prepare=True).fetchone()
    assert row is not None  # noqa: S101 - one row was inserted
    told = [reason.as_json() for reason in step.reasons] if refused else None
    return arrival_leaf.step(step.id, row[0], step.by, step.action, step.position, told, step.reason)


def _not_found(id_: int) -> NotFoundError:
    return NotFoundError(f"no quarantined message has the number {id_}; list them to see which there are")


def _check_text(name: str, value: str, length_max: int) -> None:
    if not value.strip() or len(value) > length_max or any(ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in value):
        raise InvalidValueError(f"{name} is text of 1 to {length_max} characters without control characters")
