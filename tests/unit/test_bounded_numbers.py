"""Every whole number that a caller may send has its bounds in the document, within what the database holds."""

from collections.abc import Iterator
from typing import Any

from api.app import create_app

DOCUMENT = create_app().openapi()
# As JSON's readers have it: the document's numbers are doubles.
INT64 = float(2**63 - 1)

Json = dict[str, Any]


def _sent() -> Iterator[tuple[str, Json]]:
    """Every schema of a parameter or of a JSON body, under the place that it has."""
    for path, calls in DOCUMENT["paths"].items():
        for method, call in calls.items():
            for each in call.get("parameters", []):
                yield from _parts(each["schema"], f"{method} {path} {each['in']}.{each['name']}", frozenset())
            for media_type, content in call.get("requestBody", {}).get("content", {}).items():
                if media_type == "application/json" or media_type.endswith("form-urlencoded"):
                    yield from _parts(content.get("schema", {}), f"{method} {path} body", frozenset())


def _parts(schema: Json, where: str, above: frozenset[str]) -> Iterator[tuple[str, Json]]:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        if name not in above:
            yield from _parts(DOCUMENT["components"]["schemas"][name], where, above | {name})
        return
    yield where, schema
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for each in schema.get(word, []):
            yield from _parts(each, where, above)
    for field, each in schema.get("properties", {}).items():
        yield from _parts(each, f"{where}.{field}", above)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _parts(schema[word], f"{where}[]", above)


SENT = list(_sent())


def _ends(schema: Json) -> tuple[float, float]:
    given: Json = {"exclusiveMinimum": "-inf", "exclusiveMaximum": "inf"} | schema
    low = given["minimum" if "minimum" in given else "exclusiveMinimum"]
    high = given["maximum" if "maximum" in given else "exclusiveMaximum"]
    return float(low), float(high)


def test_every_whole_number_that_is_sent_fits_the_database() -> None:
    numbers = [(where, _ends(each)) for where, each in SENT if each.get("type") == "integer"]
    assert len(numbers) > 20
    assert [where for where, (low, high) in numbers if low < -INT64 or high > INT64] == []
