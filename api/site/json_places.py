"""Where the values of a JSON text stand, by JSON pointer (RFC 6901), so that one can be marked in it."""

import re
from contextlib import suppress
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own reader of strings
from typing import Final

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_PLAIN: Final = re.compile(r"[^,\]}\s]+")
# Deeper than any event; what lies below is marked with what holds it.
_DEPTH_MAX: Final = 40

Span = tuple[int, int]


def places(text: str) -> dict[str, Span]:
    """By pointer the first and the last but one character of each value; as far as the text can be read."""
    found: dict[str, Span] = {}
    # What was read up to a fault can be marked all the same.
    with suppress(ValueError, IndexError):
        _value(text, _skip(text, 0), "", found, 0)
    return found


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return at if match is None else match.end()


def _value(text: str, at: int, pointer: str, found: dict[str, Span], depth: int) -> int:
    """Read one value; the place after it."""
    if depth > _DEPTH_MAX:
        raise ValueError(pointer)
    match text[at]:
        case "{":
            end = _members(text, at, pointer, found, depth)
        case "[":
            end = _items(text, at, pointer, found, depth)
        case '"':
            end = scanstring(text, at + 1, False)[1]
        case _:
            plain = _PLAIN.match(text, at)
            if plain is None:
                raise ValueError(pointer)
            end = plain.end()
    found.setdefault(pointer, (at, end))
    return end


def _members(text: str, at: int, pointer: str, found: dict[str, Span], depth: int) -> int:
    at = _skip(text, at + 1)
    while text[at] != "}":
        begin = at
        name, at = scanstring(text, at + 1, False)
        at = _skip(text, _skip(text, at) + 1)
        inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        at = _value(text, at, inner, found, depth + 1)
        # A name that should not be there is marked with its value.
        found.setdefault(f"{inner}#member", (begin, at))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1


def _items(text: str, at: int, pointer: str, found: dict[str, Span], depth: int) -> int:
    at, number = _skip(text, at + 1), 0
    while text[at] != "]":
        at = _skip(text, _value(text, at, f"{pointer}/{number}", found, depth + 1))
        number += 1
        if text[at] == ",":
            at = _skip(text, at + 1)
    return at + 1
