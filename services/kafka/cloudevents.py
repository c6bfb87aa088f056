"""A Kafka record as a message for intake, by the Kafka protocol binding for CloudEvents 1.0.2.

Structured mode: the value is a whole event. Binary mode: the value is the event's data, each attribute a header `ce_…`.
The binding has no batch mode. Never fails: what is wrong with a record becomes a reason to set it aside.
"""

from typing import Final, Protocol

from domain.values.attributes import means_json
from domain.values.reasons import Reason
from services.log.messages import Message, Publisher

KEY_LENGTH_MAX: Final = 128
# The header with a detached JWS over the record's value.
SIGNATURE: Final = "event-signature"

_PREFIX: Final = "ce_"
_STRUCTURED: Final = "application/cloudevents"
_STRUCTURED_JSON: Final = "application/cloudevents+json"
_JSON: Final = "application/json"

Headers = list[tuple[str, bytes | None]]


class Record(Protocol):
    """What is used of the client's record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


def publisher_of(topic: str) -> Publisher:
    """Who publishes on a topic: the broker decides who may write there, the grants to `kafka:` and its name what."""
    return Publisher(f"kafka:{topic}", (), by_name=True)


def to_message(record: Record, publisher: Publisher) -> Message:
    """Turn a record into a message whose coordinates are its topic, partition and offset.

    A key that the event does not name stays in the coordinates: the ledger does not depend on the order that keys
    give, but whoever looks for the cause of a skewed partition does.
    """
    raw, key = record.value, record.key
    refused: tuple[Reason, ...] = ()
    if raw is None:
        raw = b""
        refused = (Reason("null_value", "", None, "a record has a value; a retraction is an event.retracted"),)
    attributes: dict[str, str] | None = None
    if record.headers:
        attributes, faults = _read_headers(record.headers)
        refused += faults
    intake: dict[str, str | int] = {
        "channel": "kafka",
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    if key is not None and not _names(raw, attributes, key):
        # PostgreSQL's JSON functions stop at U+0000.
        intake["key"] = _text(key)[0].replace("\0", "\\x00")[:KEY_LENGTH_MAX]
    signature = next((value for name, value in record.headers or () if name.lower() == SIGNATURE and value), None)
    signed = None if signature is None else _text(signature)[0]
    return Message(raw, intake, publisher, attributes, refused, signed)


def _names(raw: bytes, attributes: dict[str, str] | None, key: bytes) -> bool:
    if attributes is not None and attributes.get("subject", "").encode() == key:
        return True
    return b'"' + key + b'"' in raw


def _read_headers(headers: Headers) -> tuple[dict[str, str] | None, tuple[Reason, ...]]:
    """Binary mode's attributes (None in structured mode), and what is wrong with the headers."""
    content_type = next((value for name, value in headers if name.lower() == "content-type" and value), b"")
    media_type = _text(content_type)[0].strip().lower()
    essence = media_type.partition(";")[0].strip()
    if media_type.startswith(_STRUCTURED):
        if essence == _STRUCTURED_JSON:
            return None, ()
        rule = f"content-type is {_STRUCTURED_JSON} in structured mode; Kafka has no batch mode"
        return None, (Reason("content_mode", "", essence, rule),)
    if not any(name.startswith(_PREFIX) for name, _ in headers):
        # Nothing says which mode it is. A bare event is structured mode without its optional header.
        return None, ()
    attributes, faults = _read_attributes(headers)
    # The binding's header for datacontenttype is content-type; senders that name it as an attribute too must agree.
    if media_type and means_json(attributes.get("datacontenttype", _JSON)):
        attributes["datacontenttype"] = _text(content_type)[0].strip()
    return attributes, faults


def _read_attributes(headers: Headers) -> tuple[dict[str, str], tuple[Reason, ...]]:
    attributes: dict[str, str] = {}
    faults = []
    for header, value in headers:
        if not header.startswith(_PREFIX) or value is None:
            continue
        name = header.removeprefix(_PREFIX)
        text, is_utf8 = _text(value)
        if not is_utf8:
            faults.append(Reason("header_not_utf8", f"/{name}", text, "a header's value is UTF-8"))
        if name in attributes:
            faults.append(Reason("header_repeated", f"/{name}", text, "an attribute has one header"))
        if name == "data":
            faults.append(Reason("header_data", "/data", None, "in binary mode the record's value is the data"))
        else:
            attributes[name] = text
    return attributes, tuple(faults)


def _text(value: bytes) -> tuple[str, bool]:
    r"""The text of some bytes and whether they were UTF-8; what is not shows as `\x…`."""
    try:
        return value.decode(), True
    except UnicodeDecodeError:
        return value.decode(errors="backslashreplace"), False
