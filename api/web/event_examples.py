"""The request body of `POST /v1/events` in the OpenAPI document, with examples that work when pasted."""

from typing import Any, Final

from domain.events.envelope import TYPE_LENGTH_MAX
from domain.events.types import EVENT_TYPES
from services.contract.event_schema import EXTENSIONS, attributes, of_text

REGISTERED: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "example-1",
    "source": "/registry/market",
    "type": "taizhang.organization.registered.v1",
    "time": "2024-01-05T09:00:00+08:00",
    "data": {
        "effective_on": "2024-01-05",
        "org": "uscc:9151010452601815XG",
        "kind": "new_economic",
        "category": "private_enterprise",
        "name": "甲科技有限公司",
        "region": "510104",
        "industry": "I64",
        "employees": 80,
    },
}
FORMED: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "example-2",
    "source": "/registry/branches",
    "type": "taizhang.branch.formed.v1",
    "time": "2024-03-01T09:00:00+08:00",
    "data": {
        "effective_on": "2024-03-01",
        "branch": "branch:example-1",
        "name": "甲科技有限公司党支部",
        "tier": "branch",
        "formation": "standalone",
        "region": "510104",
        "covers": ["uscc:9151010452601815XG"],
    },
}

EVENT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A CloudEvents 1.0 event (spec/events.md). `data` depends on the type.",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        **attributes(),
        "type": {"type": "string", "maxLength": TYPE_LENGTH_MAX, "enum": sorted(EVENT_TYPES)},
        "data": {"type": "object", "description": "Unknown fields are refused"},
    },
    **EXTENSIONS,
}
of_text(EVENT_SCHEMA)
_BATCH_SCHEMA: Final[dict[str, Any]] = {"type": "array", "items": EVENT_SCHEMA, "maxItems": 10_000}

_ONE: Final = {"registered": {"summary": "An organization is registered", "value": REGISTERED}}
_BATCH: Final = {"batch": {"summary": "An organization and its branch", "value": [REGISTERED, FORMED]}}

REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/cloudevents+json": {"schema": EVENT_SCHEMA, "examples": _ONE},
        "application/cloudevents-batch+json": {"schema": _BATCH_SCHEMA, "examples": _BATCH},
        "application/json": {"schema": {"oneOf": [EVENT_SCHEMA, _BATCH_SCHEMA]}, "examples": _ONE | _BATCH},
    },
}
