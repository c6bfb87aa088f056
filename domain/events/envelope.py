"""CloudEvents 1.0 in JSON: from bytes as received to an event, or to the reasons why not.

Sources: CloudEvents 1.0.2 core and JSON format; spec/events.md, first section.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from domain.events.assessment import SEALED
from domain.events.facts import Event
from domain.events.types import CORRECTED, EVENT_TYPES, RANKS, RETRACTED
from domain.values import codes
from domain.values.attributes import (
    EXTENSION_INTEGER_MAX,
    EXTENSION_INTEGER_MIN,
    EXTENSION_LENGTH_MAX,
    EXTENSION_NAME_LENGTH_MAX,
    TEXT_RULE,
    URI_LENGTH_MAX,
    is_absolute_uri,
    is_extension_name,
    is_extension_value,
    is_plain,
    is_text,
    is_uri_reference,
    means_json,
    unfit_character,
)
from domain.values.fields import IDENTITY_LENGTH_MAX, SOURCE_LENGTH_MAX, Data
from domain.values.instants import parse_instant
from domain.values.reasons import Reason, from_validation
from domain.values.strict_json import NotJsonError, read_json, strings

EVENT_BYTES_MAX: Final = 1 << 20
TYPE_LENGTH_MAX: Final = 100

_KNOWN: Final = frozenset(
    ("specversion", "id", "source", "type", "time", "subject", "data", "datacontenttype", "dataschema")
)
_REQUIRED: Final = ("specversion", "id", "source", "type", "time", "data")
#: All attributes, those that are null too, so that the published schema can say the same.
MEMBERS_MAX: Final = 29


@dataclass(frozen=True, slots=True)
class Reading:
    """What one message says.

    `event` is None when there are `reasons` against it. `identity` (source, id) and
    `content_sha256` stand whenever the bytes were JSON that names an event, so that a
    repeat is known as such even where its content would be refused today.
    """

    event: Event | None
    identity: tuple[str, str] | None
    content_sha256: bytes | None
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


def read_event(raw: bytes, attributes: Mapping[str, str] | None = None) -> Reading:
    """Read one message.

    Args:
        raw: the bytes as received: a whole event (structured mode), or its data (binary mode).
        attributes: binary mode's CloudEvents attributes by name, without the `ce_` prefix.
    """
    if len(raw) > EVENT_BYTES_MAX:
        return _refused(Reason("event_size", "", f"{len(raw)} bytes", f"an event has at most {EVENT_BYTES_MAX} bytes"))
    try:
        value = read_json(raw)
    except NotJsonError as error:
        return _refused(Reason(error.rule, "", error.value, str(error)))
    if attributes is not None:
        value = {**attributes, "data": value}
    if not isinstance(value, dict):
        kind = type(value).__name__
        return _refused(Reason("not_an_event", "", kind, "an event is one JSON object"))
    if len(value) > MEMBERS_MAX:
        rule = f"an event has at most {MEMBERS_MAX} attributes, extensions and those that are null too; leave some out"
        return _refused(Reason("extensions", "", len(value), rule))
    is_plain_text = attributes is None and is_plain(raw.decode())
    return _read_content(significant(value), is_plain_text=is_plain_text)


def significant(value: Mapping[str, Any]) -> dict[str, Any]:
    """The event without what says nothing: attributes that are null, and that its data is JSON."""
    # CloudEvents JSON format 2.2: an attribute that is null counts as left out. What is no attribute's name does not.
    content = {
        name: each
        for name, each in value.items()
        if each is not None or not (name in _KNOWN or is_extension_name(name))
    }
    declared = content.get("datacontenttype")
    if isinstance(declared, str) and means_json(declared):
        del content["datacontenttype"]
    return content


def _refused(*reasons: Reason) -> Reading:
    return Reading(None, None, None, reasons)


def _read_content(content: dict[str, Any], *, is_plain_text: bool) -> Reading:
    digest = content_sha256(content)
    reasons = _check_attributes(content) + ([] if is_plain_text else _check_texts(content))
    if reasons:
        return Reading(None, _identity(content, reasons), digest, tuple(reasons))
    source, event_id = identity = content["source"], content["id"]
    data, model = content["data"], EVENT_TYPES[content["type"]]
    reasons = check_data(content["type"], data) or _check_subject(content, data, model)
    if reasons:
        return Reading(None, identity, digest, tuple(reasons))
    event = Event(0, source, event_id, content["type"], parse_instant(content["time"]), data)
    return Reading(event, identity, digest, (), tuple(_warnings(data)))


def _identity(content: Mapping[str, Any], reasons: list[Reason]) -> tuple[str, str] | None:
    """The name of an event that has other faults; None if it can't be named."""
    source, event_id = content.get("source"), content.get("id")
    if not isinstance(source, str) or not isinstance(event_id, str) or any(r.at in ("/source", "/id") for r in reasons):
        return None
    return (source, event_id)


