"""What arrives, who sent it, and what became of it (spec/events.md, Dispositions)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import orjson

from domain.access.rights import Right
from domain.events.envelope import Reading, read_event
from domain.events.facts import EventKey
from domain.values.fields import IDENTITY_LENGTH_MAX, SOURCE_LENGTH_MAX
from domain.values.reasons import Reason

# Longer than any that the library reads.
SIGNATURE_LENGTH_MAX: Final = 2_048

Disposition = Literal["accepted", "duplicate", "quarantined"]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who sent a message, and by which rights: one of them must allow all of an event by itself.

    `by_name`: whatever is granted in the log to this name is among them, as it is at the event's position.
    """

    name: str
    rights: tuple[Right, ...] = (Right(),)
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came in.

    Attributes:
        raw: the bytes as received: a whole event (structured mode) or its data (binary mode).
        intake: where it came in, as JSON: `channel` (http, kafka or redrive) and the channel's coordinates, of strings,
            integers, booleans and null: Kafka's `topic`, `partition` and `offset`; HTTP's `request` and `index`.
        publisher: who sent it.
        attributes: binary mode's CloudEvents attributes, without their prefix; None in structured mode. They are
            recorded in the intake's coordinates, since they are a part of the event.
        refused: what the channel itself has against it.
        signature: a detached JWS over `raw`, if it came with one; recorded in the intake's coordinates as `jws`.
    """

    raw: bytes
    intake: Mapping[str, Any]
    publisher: Publisher
    attributes: Mapping[str, str] | None = None
    refused: tuple[Reason, ...] = ()
    signature: str | None = None


class Receipt(NamedTuple):
    """What became of one message.

    `position` is where the event is in the log: its own if accepted, the first one's if a duplicate. `quarantine_id`
    and `reasons` come with quarantined. `source` and `id` are None where they couldn't be read.
    """

    source: str | None
    id: str | None
    disposition: Disposition
    position: int | None = None
    quarantine_id: int | None = None
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


class Place(NamedTuple):
    """The row of the tally in which a message is counted."""

    source: str | None
    channel: str
    topic: str | None
    partition: int | None


class Arrival(NamedTuple):
    """A message and what it says.

    `key` is its source and id where both can be read, `intake` the coordinates with binary mode's attributes,
    `intake_json` the same as JSON text, in canonical form (RFC 8785) where there is an event.
    """

    message: Message
    reading: Reading
    key: EventKey | None
    intake: Mapping[str, Any]
    intake_json: bytes
    reasons: tuple[Reason, ...]

    @property
    def place(self) -> tuple[str | None, str, str | None, int | None]:
        """Where it is counted, a `Place`; each event under the source that it names."""
        intake = self.intake
        source = self.key[0] if self.key else None
        return (source, intake["channel"], intake.get("topic"), intake.get("partition"))


_UNTEXT: Final = Reading(
    None,
    None,
    None,
    (Reason("attributes_not_text", "", None, "attributes are text without U+0000 or half of a surrogate pair"),),
)


# Of strings, integers, booleans and null under ASCII names this is the text of RFC 8785, as domain.tree.leaf wants it.
_CANONICAL: Final = orjson.OPT_SORT_KEYS


def arrive(message: Message) -> Arrival:
    """Read a message. It never fails: whatever is wrong with it is among the reasons."""
    attributes, intake = message.attributes, message.intake
    if message.signature is not None:
        intake = {**intake, "jws": _legible(message.signature)}
    if attributes is None:
        reading, intake_json = read_event(message.raw), orjson.dumps(intake, option=_CANONICAL)
    else:
        intake = {**intake, "attributes": dict(attributes)}
        if all(map(_is_text, attributes)) and all(map(_is_text, attributes.values())):
            reading, intake_json = read_event(message.raw, attributes), orjson.dumps(intake, option=_CANONICAL)
        else:
            reading, intake_json = _UNTEXT, json.dumps(intake).encode()
    reasons = message.refused + reading.reasons if message.refused else reading.reasons
    return Arrival(message, reading, _key(reading), intake, intake_json, reasons)


def _legible(signature: str) -> str:
    """A signature as it is recorded; one that holds, always so short and of these characters, is not changed."""
    return signature.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")[:SIGNATURE_LENGTH_MAX]


def _is_text(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _key(reading: Reading) -> EventKey | None:
    """The event's name, where it can be looked up and stored; a refused event may have any string there."""
    if reading.event is not None or reading.identity is None:
        return reading.identity
    source, id_ = reading.identity
    fits = len(source) <= SOURCE_LENGTH_MAX and len(id_) <= IDENTITY_LENGTH_MAX and _is_text(source) and _is_text(id_)
    return reading.identity if fits else None
