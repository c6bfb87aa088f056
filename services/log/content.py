"""An accepted event's content from the bytes as received: what `read_json` of `domain/` reads of them.

Intake reads with that one; here the same JSON is read several times as fast. tests/unit/test_reading_json.py holds
that whatever intake takes, both read alike.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from domain.values.instants import parse_instant


class UnreadableError(ValueError):
    """The bytes at a position of the log are no event; intake takes none such, so they were changed since."""


def content_of(raw: bytes, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The event as one JSON object; `attributes` are binary mode's, whose bytes are the data alone.

    Raises:
        UnreadableError: the bytes are no JSON, or not an object.
    """
    try:
        value = whole_numbers(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise UnreadableError(f"the bytes are no JSON: {error}") from None
    if attributes is not None:
        return {**attributes, "data": value}
    if not isinstance(value, dict):
        raise UnreadableError(f"the bytes are no event but a JSON {type(value).__name__}")
    return value


def time_and_data(raw: bytes, attributes: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
    """When the event says that it was said, in nanoseconds since 1970 in UTC, and its data.

    Raises:
        UnreadableError: the bytes are no event.
    """
    return time_and_data_of(content_of(raw, attributes))


def time_and_data_of(content: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """As `time_and_data`, of the event as one JSON object.

    Raises:
        UnreadableError: it is no event.
    """
    said, data = content.get("time"), content.get("data")
    if not isinstance(said, str) or not isinstance(data, dict) or not data:
        raise UnreadableError("the bytes are JSON, but no event with a time and data")
    try:
        return parse_instant(said), data
    except ValueError as error:
        raise UnreadableError(f"its time cannot be read: {error}") from None


def whole_numbers(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same JSON; a whole number is an integer however it is written (`100.0`, `1e2`)."""
    return _without_floats(value) if _has_float(value) else value


def _has_float(value: Any) -> bool:  # noqa: ANN401 - any JSON
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is float:
            return True
        if kind is dict:
            stack.extend(item.values())
        elif kind is list:
            stack.extend(item)
    return False


def _without_floats(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: _without_floats(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_floats(each) for each in value]
    return value