def content_sha256(content: Mapping[str, Any]) -> bytes:
    """SHA-256 of the event as parsed JSON: blind to key order and white space."""
    return hashlib.sha256(_CONTENT.encode(content).encode()).digest()


_CONTENT: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _check_attributes(content: Mapping[str, Any]) -> list[Reason]:
    missing = [name for name in _REQUIRED if name not in content]
    if missing:
        rule = "an event has the attribute {}"
        reasons = [Reason("attribute_missing", f"/{name}", None, rule.format(name)) for name in missing]
        return reasons + _check_extensions(content)
    reasons = []
    if content["specversion"] != "1.0":
        reasons.append(Reason("specversion", "/specversion", content["specversion"], 'specversion is "1.0"'))
    reasons += _check_string("id", content["id"], IDENTITY_LENGTH_MAX)
    source, type_ = content["source"], content["type"]
    reasons += _check_string("source", source, SOURCE_LENGTH_MAX) or _check_reference(source)
    if not (isinstance(type_, str) and type_ in EVENT_TYPES):
        reasons += _check_string("type", type_, TYPE_LENGTH_MAX)
        if not reasons:
            reasons.append(Reason("type_unknown", "/type", type_, "a type of spec/events.md"))
    reasons += _check_time(content["time"])
    if "datacontenttype" in content:
        rule = "data is JSON: application/json, or a type that ends in +json"
        reasons.append(Reason("datacontenttype", "/datacontenttype", content["datacontenttype"], rule))
    schema = content.get("dataschema", "urn:none")
    if not (isinstance(schema, str) and is_absolute_uri(schema)):
        rule = f"dataschema is an absolute URI (RFC 3986, 4.3) of at most {URI_LENGTH_MAX} characters, or is left out"
        reasons.append(Reason("dataschema", "/dataschema", schema, rule))
    if "subject" in content:
        reasons += _check_string("subject", content["subject"], IDENTITY_LENGTH_MAX)
    return reasons + _check_extensions(content)


def _check_string(name: str, value: object, length_max: int) -> list[Reason]:
    if not isinstance(value, str) or not 1 <= len(value) <= length_max:
        return [Reason(name, f"/{name}", value, f"{name} is a string of 1 to {length_max} characters")]
    return []


def _check_reference(value: str) -> tuple[Reason, ...]:
    if not is_uri_reference(value):
        return (Reason("source", "/source", value, "source is a URI reference (RFC 3986, 4.1)"),)
    return ()


def _check_texts(content: Mapping[str, Any]) -> list[Reason]:
    """Every string of the event, names of members too; the first that is no text is told, and where."""
    content = _of_one_line(content)
    if all(map(is_text, strings(content))):
        return []
    at, found = next(_unfit_texts(content, ""))
    return [Reason("text", at, unfit_character(found), TEXT_RULE)]


