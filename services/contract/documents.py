"""The contract with registries and consumers: AsyncAPI 3 and JSON Schemas, made from the domain's models.

Sources: AsyncAPI 3.0.0; JSON Schema 2020-12; CloudEvents 1.0.2 (JSON format, Kafka and HTTP protocol bindings). The
files in deploy/contract are these documents: `python -m services.contract.documents deploy/contract` writes them anew.
"""

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from domain.events.envelope import EVENT_BYTES_MAX
from domain.events.types import EVENT_TYPES
from domain.ledger.entities import Attributes
from domain.ledger.rows import Row
from domain.values.fields import Data
from domain.values.terms import BODY_KINDS, MEASURES
from services.contract.event_schema import DIALECT, Document, event_schema
from services.fieldwork import reminders
from services.log.messages import SIGNATURE_LENGTH_MAX

VERSION: Final = "1.0.0"
ASYNCAPI: Final = "asyncapi.json"
LEDGER: Final = "taizhang.ledger.v1"
REMINDERS: Final = "taizhang.reminders.v1"


def ledger_schema() -> Document:
    """The JSON Schema of one message of the ledger's topic and of the stream: a row, or null for none."""
    row = _object_of(Row)
    row["properties"]["attributes"] = _object_of(Attributes)
    body = {"type": ["string", "null"], "description": "an identifier; none where it was said to have none"}
    row["properties"]["bodies"] = {
        "type": "object", "properties": dict.fromkeys(BODY_KINDS, body), "required": list(BODY_KINDS),
        "additionalProperties": False,
    }  # fmt: skip
    return {
        "$schema": DIALECT,
        "$id": f"{LEDGER}.json",
        "title": LEDGER,
        "type": "object",
        "properties": {
            "org": {"type": "string"},
            "position": {"type": "integer", "minimum": 0, "description": "the log's position that the row is known at"},
            "as_of": {"type": "string", "format": "date", "description": "the date at whose end it holds"},
            "row": {"anyOf": [row, {"type": "null"}]},
        },
        "required": ["org", "position", "as_of", "row"],
        "additionalProperties": False,
    }


