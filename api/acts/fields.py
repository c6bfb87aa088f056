"""The fields of a form, made from the model of a type's data: a new type has its form by being a type.

Read from the JSON Schema that pydantic makes of the model, which is the published contract's too; what the model says
beyond it is checked once the form is sent, by the model itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from domain.events.types import CORRECTED, EVENT_TYPES
from domain.values.codes import REGION_PATTERN

# What stands for a field on the page: several fields of one line each for `lines` and `map`, a table for `rows`, a
# group of fields for `part`.
Sort = Literal["text", "date", "number", "flag", "choice", "choices", "lines", "map", "rows", "part"]
Document = Mapping[str, Any]

DATA: Final = "data"
# Longer ones are texts to be written, shorter ones are names.
_LONG: Final = 500
# What the page never asks: whether the owner of an organization is a member (spec/events.md, What no event carries).
NEVER_ASKED: Final = {"taizhang.visit.made.v1": frozenset({"data.findings.owner.value"})}
# Which optional fields a null empties; elsewhere null says nothing, or is refused.
EMPTIED: Final = {
    "taizhang.organization.changed.v1": frozenset({"industry", "employees", "supervisor", "address"}),
    "taizhang.branch.changed.v1": frozenset({"parent"}),
    "taizhang.body.changed.v1": frozenset({"parent"}),
}
_NAMED: Final = re.compile(r"\^\(?([a-z]+):")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes:
        path: where it stands in the event, as `data.findings.employees.value`; the name of its control.
        sort: how it is asked for.
        required: it stands in every event of the type.
        nullable: it may be null; of a required one that is what an empty control says.
        can_empty: a null empties what the ledger has.
        options: of a choice, its values.
        family: of an identifier or code, which one: org, branch, region, industry and so on.
        low, high: the bounds of a number.
        length: the most characters of a text.
        items: the most items of a list.
        parts: of a part its fields; of rows those of each.
        plain: of rows: one that has its first part alone stands as that value by itself.
        depth: of a map: how many keys lead to a value.
        whole: of a map: its values are whole numbers.
    """

    path: str
    sort: Sort
    required: bool
    nullable: bool = False
    can_empty: bool = False
    options: tuple[str, ...] = ()
    family: str | None = None
    low: int | None = None
    high: int | None = None
    length: int | None = None
    items: int | None = None
    parts: tuple["Field", ...] = ()
    plain: bool = False
    depth: int = 1
    whole: bool = False

    @property
    def name(self) -> str:
        """Its own name, without what it stands in."""
        return self.path.rpartition(".")[2]

    @property
    def is_long(self) -> bool:
        """Whether it is a text to be written, not a name."""
        return self.length is not None and self.length >= _LONG


@cache
def fields_of(type_: str, target: str | None = None) -> tuple[Field, ...]:
    """The fields of a type's data, those that must be given first; `target` is the type that a correction is of."""
    found = _of_model(type_, DATA)
    if type_ == CORRECTED and target is not None:
        replaced = Field(f"{DATA}.replacement", "part", required=True, parts=_of_model(target, f"{DATA}.replacement"))
        found = tuple(replaced if each.path == replaced.path else each for each in found)
    return found


def _of_model(type_: str, path: str) -> tuple[Field, ...]:
    schema = EVENT_TYPES[type_].model_json_schema(ref_template="{model}")
    parts = _parts(schema, schema.get("$defs", {}), path, EMPTIED.get(type_, frozenset()))
    return _asked(parts, frozenset(each.replace(DATA, path, 1) for each in NEVER_ASKED.get(type_, ())))


def _asked(fields: Sequence[Field], never: frozenset[str]) -> tuple[Field, ...]:
    """These fields without those that are never asked."""
    kept = (each for each in fields if each.path not in never)
    return tuple(replace(each, parts=_asked(each.parts, never)) if each.parts else each for each in kept)


