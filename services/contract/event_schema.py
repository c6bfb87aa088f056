"""The JSON Schema of one event of a type (JSON Schema 2020-12; CloudEvents 1.0.2, JSON format).

Schema and intake agree: what intake takes the schema takes, and what the schema takes intake refuses for nothing but
what `BEYOND_SCHEMA` names (tests/unit/test_contract_agrees.py).
"""

from typing import Any, Final

from domain.events.envelope import EVENT_BYTES_MAX, MEMBERS_MAX
from domain.events.types import CORRECTED, EVENT_TYPES
from domain.values.attributes import (
    ABSOLUTE_URI_PATTERN,
    EXTENSION_INTEGER_MAX,
    EXTENSION_INTEGER_MIN,
    EXTENSION_LENGTH_MAX,
    EXTENSION_NAME_PATTERN,
    JSON_TYPE_PATTERN,
    MEDIA_TYPE_LENGTH_MAX,
    TEXT_PATTERN,
    URI_LENGTH_MAX,
    URI_REFERENCE_PATTERN,
)
from domain.values.fields import IDENTITY_LENGTH_MAX, NOT_BLANK_PATTERN, SOURCE_LENGTH_MAX
from domain.values.instants import INSTANT_PATTERN
from domain.values.strict_json import DEPTH_MAX, INTEGER_MAX

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Document = dict[str, Any]


#: What an event may hold beside what CloudEvents names, and how many attributes in all.
EXTENSIONS: Final[Document] = {
    "propertyNames": {"pattern": EXTENSION_NAME_PATTERN},
    "additionalProperties": {
        "type": ["string", "integer", "boolean", "null"], "maxLength": EXTENSION_LENGTH_MAX,
        "minimum": EXTENSION_INTEGER_MIN, "maximum": EXTENSION_INTEGER_MAX,
    },
    "maxProperties": MEMBERS_MAX,
}  # fmt: skip


def attributes() -> Document:
    """By name the schema of each attribute that is the same for every type."""
    text: Document = {"minLength": 1, "maxLength": IDENTITY_LENGTH_MAX}
    return {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", **text},
        "source": {
            "type": "string", "format": "uri-reference", "pattern": URI_REFERENCE_PATTERN,
            "minLength": 1, "maxLength": SOURCE_LENGTH_MAX,
        },
        "time": {"type": "string", "format": "date-time", "pattern": f"^(?:{INSTANT_PATTERN})$"},
        "datacontenttype": {
            "type": ["string", "null"], "pattern": JSON_TYPE_PATTERN, "maxLength": MEDIA_TYPE_LENGTH_MAX,
        },
        "dataschema": {
            "type": ["string", "null"], "format": "uri", "pattern": ABSOLUTE_URI_PATTERN, "maxLength": URI_LENGTH_MAX,
        },
        "subject": {"type": ["string", "null"], **text},
    }  # fmt: skip


def event_schema(type_: str) -> Document:
    """The JSON Schema of a whole event of a type. What it cannot say, such as check characters, intake checks."""
    model = EVENT_TYPES[type_]
    data = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions = data.pop("$defs", {})
    if type_ == CORRECTED:
        data["properties"]["replacement"] = {"$ref": "#/$defs/AnyObject", "description": "fits the target's type"}
        definitions |= _ANY
    properties = {**attributes(), "type": {"const": type_}, "data": data}
    if model.identifier is not None:
        properties["subject"]["description"] = f"equals the data's {model.identifier}, where present"
    schema: Document = {
        "$schema": DIALECT,
        "$id": f"{type_}.json",
        "title": type_,
        "type": "object",
        "properties": properties,
        "required": ["specversion", "id", "source", "type", "time", "data"],
        **EXTENSIONS,
        "description": "An attribute that is null counts as left out. Beside what stands here intake checks: "
        + BEYOND_SCHEMA,
    }  # fmt: skip
    if definitions:
        schema["$defs"] = definitions
    of_text(schema)
    return schema


BEYOND_SCHEMA: Final = (
    "check characters of codes; personal identifiers in pseudonyms; fields that must agree with each other, and the "
    "subject with the data; an instant's offset at the bounds, and that a leap second ends a month in UTC; code points "
    "beyond U+FFFF that are no characters; what stands in an IP literal; what JSON itself leaves "
    f"open: no name twice in an object, nesting of {DEPTH_MAX}, {EVENT_BYTES_MAX} bytes"
)
# Any JSON that can be kept.
_ANY: Final[Document] = {
    "AnyObject": {"type": "object", "propertyNames": {}, "additionalProperties": {"$ref": "#/$defs/Any"}},
    "Any": {
        "anyOf": [
            {"type": "string"},
            {"type": "number", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
            {"type": ["boolean", "null"]},
            {"type": "array", "items": {"$ref": "#/$defs/Any"}},
            {"$ref": "#/$defs/AnyObject"},
        ]
    },
}


def of_text(schema: Any) -> None:  # noqa: ANN401 - any part of a schema
    """Say of every string that it is text, and of every whole number that it is one that readers keep."""
    if isinstance(schema, list):
        for each in schema:
            of_text(each)
    if isinstance(schema, dict):
        for name, each in schema.items():
            if name == "propertyNames" and "enum" not in each:
                each.setdefault("pattern", TEXT_PATTERN)
            elif name != "pattern":
                of_text(each)
        _of_value(schema)


def _of_value(schema: Document) -> None:
    types = schema.get("type")
    if types == "string" or (isinstance(types, list) and "string" in types):
        if schema.get("pattern") == NOT_BLANK_PATTERN:
            schema["allOf"] = [{"pattern": TEXT_PATTERN}]
        elif not schema.keys() & {"enum", "const"}:
            schema.setdefault("pattern", TEXT_PATTERN)
    if types == "integer" and "const" not in schema:
        schema.setdefault("maximum", INTEGER_MAX)
