"""JSON as every later reader can keep it: RFC 8259, within I-JSON (RFC 7493) and a stated depth.

What passes here means the same to every reader of RFC 8259: UTF-8 without a byte order mark, no name twice in an
object, no lone surrogate, no NaN, numbers that an IEEE 754 double holds exactly where they are whole. A whole number
is an integer however it is written (`100.0`, `1e2`; RFC 8259, 6 has one kind of number). Everything takes time in
proportion to the bytes.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

DEPTH_MAX: Final = 32
#: RFC 7493, 2.2: what a double holds exactly.
INTEGER_MAX: Final = 2**53 - 1
_INTEGER_DIGITS_MAX: Final = 17
_WHITE: Final = " \t\n\r"
NOT_JSON: Final = "not_json"
NOT_KEPT: Final = "json_not_kept"


class NotJsonError(ValueError):
    """The bytes are not JSON that can be kept exactly.

    `value` shows where. `rule` is `not_json` for what RFC 8259 does not allow, `json_not_kept` for what it allows and
    readers take differently or not at all.
    """

    def __init__(self, message: str, value: str | None = None, rule: str = NOT_JSON) -> None:
        super().__init__(message)
        self.value, self.rule = value, rule


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                msg = "a name stands twice in one object; send it once"
                raise NotJsonError(msg, name[:80], NOT_KEPT)
            seen.add(name)
    return value


def _constant(name: str) -> Any:  # noqa: ANN401  the signature that json asks for
    msg = "NaN and Infinity are not JSON; leave the field out"
    raise NotJsonError(msg, name)


_NUMBER_RULE: Final = f"a number lies between -{INTEGER_MAX} and {INTEGER_MAX}, beyond which readers differ"


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _INTEGER_DIGITS_MAX else INTEGER_MAX + 1
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise NotJsonError(_NUMBER_RULE, text[:40], NOT_KEPT)
    return value


def _float(text: str) -> int | float:
    value = float(text)
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise NotJsonError(_NUMBER_RULE, text[:40], NOT_KEPT)
    if not value.is_integer():
        return value
    try:
        is_exact = Decimal(text) == value
    except InvalidOperation:  # an exponent of more digits than Decimal has
        is_exact = False
    if not is_exact:
        msg = "a number that readers round to a whole one; write the whole number, or fewer digits"
        raise NotJsonError(msg, text[:40], NOT_KEPT)
    return int(value)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_integer
)


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
        raise _too_deep() from None
    _check_text(value, text)
    return value


def is_json(raw: bytes) -> bool:
    """Whether the bytes are JSON by RFC 8259, though perhaps not such as can be kept."""
    try:
        read_json(raw)
    except NotJsonError as error:
        return error.rule != NOT_JSON
    return True


def _too_deep() -> NotJsonError:
    return NotJsonError(f"nested deeper than {DEPTH_MAX}", None, NOT_KEPT)


def _check_text(value: object, text: str) -> None:
    """Look closely only where the text shows that it may be needed: most events are plain."""
    if text.count("[") + text.count("{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise _too_deep()
    if "\\u" in text or "\x00" in text:
        for string in strings(value):
            if is_unfit(string):
                msg = "a string holds U+0000 or half of a surrogate pair; neither is text"
                raise NotJsonError(msg, ascii(string[:40]), NOT_KEPT)


def is_unfit(string: str) -> bool:
    """Whether a string is no text: U+0000, or half of a surrogate pair."""
    return "\x00" in string or any("\ud800" <= c <= "\udfff" for c in string)


def _depth(value: object) -> int:
    """How many arrays and objects stand one in the other."""
    depth, level = 0, [value] if isinstance(value, dict | list) else []
    while level:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
    return depth


def strings(value: object) -> list[str]:
    """Every string in a JSON value, names of objects too, in no order."""
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found


def split_array(raw: bytes) -> list[bytes]:
    """Split a JSON array into its elements, each the exact bytes as received.

    An element that JSON allows and `read_json` does not (too deep, too many digits) is found all the same, so that it
    is refused alone.

    Raises:
        NotJsonError: the bytes as a whole are not one JSON array.
    """
    text = decode(raw)
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        msg = "not a JSON array of events"
        raise NotJsonError(msg, text[at : at + 20])
    elements: list[bytes] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        at += 1
    else:
        at = _read_elements(text, at, elements)
    at = _skip(text, at)
    if at != len(text):
        msg = f"more text follows the array at character {at}"
        raise NotJsonError(msg, text[at : at + 20])
    return elements


def split_values(raw: bytes) -> list[bytes]:
    """Split JSON values that stand one after the other, with or without white space between.

    Raises:
        NotJsonError: something else is among them.
    """
    text = decode(raw)
    found: list[bytes] = []
    at = _skip(text, 0)
    while at < len(text):
        end = _end_of_value(text, at, 0, text, len(found)) or len(text)
        found.append(text[at:end].encode())
        at = _skip(text, end)
    return found


# Values are not kept here: a number is any text, however long.
_SCANNER: Final = json.JSONDecoder(parse_int=len, parse_float=len)
# Possessive: a string that is not closed ends with the text, and nothing is looked at twice.
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^"\[\]{}]++', re.DOTALL)
_PLAIN: Final = re.compile(r"[^\s,\]}]*+")
# The scanner lets no other thread go on before a value's end: so many characters are shown to it at a time. A value
# longer than any event is found by its brackets.
_WINDOW: Final = (1 << 20) + 64
# So near to the window's end it may have cut a number, a word or an escape in two.
_CUT: Final = 16


def _read_elements(text: str, at: int, elements: list[bytes]) -> int:
    begin, window = at, text[at : at + _WINDOW]
    while True:
        end = _end_of_value(text, at, begin, window, len(elements))
        if end is None and begin < at:
            begin, window = at, text[at : at + _WINDOW]
            continue
        end = _end_by_brackets(text, at, len(elements)) if end is None else end
        elements.append(text[at:end].encode())
        at = _skip(text, end)
        mark = text[at : at + 1]
        if mark == "]":
            return at + 1
        if mark != ",":
            msg = f"a comma or ] is missing at character {at}"
            raise NotJsonError(msg, text[at : at + 20])
        at = _skip(text, at + 1)


def _end_of_value(text: str, at: int, begin: int, window: str, index: int) -> int | None:
    """Where the value at `at` ends, by the window of the text from `begin` on; None where it may go on behind it."""
    is_cut = begin + len(window) < len(text)
    try:
        end = _SCANNER.raw_decode(window, at - begin)[1]
    except RecursionError:
        return _end_by_brackets(text, at, index)
    except json.JSONDecodeError as error:
        if is_cut and (error.pos > len(window) - _CUT or error.msg.startswith("Unterminated")):
            return None
        place = begin + error.pos
        msg = f"not JSON in element {index}: {error.msg} at character {place}"
        raise NotJsonError(msg, text[place : place + 20]) from None
    return None if is_cut and end > len(window) - _CUT else begin + end


def _end_by_brackets(text: str, at: int, index: int) -> int:
    """Where a value ends that is too deep or too long for the parser: at the bracket that closes its first one."""
    if text[at : at + 1] not in ("[", "{", '"'):
        return _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # matches anything, nothing too
    depth = 0
    for token in _TOKEN.finditer(text, at):
        mark = token[0]
        depth += (mark in "[{") - (mark in "]}") if len(mark) == 1 else 0
        if depth == 0:
            return token.end()
    msg = f"not JSON in element {index}: its brackets do not close"
    raise NotJsonError(msg, text[at : at + 20])


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _WHITE:
        at += 1
    return at