def _parts(schema: Document, known: Document, path: str, emptied: frozenset[str]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    found = [
        _field(f"{path}.{name}", each, known, required=name in required, can_empty=name in emptied)
        for name, each in schema["properties"].items()
    ]
    # The date first, as on every paper form; then what must be said.
    return tuple(sorted(found, key=lambda each: (each.name != "effective_on", not each.required)))


def _field(path: str, schema: Document, known: Document, *, required: bool, can_empty: bool = False) -> Field:
    told = _resolved(schema, known)
    choices = [_resolved(each, known) for each in told.get("anyOf", [told])]
    stated = [each for each in choices if each.get("type") != "null"]
    nullable = len(stated) < len(choices)
    own = stated[0]
    if own.get("type") == "array":
        return _list(path, own, known, required=required, nullable=nullable)
    if own.get("type") == "object":
        return _object(path, own, known, required=required, nullable=nullable)
    field = Field(path, "text", required, nullable, can_empty)
    if own.get("type") == "boolean":
        return replace(field, sort="flag")
    if own.get("type") == "integer":
        return replace(field, sort="number", low=own.get("minimum"), high=own.get("maximum"))
    if "enum" in own:
        return replace(field, sort="choice", options=tuple(own["enum"]))
    sort: Sort = "date" if own.get("format") == "date" else "text"
    return replace(field, sort=sort, family=_family(own), length=own.get("maxLength"))


def _list(path: str, schema: Document, known: Document, *, required: bool, nullable: bool) -> Field:
    items, most = _resolved(schema["items"], known), schema.get("maxItems")
    choices = [_resolved(each, known) for each in items.get("anyOf", [items])]
    whole = next((each for each in choices if "properties" in each), None)
    if whole is not None:
        parts = _parts(whole, known, f"{path}.*", frozenset())
        return Field(path, "rows", required, nullable, items=most, parts=parts, plain=len(choices) > 1)
    if "enum" in items:
        return Field(path, "choices", required, nullable, options=tuple(items["enum"]), items=most)
    return Field(path, "lines", required, nullable, family=_family(items), length=items.get("maxLength"), items=most)


def _object(path: str, schema: Document, known: Document, *, required: bool, nullable: bool) -> Field:
    if "properties" in schema:
        return Field(path, "part", required, nullable, parts=_parts(schema, known, path, frozenset()))
    keys, values = schema.get("propertyNames", {}), schema.get("additionalProperties")
    depth = 1
    value = _resolved(values, known) if isinstance(values, Mapping) else {}
    if "properties" in value and "enum" in keys:
        # Several things said of each of a few: a group of fields for each, left out where nothing is entered.
        each = [f"{path}.{key}" for key in keys["enum"]]
        parts = [Field(at, "part", required=False, parts=_parts(value, known, at, frozenset())) for at in each]
        return Field(path, "part", required, nullable, parts=tuple(parts))
    while value.get("type") == "object":
        depth, value = depth + 1, _resolved(value["additionalProperties"], known)
    return Field(
        path, "map", required, options=tuple(keys.get("enum", ())), items=schema.get("maxProperties"), depth=depth,
        whole=value.get("type") == "integer", family="region" if _region_keys(schema) else None,
    )  # fmt: skip


def _region_keys(schema: Document) -> bool:
    return REGION_PATTERN in schema.get("patternProperties", {})


def _resolved(schema: Document, known: Document) -> Document:
    """The schema that a reference means, if it is one."""
    named = schema.get("$ref")
    return schema if named is None else known[named]


def _family(schema: Document) -> str | None:
    pattern = str(schema.get("pattern", ""))
    if pattern == REGION_PATTERN:
        return "region"
    if pattern.startswith("^(uscc:"):
        return "org"
    if pattern.startswith("^[A-T]"):
        return "industry"
    named = _NAMED.match(pattern)
    return None if named is None else named[1]


def every(fields: Sequence[Field]) -> list[Field]:
    """All of them and their parts, each before what stands in it."""
    return [inner for each in fields for inner in (each, *every(each.parts))]
