"""Acts decided in the writer's turn (spec/events.md, Decided in turn).

An act is what the service publishes for whoever asked for it: a sealed report, a decision on two records, a list's
plan. It is decided while the log's gate is held, from the log as it is then, and it is one thing: all of its events
are accepted, or nothing of it is stored and the error says why.

What costs time is worked out before, at some position of the log. `Grounds` name that position and what matters after
it; in the turn they give what came since, by which the act is decided again, or refused. What came before the turn is
read ahead of it, so that the gate is held for the last few events only.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.events.facts import Event, EventKey, family_of, subject_of
from domain.events.types import CORRECTED, RETRACTED
from domain.values.reasons import Reason
from services.intake.intake import Intake
from services.log.messages import Message, Receipt, arrive
from services.log.reader import read_events
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.system.errors import TaizhangError

_WORDS: Final = (CORRECTED, RETRACTED)
# So many positions are looked through at once, of however many came.
_AT_ONCE: Final = 50_000
_CAME: Final = """
SELECT notification_id, source, id, topic, state, intake -> 'attributes' FROM taizhang.log
 WHERE notification_id > %s AND notification_id <= %s
   AND (source = ANY(%s) OR subject = ANY(%s) OR split_part(topic, '.', 2) = ANY(%s) OR topic = ANY(%s))
 ORDER BY notification_id
"""
_TARGETS: Final = """
SELECT name.source, name.id, event.*
  FROM unnest(%b::text[], %b::text[]) AS name (source, id),
       LATERAL (SELECT topic, subject FROM taizhang.log
                 WHERE log.source = name.source AND log.id = name.id LIMIT 1) event
"""

Decide = Callable[[Cursor[TupleRow], Turn], Sequence[Message]]
Check = Callable[[Cursor[TupleRow], Turn], None]


class CameSinceError(TaizhangError):
    """What an act was decided on is not so any more: something that matters came after it.

    Attributes:
        position: that it was decided on.
        came: of the first event that matters and came after.
    """

    def __init__(self, message: str, position: int, came: int) -> None:
        super().__init__(message)
        self.position = position
        self.came = came


class ActRefusedError(TaizhangError):
    """An event of an act breaks a rule of intake; nothing of the act is stored.

    Attributes:
        reasons: of every event that does, in order.
    """

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(f"{reasons[0].at} {reasons[0].message}; nothing was stored".strip())
        self.reasons = tuple(reasons)


class Matters(NamedTuple):
    """Which events matter to an act: those of a source, about a subject, or of a family of types; any of the three.

    A correction or retraction matters where its target does, or what it puts in the target's place.
    """

    sources: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()

    def holds(self, source: str, subject: str | None, type_: str) -> bool:
        """Whether an event of this source, subject and type does."""
        return source in self.sources or subject in self.subjects or family_of(type_) in self.families


class Grounds:
    """The position that an act was decided on, and what came since of all that matters to it."""

    def __init__(self, position: int, matters: Matters) -> None:
        self.position = position
        self._matters = matters
        self._read_to = position
        self._came: list[Event] = []

    def read_ahead(self, recorder: LogRecorder) -> None:
        """Read what came until now, without the gate: called just before the turn is asked for."""
        with recorder.transaction() as cursor:
            head = cursor.execute("SELECT coalesce(max(notification_id), 0) FROM taizhang.log").fetchone()
            assert head is not None  # noqa: S101 - an aggregate gives one row
            while self._read_to < head[0]:
                self._read(cursor, min(self._read_to + _AT_ONCE, head[0]))

    def came(self, cursor: Cursor[TupleRow], turn: Turn) -> Sequence[Event]:
        """What matters and came after the position, in order; the caller holds the gate, so it is all there is."""
        self._read(cursor, turn.position)
        return self._came

    def check(self, cursor: Cursor[TupleRow], turn: Turn, concerns: Callable[[Event], bool] = lambda _: True) -> None:
        """Refuse the act if anything that matters came; `concerns` picks among it.

        Raises:
            CameSinceError: something did.
        """
        came = [event for event in self.came(cursor, turn) if concerns(event)]
        if came:
            first = came[0]
            raise CameSinceError(
                f"this was decided as known at position {self.position}; since then {first.type} of {first.source} "
                f"came at position {first.position}, and {len(came) - 1} more that matter here; look again at what it "
                "says, and decide anew. Nothing was stored",
                self.position,
                first.position,
            )

    def _read(self, cursor: Cursor[TupleRow], until: int) -> None:
        if until <= self._read_to:
            return
        matters = self._matters
        asked = (*map(list, matters), list(_WORDS))
        rows = cursor.execute(_CAME, (self._read_to, until, *asked), prepare=True, binary=True)
        events = read_events(rows)
        targets = _targets(cursor, {event.target for event in events if not event.is_fact})
        self._came += [event for event in events if self._concerns(event, targets)]
        self._read_to = until

    def _concerns(self, event: Event, targets: dict[EventKey, tuple[str, str | None]]) -> bool:
        if event.is_fact:
            return self._matters.holds(event.source, subject_of(event.type, event.data), event.type)
        if event.source in self._matters.sources or event.target[0] in self._matters.sources:
            return True
        target = targets.get(event.target)
        if target is None:
            return False
        type_, subject = target
        if self._matters.holds(event.target[0], subject, type_):
            return True
        return event.type == CORRECTED and subject_of(type_, event.data["replacement"]) in self._matters.subjects


def _targets(cursor: Cursor[TupleRow], keys: Iterable[EventKey]) -> dict[EventKey, tuple[str, str | None]]:
    """Type and subject of the named events that the log has."""
    named = list(keys)
    if not named:
        return {}
    rows = cursor.execute(_TARGETS, tuple(map(list, zip(*named, strict=True))), prepare=True, binary=True)
    return {(source, id_): (topic, subject) for source, id_, topic, subject in rows}


def act(intake: Intake, decide: Decide) -> list[Receipt]:
    """Publish what `decide` makes, in one turn; each receipt is accepted, or duplicate where the event was there.

    Args:
        intake: that of the service.
        decide: called while the gate is held, again if the transaction is tried again; it gives the events to publish,
            or raises, whereupon nothing is stored. It makes no call that takes long: nobody else can write meanwhile.

    Raises:
        ActRefusedError: an event breaks a rule of intake.
        StoreUnavailableError: as Intake.admit.
    """

    def work(cursor: Cursor[TupleRow], turn: Turn) -> list[Receipt]:
        receipts = intake.take_in(cursor, turn, [arrive(message) for message in decide(cursor, turn)])
        reasons = [reason for receipt in receipts if receipt.position is None for reason in receipt.reasons]
        if reasons:
            raise ActRefusedError(reasons)
        return receipts

    return intake.writer.write(work)


def act_on(intake: Intake, grounds: Grounds, messages: Sequence[Message], check: Check | None = None) -> list[Receipt]:
    """Publish these events if `check` lets them in the turn; left out, if nothing that matters came. See `act`.

    Raises:
        CameSinceError: something did, and nothing is stored; so with whatever else `check` raises.
        ActRefusedError, StoreUnavailableError: as `act`.
    """
    grounds.read_ahead(intake.recorder)

    def decide(cursor: Cursor[TupleRow], turn: Turn) -> Sequence[Message]:
        (check or grounds.check)(cursor, turn)
        return messages

    return act(intake, decide)