def reminder_schema() -> Document:
    """The JSON Schema of one message of the reminders' topic: a CloudEvent that says what is due, where and when."""
    text, day = {"type": "string"}, {"type": "string", "format": "date"}
    count = {"type": "integer", "minimum": 0}
    data = {
        "org": text, "name": text, "region": text, "measure": {"enum": list(MEASURES)},
        "office": {"type": ["string", "null"]}, "opened_on": day, "due_on": day, "overdue_days": count,
        "as_of": day, "known_at": count,
    }  # fmt: skip
    properties = {
        "specversion": {"const": "1.0"}, "source": {"const": reminders.SOURCE}, "type": {"enum": list(reminders.TYPES)},
        "id": {"type": "string", "description": "the same for the same measure, due date and type: told once"},
        "subject": {"type": "string", "description": "the organization"},
        "time": {"type": "string", "format": "date-time"}, "datacontenttype": {"const": "application/json"},
        "data": {"type": "object", "properties": data, "required": list(data), "additionalProperties": False},
    }  # fmt: skip
    return {
        "$schema": DIALECT,
        "$id": f"{REMINDERS}.json",
        "title": REMINDERS,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _object_of(named_tuple: Any) -> Document:  # noqa: ANN401 - one of the domain's named tuples
    """The schema of a named tuple that is shown as an object."""
    types = {name: type_ for name, type_ in named_tuple.__annotations__.items() if type_ is not Attributes}
    properties = {name: TypeAdapter(type_).json_schema() for name, type_ in types.items()}
    required = list(named_tuple._fields)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _message(type_: str, model: type[Data]) -> Document:
    key = f"its subject: the data's {model.identifier}" if model.identifier else "any"
    return {
        "name": type_,
        "title": type_,
        "contentType": "application/cloudevents+json; charset=UTF-8",
        "headers": _SIGNED,
        "payload": {"$ref": f"schemas/{type_}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


_SIGNED: Final[Document] = {
    "type": "object",
    "properties": {
        "event-signature": {
            "type": "string",
            "maxLength": SIGNATURE_LENGTH_MAX,
            "description": (
                "A detached JWS over the exact bytes of the event (RFC 7515 appendix F, or RFC 7797 with b64 false), "
                "Ed25519 (or EdDSA) or ES256, in structured mode only; `kid`, if any, is its RFC 7638 thumbprint "
                "or the name that the key was registered with. Required once a key is registered for the source. Over "
                "HTTP one for each event, in order, with commas "
                "between"
            ),
        }
    },
}


def _ledger_message() -> Document:
    headers = {
        "type": "object",
        "properties": {
            "position": {"type": "string", "pattern": "^[0-9]+$"},
            "as_of": {"type": "string", "format": "date"},
            "version": {
                "type": "string",
                "description": "the version of the ledger that gave the row: a rebuild by other rules has another, and "
                "sends what differs",
            },
        },
        "required": ["position", "as_of", "version"],
    }
    return {
        "name": LEDGER,
        "title": "An organization's current row; a null value where it is no longer active",
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"schemas/{LEDGER}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "the organization"}}},
    }


def _reminder_message() -> Document:
    return {
        "name": REMINDERS,
        "title": "A measure that is due within 30 days, or overdue",
        "contentType": "application/cloudevents+json; charset=UTF-8",
        "payload": {"$ref": f"schemas/{REMINDERS}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "the office, or else the organization"}}},
    }


@lru_cache(maxsize=1)
def documents() -> dict[str, Document]:
    """All documents by file name: the AsyncAPI document, and the schemas that it refers to."""
    found = {f"schemas/{type_}.json": event_schema(type_) for type_ in EVENT_TYPES}
    found[f"schemas/{LEDGER}.json"] = ledger_schema()
    found[f"schemas/{REMINDERS}.json"] = reminder_schema()
    return {ASYNCAPI: asyncapi(), **found}


def asyncapi() -> Document:
    """The AsyncAPI document: what registries publish, over Kafka and HTTP alike, and what is published to others."""
    messages = {type_: _message(type_, model) for type_, model in EVENT_TYPES.items()}
    upstream = {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "台账 Taizhang",
            "version": VERSION,
            "license": {"name": "Apache-2.0"},
            "description": (
                "Registries publish CloudEvents 1.0, in structured mode or in binary mode (headers ce_…), keyed by "
                f"subject; an event has at most {EVENT_BYTES_MAX} bytes. Order and repeats do no harm. What breaks a "
                "rule is kept in quarantine with its reasons. Consumers read the ledger's changes; the last message "
                "of each key is the organization's current row."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": "taizhang.events",
                "title": "事件 What registries publish; the operator names the topics",
                "messages": upstream,
            },
            "ledger": {
                "address": LEDGER,
                "title": "台账 The current ledger",
                "description": "Compacted, and sent in transactions: a consumer reads with isolation.level "
                "read_committed. Others see what a relay that was overtaken had sent and never committed.",
                "messages": {LEDGER: {"$ref": f"#/components/messages/{LEDGER}"}},
                "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": ["compact"]}}},
            },
            "reminders": {
                "address": REMINDERS,
                "title": "到期提醒 Measures due soon and overdue",
                "messages": {REMINDERS: {"$ref": f"#/components/messages/{REMINDERS}"}},
            },
        },
        "operations": {
            "receiveEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}},
            "sendLedger": {"action": "send", "channel": {"$ref": "#/channels/ledger"}},
            "sendReminders": {"action": "send", "channel": {"$ref": "#/channels/reminders"}},
        },
        "components": {"messages": {**messages, LEDGER: _ledger_message(), REMINDERS: _reminder_message()}},
    }


def as_text(document: Document) -> str:
    """A document as its file has it."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write(folder: Path) -> None:
    """Write every document under a folder."""
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for name, document in documents().items():
        (folder / name).write_text(as_text(document), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
