"""Which disposition a message gets (spec/events.md, Identity, Dispositions and the rules under Types).

Decisions of one batch are taken in order while nobody else can append, so that each sees what those before it did.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.events.access import FAMILY
from domain.events.envelope import check_data, effective_on
from domain.events.evidence import BLINDED
from domain.events.facts import Event, EventKey, subject_of
from domain.events.surveys import said_no_more
from domain.events.types import CORRECTED, RANKS
from domain.tree.leaf import BLINDING_BYTES, Blinding, LeafError, leaf_of, record_of
from domain.tree.merkle import leaf_hash
from domain.values.reasons import Reason
from services.intake.permission import InForce, Permission
from services.log.messages import Arrival, Receipt
from services.log.recorder import Entry, Known, LogRecorder, originator_bytes
from services.log.turns import Turn


def names_to_know(arrivals: Iterable[Arrival]) -> list[EventKey]:
    """The names whose standing in the log decides these messages: their own, and their targets'."""
    names: dict[EventKey, None] = {}
    for arrival in arrivals:
        if arrival.key is not None:
            names[arrival.key] = None
        event = arrival.reading.event
        if event is not None and not event.is_fact:
            names[event.target] = None
    return list(names)


def begin(
    recorder: LogRecorder, in_force: InForce, cursor: Cursor[TupleRow], turn: Turn, arrivals: Sequence[Arrival]
) -> "Decisions":
    """The decisions of a batch, none taken yet; the turn holds the log's gate."""
    permission = Permission(in_force, cursor, turn)
    known = recorder.known(cursor, names_to_know(arrivals))
    drawn = secrets.token_bytes(BLINDING_BYTES * len(arrivals))
    return Decisions(turn, known, permission, permission.prepare(arrivals), turn.blinded, drawn)


@dataclass(slots=True)
class Decisions:
    """The decisions of one batch, taken one by one.

    `known` is what the log has under the names that matter; accepted events are added to it. `asks`: the database is
    asked while they are taken. `blinded`: the next leaf is, by the next of the values `drawn`. `duplicates` and
    `quarantined` are to be recorded, `receipts` to be answered, all in order of arrival.
    """

    turn: Turn
    known: dict[EventKey, Known]
    permission: Permission
    asks: bool
    blinded: bool
    drawn: bytes
    accepted: int = 0
    duplicates: list[tuple[Arrival, int]] = field(default_factory=list)
    quarantined: list[tuple[Arrival, int, Sequence[Reason]]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def take(self, arrivals: Iterable[Arrival]) -> Iterator[Entry]:
        """Decide messages in order; give the entries of those that are accepted, each once it is decided.

        Where the database is asked, all are decided before the first is given: whoever stores them keeps it busy.
        """
        decided = (entry for arrival in arrivals if (entry := self._decide(arrival)) is not None)
        yield from list(decided) if self.asks else decided

    def _decide(self, arrival: Arrival) -> Entry | None:
        reading = arrival.reading
        first = self.known.get(arrival.key) if arrival.key is not None else None
        if first is not None and first.content_sha256 == reading.content_sha256:
            self._duplicate(arrival, first.position)
            return None
        event = reading.event
        if event is None or arrival.reasons:
            self._quarantine(arrival, arrival.reasons)
        elif first is not None:
            self._quarantine(arrival, (_conflict(event, first),))
        elif reason := self.permission.fault(arrival.message, event, self._target_type(event)):
            self._quarantine(arrival, (reason,))
        elif reasons := self._unfit(event):
            self._quarantine(arrival, reasons)
        else:
            return self._accept(arrival, event)
        return None

    def _target_type(self, event: Event) -> str | None:
        target = None if event.is_fact else self.known.get(event.target)
        return None if target is None else target.type

    def _unfit(self, event: Event) -> list[Reason]:
        """Why it says what no event carries any more, or a word about another does not fit its target, a known fact."""
        if event.is_fact:
            return said_no_more(event.data) + self._said_again(event)
        if event.type == CORRECTED and (reasons := said_no_more(event.data["replacement"])):
            return [replace(each, at=each.at.replace("/data", "/data/replacement", 1)) for each in reasons]
        target = self.known.get(event.target)
        if target is not None and target.type.startswith(FAMILY):
            rule = "access is neither corrected nor retracted; revoke the grant, and grant anew"
            return [Reason("access_stands", "/data", event.target[1], rule)]
        if event.type != CORRECTED:
            return []
        if target is None or target.type not in RANKS:
            return []
        return [
            Reason(r.rule, r.at.replace("/data", "/data/replacement", 1), r.value, f"{target.type}: {r.message}")
            for r in check_data(target.type, event.data["replacement"])
        ]

    def _said_again(self, event: Event) -> list[Reason]:
        if event.type != BLINDED or not self.blinded:
            return []
        rule = "the leaves of this log are blinded already, from an earlier position on"
        return [Reason("already_blinded", "", event.id, rule)]

    def _accept(self, arrival: Arrival, event: Event) -> Entry | None:
        message, turn = arrival.message, self.turn
        position = turn.position + self.accepted + 1
        raw_sha256 = hashlib.sha256(message.raw).digest()
        content_sha256 = arrival.reading.content_sha256
        assert content_sha256 is not None  # noqa: S101  # an event that could be read has one
        try:
            record = record_of(
                position, event.source, event.id, raw_sha256, turn.now, message.publisher.name,
                arrival.intake_json.decode(),
            )  # fmt: skip
        except LeafError as error:
            self._quarantine(arrival, (Reason("leaf", "", None, str(error)),))
            return None
        # The event that states it is the first whose leaf is blinded.
        self.blinded = self.blinded or event.type == BLINDED
        at = BLINDING_BYTES * self.accepted
        value = self.drawn[at : at + BLINDING_BYTES] if self.blinded else None
        hashed = leaf_hash(leaf_of(position, record, None if value is None else Blinding(value)))
        self.accepted += 1
        self.permission.accept(event, position)
        self.known[event.key] = Known(position, content_sha256, event.type)
        self.receipts.append(Receipt(event.source, event.id, "accepted", position, warnings=arrival.reading.warnings))
        return Entry(
            originator_bytes(event.key), 1, event.type, message.raw, position, event.source, event.id,
            subject_of(event.type, event.data) if event.is_fact else None, effective_on(event),
            turn.now, message.publisher.name, arrival.intake_json, raw_sha256, content_sha256, hashed,
            turn.learning.next(turn.now, arrival.intake, event.time_ns), value,
        )  # fmt: skip

    def _duplicate(self, arrival: Arrival, position: int) -> None:
        source, id_ = arrival.key or (None, None)
        self.duplicates.append((arrival, position))
        self.receipts.append(Receipt(source, id_, "duplicate", position, warnings=arrival.reading.warnings))

    def _quarantine(self, arrival: Arrival, reasons: Sequence[Reason]) -> None:
        source, id_ = arrival.key or (None, None)
        number = self.turn.quarantine_id + len(self.quarantined) + 1
        self.quarantined.append((arrival, number, reasons))
        self.receipts.append(Receipt(source, id_, "quarantined", quarantine_id=number, reasons=tuple(reasons)))


def _conflict(event: Event, first: Known) -> Reason:
    return Reason(
        "conflict",
        "",
        event.id,
        f"position {first.position} has this source and id with another content; send a new id, or a correction",
    )
