"""JSON as RFC 8259 has it and no wider: UTF-8, no NaN, no name twice, no lone surrogate."""

import json
from typing import Any, Final

DEPTH_MAX: Final = 32


class NotJsonError(ValueError):
    """The bytes are not JSON that can be kept exactly; `value` shows where."""

    def __init__(self, message: str, value: str | None = None) -> None:
        super().__init__(message)
        self.value = value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = "a name stands twice in one object; send it once"
        raise NotJsonError(msg, twice[:80])
    return value


def _constant(name: str) -> Any:  # noqa: ANN401  the signature that json asks for
    msg = "NaN and Infinity are not JSON; leave the field out"
    raise NotJsonError(msg, name)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        msg = "the number is too large"
        raise NotJsonError(msg, text[:40])
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)


def decode(raw: bytes) -> str:
    """Decode UTF-8 without a byte order mark.

    Raises:
        NotJsonError: not UTF-8, or a byte order mark stands first.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"not UTF-8 at byte {error.start}; JSON is sent in UTF-8"
        raise NotJsonError(msg, raw[error.start : error.start + 8].hex()) from None
    if text.startswith("\ufeff"):
        msg = "a byte order mark stands first; send UTF-8 without one"
        raise NotJsonError(msg)
    return text


def read_json(raw: bytes) -> Any:  # noqa: ANN401  any JSON value
    """Read one JSON value.

    Raises:
        NotJsonError: with the place and the rule.
    """
    text = decode(raw)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        msg = f"not JSON: {error.msg} at character {error.pos}"
        raise NotJsonError(msg, text[error.pos : error.pos + 20]) from None
    except RecursionError:
        msg = f"nested deeper than {DEPTH_MAX}"
        raise NotJsonError(msg) from None
    except ValueError as error:
        if isinstance(error, NotJsonError):
            raise
        msg = "a number has too many digits"
        raise NotJsonError(msg) from None
    _check_text(value, text)
    return value


def _check_text(value: object, text: str) -> None:
    """Look closely only where the text shows that it may be needed: most events are plain."""
    if text.count("[") + text.count("{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        msg = f"nested deeper than {DEPTH_MAX}"
        raise NotJsonError(msg)
    if "\\u" in text or "\x00" in text:
        for string in _strings(value):
            if "\x00" in string or any("\ud800" <= c <= "\udfff" for c in string):
                msg = "a string holds U+0000 or half of a surrogate pair; neither is text"
                raise NotJsonError(msg, ascii(string[:40]))


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth - 1


def _strings(value: object) -> list[str]:
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            stack.extend((*item.keys(), *item.values()))
        elif isinstance(item, list):
            stack.extend(item)
    return found


def split_array(raw: bytes) -> list[bytes]:
    """Split a JSON array into its elements, each the exact bytes as received.

    Raises:
        NotJsonError: the bytes as a whole are not one JSON array.
    """
    text = decode(raw)
    white = " \t\n\r"
    at = _skip(text, 0, white)
    if text[at : at + 1] != "[":
        msg = "not a JSON array of events"
        raise NotJsonError(msg, text[at : at + 20])
    elements: list[bytes] = []
    at = _skip(text, at + 1, white)
    if text[at : at + 1] == "]":
        at += 1
    else:
        at = _read_elements(text, at, white, elements)
    at = _skip(text, at, white)
    if at != len(text):
        msg = f"more text follows the array at character {at}"
        raise NotJsonError(msg, text[at : at + 20])
    return elements


_SCANNER: Final = json.JSONDecoder()


def _read_elements(text: str, at: int, white: str, elements: list[bytes]) -> int:
    while True:
        try:
            _, end = _SCANNER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            msg = f"not JSON in element {len(elements)} of the array: {error}"
            raise NotJsonError(msg, text[at : at + 20]) from None
        elements.append(text[at:end].encode())
        at = _skip(text, end, white)
        mark = text[at : at + 1]
        if mark == "]":
            return at + 1
        if mark != ",":
            msg = f"a comma or ] is missing at character {at}"
            raise NotJsonError(msg, text[at : at + 20])
        at = _skip(text, at + 1, white)


def _skip(text: str, at: int, white: str) -> int:
    while text[at : at + 1] and text[at] in white:
        at += 1
    return at
