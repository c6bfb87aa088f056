"""Bytes as received, made fit to be looked at: as text where they are text, else in hex."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from api.site.json_places import places
from domain.events.envelope import EVENT_BYTES_MAX

TEXT_MAX: Final = 16_384
"""Characters of a text that are shown."""
HEX_BYTES_MAX: Final = 2_048
_LINE_BYTES: Final = 16
# What does not show, or changes how its neighbours show: controls, bidirectional marks, surrogates, unassigned.
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# Rules by which a name should not be there at all.
_UNWANTED: Final = frozenset(("extra_forbidden", "attribute_unknown"))
_GUESSES: Final = ("utf-16", "gb18030")


class Shown(NamedTuple):
    """What is shown of some bytes.

    Attributes:
        text: the bytes as text, unseen characters as escapes, in parts; True: a part is to be marked. None where they
            are not UTF-8.
        fault: the first byte, from 0, that is not UTF-8; None where all are.
        hex: lines of offset, 16 bytes in hex, and those of them that are ASCII; of bytes that are not UTF-8.
        guess: another encoding that they may be in, and the text read so.
        json: the text read as JSON and indented; None where it is none.
        cut: whether less is shown than there is.
    """

    text: list[tuple[str, bool]] | None
    fault: int | None
    hex: list[tuple[str, str, str]]
    guess: tuple[str, str] | None
    json: str | None
    cut: bool


def shown(raw: bytes, wrong: Sequence[tuple[str, str]] = ()) -> Shown:
    """What a page shows of some bytes.

    Args:
        raw: the bytes.
        wrong: what is to be marked: rule and JSON pointer of each reason.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Shown(None, error.start, _hex(raw), _guess(raw), None, len(raw) > HEX_BYTES_MAX)
    return Shown(_marked(text[:TEXT_MAX], wrong), None, [], None, _indented(text), len(text) > TEXT_MAX)


def _marked(text: str, wrong: Sequence[tuple[str, str]]) -> list[tuple[str, bool]]:
    """The text in parts; marked are the values at the pointers, with their names where these should not be there."""
    found = places(text) if wrong else {}
    spans = []
    for rule, at in wrong:
        span = found.get(f"{at}#member") if rule in _UNWANTED else found.get(at)
        # The whole message is no place in it.
        if at and span is not None:
            spans.append(span)
    parts, done = [], 0
    for begin, end in sorted(spans):
        if begin >= done:
            parts += [(legible(text[done:begin]), False), (legible(text[begin:end]), True)]
            done = end
    return [part for part in (*parts, (legible(text[done:]), False)) if part[0]]


def legible(text: str) -> str:
    """Text with every character that would not show, or would change how others show, written as its escape."""
    return "".join(each if _is_seen(each) else f"\\u{{{ord(each):04x}}}" for each in text)


def _is_seen(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in _UNSEEN


def _hex(raw: bytes) -> list[tuple[str, str, str]]:
    lines = (raw[at : at + _LINE_BYTES] for at in range(0, min(len(raw), HEX_BYTES_MAX), _LINE_BYTES))
    return [
        (
            f"{number * _LINE_BYTES:06x}",
            line.hex(" "),
            "".join(chr(each) if 32 <= each < 127 else "." for each in line),
        )
        for number, line in enumerate(lines)
    ]


def _guess(raw: bytes) -> tuple[str, str] | None:
    """A registry that sends another encoding than UTF-8 mostly sends one of these."""
    for encoding in _GUESSES:
        # Any bytes of even length can be read as UTF-16; only its mark tells.
        if encoding == "utf-16" and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            continue
        try:
            return encoding, legible(raw[: 2 * TEXT_MAX].decode(encoding)[:TEXT_MAX])
        except UnicodeDecodeError:
            continue
    return None


def _indented(text: str) -> str | None:
    if len(text) > EVENT_BYTES_MAX:
        return None
    try:
        return legible(_first(json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(json.loads(text))))
    except (ValueError, RecursionError):
        return None


def _first(pieces: Iterable[str]) -> str:
    """As much as is shown: indented, deep JSON is the square of what it was."""
    found, length = list[str](), 0
    for piece in pieces:
        found.append(piece)
        length += len(piece)
        if length >= TEXT_MAX:
            break
    return "".join(found)[:TEXT_MAX]
