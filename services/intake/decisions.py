"""Which disposition a message gets (spec/events.md, Identity, Dispositions and the rules under Types).

Decisions of one batch are taken in order while nobody else can append, so that each sees what those before it did.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.events.access import FAMILY
from domain.events.envelope import check_data, effective_on
from domain.events.facts import Event, EventKey, subject_of
from domain.events.types import CORRECTED, RANKS
from domain.tree.leaf import LeafError, leaf
from domain.tree.merkle import leaf_hash
from domain.values.reasons import Reason
from domain.values.scope import in_scope
from services.log.messages import Arrival, Receipt
from services.log.recorder import Entry, Known, LogRecorder, Turn, originator_bytes
from services.log.signatures import SigningKeys


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


def begin(recorder: LogRecorder, cursor: Cursor[TupleRow], turn: Turn, arrivals: Sequence[Arrival]) -> "Decisions":
    """The decisions of a batch, none taken yet; the turn holds the log's gate."""
    recorder.signing_keys.follow(cursor)
    return Decisions(turn, recorder.known(cursor, names_to_know(arrivals)), recorder.signing_keys)


@dataclass(slots=True)
class Decisions:
    """The decisions of one batch, taken one by one.

    `known` is what the log has under the names that matter; accepted events are added to it. `signing_keys` are those
    registered until now. `duplicates` and
    `quarantined` are to be recorded, `receipts` to be answered, all in order of arrival.
    """

    turn: Turn
    known: dict[EventKey, Known]
    signing_keys: SigningKeys
    accepted: int = 0
    duplicates: list[tuple[Arrival, int]] = field(default_factory=list)
    quarantined: list[tuple[Arrival, int, Sequence[Reason]]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def take(self, arrivals: Iterable[Arrival]) -> Iterator[Entry]:
        """Decide messages in order; give the entries of those that are accepted, each once it is decided."""
        for arrival in arrivals:
            entry = self._decide(arrival)
            if entry is not None:
                yield entry

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
        elif reason := _forbidden(arrival, event) or self.signing_keys.fault(event.source, arrival.message):
            self._quarantine(arrival, (reason,))
        elif reasons := self._unfit(event):
            self._quarantine(arrival, reasons)
        else:
            return self._accept(arrival, event)
        return None

    def _unfit(self, event: Event) -> list[Reason]:
        """Why a word about another event does not fit its target, where that is known to be a fact."""
        if event.is_fact:
            return []
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

    def _accept(self, arrival: Arrival, event: Event) -> Entry | None:
        message, turn = arrival.message, self.turn
        position = turn.position + self.accepted + 1
        raw_sha256 = hashlib.sha256(message.raw).digest()
        content_sha256 = arrival.reading.content_sha256
        assert content_sha256 is not None  # noqa: S101  # an event that could be read has one
        try:
            bytes_ = leaf(
                position, event.source, event.id, raw_sha256, turn.now, message.publisher.name,
                arrival.intake_json.decode(),
            )  # fmt: skip
        except LeafError as error:
            self._quarantine(arrival, (Reason("leaf", "", None, str(error)),))
            return None
        self.accepted += 1
        self.known[event.key] = Known(position, content_sha256, event.type)
        self.receipts.append(Receipt(event.source, event.id, "accepted", position, warnings=arrival.reading.warnings))
        return Entry(
            originator_bytes(event.key), 1, event.type, message.raw, position, event.source, event.id,
            subject_of(event.type, event.data) if event.is_fact else None, effective_on(event),
            turn.now, message.publisher.name, arrival.intake_json, raw_sha256, content_sha256, leaf_hash(bytes_),
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


def _forbidden(arrival: Arrival, event: Event) -> Reason | None:
    """Whether the publisher may not say this: each for its sources, a steward also of others' events."""
    publisher = arrival.message.publisher
    if publisher.sources is not None and event.source not in publisher.sources:
        return Reason(
            "source_of_another_publisher",
            "/source",
            event.source,
            f"publisher {publisher.name} may not speak for this source; have it added to the publisher's sources",
        )
    if event.type.startswith(FAMILY) and not publisher.administrator:
        return Reason(
            "administrator_only", "/type", event.type, "access is granted and revoked by administrators (/v1/access)"
        )
    outside = next((region for region in _regions(event.data) if not in_scope(region, publisher.scope)), None)
    if outside is not None:
        return Reason(
            "region_of_another_office",
            "/data",
            outside,
            f"publisher {publisher.name} may speak of {', '.join(publisher.scope or ())} only; leave it to its office",
        )
    if event.is_fact or publisher.steward or event.target[0] == event.source:
        return None
    return Reason(
        "not_the_targets_source",
        "/data/corrects/source" if event.type == CORRECTED else "/data/retracts/source",
        event.target[0],
        "a correction or retraction comes from its target's own source, or from a steward",
    )


def _regions(data: Mapping[str, Any]) -> Iterator[str]:
    """The regions that data names, a correction's replacement too."""
    for name, value in data.items():
        if name == "region" and isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _regions(value)


def _conflict(event: Event, first: Known) -> Reason:
    return Reason(
        "conflict",
        "",
        event.id,
        f"position {first.position} has this source and id with another content; send a new id, or a correction",
    )