def _of_one_line(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with the lines of a sealed report's checkpoint as one: a signed note is of lines, nothing else is."""
    data, type_ = content.get("data"), content.get("type")
    if not isinstance(data, dict) or type_ not in (SEALED, CORRECTED):
        return content
    if type_ == SEALED:
        return {**content, "data": _note_of_one_line(data)}
    replacement = data.get("replacement")
    if not isinstance(replacement, dict) or "assessment" not in replacement:
        return content
    return {**content, "data": {**data, "replacement": _note_of_one_line(replacement)}}


def _note_of_one_line(data: Mapping[str, Any]) -> Mapping[str, Any]:
    note = data.get("checkpoint")
    return {**data, "checkpoint": note.replace("\n", "")} if isinstance(note, str) else data


def _unfit_texts(value: object, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if not is_text(value):
            yield at, value
    elif isinstance(value, dict):
        for name, each in value.items():
            if not is_text(name):
                yield at, name
            yield from _unfit_texts(each, f"{at}/{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unfit_texts(each, f"{at}/{index}")


def _check_time(value: object) -> list[Reason]:
    if not isinstance(value, str):
        return [Reason("time", "/time", value, "a time is a string, RFC 3339 with an offset")]
    try:
        parse_instant(value)
    except ValueError as error:
        return [Reason("time", "/time", value, str(error))]
    return []


def _check_extensions(content: Mapping[str, Any]) -> list[Reason]:
    if _KNOWN.issuperset(content):
        return []
    reasons = []
    for name in sorted(content.keys() - _KNOWN):
        value = content[name]
        if not is_extension_name(name):
            rule = f"an extension's name is 1 to {EXTENSION_NAME_LENGTH_MAX} of a-z 0-9; data goes under data"
            reasons.append(Reason("attribute_unknown", f"/{name[:EXTENSION_NAME_LENGTH_MAX]}", None, rule))
        elif not is_extension_value(value):
            rule = (
                f"an extension is a string of at most {EXTENSION_LENGTH_MAX} characters, true, false, or an integer "
                f"from {EXTENSION_INTEGER_MIN} to {EXTENSION_INTEGER_MAX}; send anything else as a string"
            )
            reasons.append(Reason("extension", f"/{name}", _brief(value), rule))
    return reasons


def _brief(value: object) -> object:
    return value if isinstance(value, int | float) else type(value).__name__


def check_data(type_: str, data: object) -> list[Reason]:
    """The reasons why `data` does not fit the type; none if it fits."""
    try:
        EVENT_TYPES[type_].model_validate(data)
    except ValidationError as error:
        return from_validation(error)
    if type_ == CORRECTED and _holds_person(data["replacement"]):  # type: ignore[index]  # a dict by the model
        return [Reason("personal_identifier", "/data/replacement", None, _PERSON_RULE)]
    return []


# By type of fact the fields that its data must have, and those that it may have: by them most types are told apart.
_FIELDS: Final = {
    type_: (frozenset(name for name, told in fields.items() if told.is_required()), frozenset(fields))
    for type_, fields in ((type_, EVENT_TYPES[type_].model_fields) for type_ in RANKS)
}


def types_of(data: Mapping[str, Any]) -> list[str]:
    """The types of facts that data fits."""
    names = data.keys()
    alike = (type_ for type_, (needed, known) in _FIELDS.items() if needed <= names <= known)
    return [type_ for type_ in alike if not check_data(type_, data)]


_PERSON_RULE: Final = "a resident identity number or a mobile number never enters the log; send a pseudonym"


def _holds_person(value: object) -> bool:
    """Whether a member or instructor anywhere in a replacement holds a personal identifier.

    A replacement's type is not known before its target is, so every string is looked at.
    """
    if isinstance(value, dict):
        return any(_holds_person(v) for v in value.values())
    if isinstance(value, list):
        return any(_holds_person(v) for v in value)
    return (
        isinstance(value, str)
        and value.startswith(("member:", "person:"))
        and codes.holds_personal_identifier(value.partition(":")[2])
    )


def _check_subject(content: Mapping[str, Any], data: Mapping[str, Any], model: type[Data]) -> list[Reason]:
    if model.identifier is None or "subject" not in content:
        return []
    expected = data[model.identifier]
    if content["subject"] == expected:
        return []
    rule = f"subject equals the data's {model.identifier}, or is left out"
    return [Reason("subject", "/subject", content["subject"], rule)]


def _warnings(data: Mapping[str, Any]) -> list[Reason]:
    warnings = []
    org, industry = data.get("org"), data.get("industry")
    if isinstance(org, str) and not codes.organization_code_check_holds(org):
        rule = "the GB 11714 check digit (17th character) does not hold; compare with the certificate"
        warnings.append(Reason("organization_code_check", "/data/org", org, rule))
    if isinstance(industry, str) and not codes.industry_division_holds(industry):
        rule = "the division is not one of the section's in GB/T 4754-2017"
        warnings.append(Reason("industry_division", "/data/industry", industry, rule))
    return warnings


def effective_on(event: Event) -> date | None:
    """The event's own effective date; None for a correction or retraction."""
    return None if event.type in (CORRECTED, RETRACTED) else event.effective_on
