"""The types of CloudEvents' attributes (CloudEvents 1.0.2, 3.1): strings, URIs, media types, extension values.

Each form stands here once, as a regular expression that the published JSON Schema repeats.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

EXTENSION_NAME_LENGTH_MAX: Final = 64
EXTENSION_LENGTH_MAX: Final = 1_024
#: CloudEvents 1.0.2, 3.1: Integer.
EXTENSION_INTEGER_MIN: Final = -(2**31)
EXTENSION_INTEGER_MAX: Final = 2**31 - 1

# Control characters, line and paragraph separators, marks that turn the direction of what follows, and code points
# that are no characters. Lone surrogates never come so far.
_NO_TEXT_BEYOND_CONTROLS: Final = (
    r"\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff"
)
_NO_TEXT: Final = rf"\u0000-\u001f{_NO_TEXT_BEYOND_CONTROLS}"
_ZERO_WIDTH: Final = r"\u00ad\u180e\u200b-\u200d\u2060\ufeff"
#: A string in which nothing hides, by all that JSON Schema's dialects can write.
TEXT_PATTERN: Final = f"^(?:[^{_NO_TEXT}{_ZERO_WIDTH}](?:[^{_NO_TEXT}]*[^{_NO_TEXT}{_ZERO_WIDTH}])?)?$"
#: A text of several lines, as a signed note is.
LINES_PATTERN: Final = f"^(?:[^{_NO_TEXT}]|\\n)*$"
TEXT_RULE: Final = (
    "text holds no control characters, direction marks or code points that are no characters, and no zero-width "
    "characters at an end; retype it"
)
_BEYOND_BASIC_PLANE: Final = "".join(chr(plane << 16 | low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
_UNFIT: Final = re.compile(
    f"[{_NO_TEXT}{_BEYOND_BASIC_PLANE}\ud800-\udfff]|\\A[{_ZERO_WIDTH}]|[{_ZERO_WIDTH}]\\Z"
)  # fmt: skip

#: Of `dataschema` and `datacontenttype`.
URI_LENGTH_MAX: Final = 1_024
MEDIA_TYPE_LENGTH_MAX: Final = 256

_PCHAR: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_PCHAR_NO_COLON: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})"
_REG_NAME: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_USER: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@"
# What stands inside of the brackets is looked at by itself.
_IP_LITERAL: Final = r"\[[0-9A-Fa-f:.]+\]"
_AUTHORITY: Final = rf"(?:{_USER})?(?:{_IP_LITERAL}|{_REG_NAME})(?::[0-9]*)?"
_ABEMPTY: Final = f"(?:/{_PCHAR}*)*"
_ABSOLUTE: Final = f"/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_QUERY: Final = rf"(?:\?(?:{_PCHAR}|[/?])*)?"
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.\-]*:"
_HIER: Final = f"(?://{_AUTHORITY}{_ABEMPTY}|{_ABSOLUTE}|{_PCHAR}+(?:/{_PCHAR}*)*|)"
_RELATIVE: Final = f"(?://{_AUTHORITY}{_ABEMPTY}|{_ABSOLUTE}|{_PCHAR_NO_COLON}+(?:/{_PCHAR}*)*|)"
#: RFC 3986, 4.3: a scheme, and no fragment.
ABSOLUTE_URI_PATTERN: Final = f"^{_SCHEME}{_HIER}{_QUERY}$"
#: RFC 3986, 4.1.
URI_REFERENCE_PATTERN: Final = rf"^(?:{_SCHEME}{_HIER}|{_RELATIVE}){_QUERY}(?:#(?:{_PCHAR}|[/?])*)?$"

_HTTP_WORD: Final = r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+"
_PARAMETER: Final = rf'[ \t]*;[ \t]*(?:{_HTTP_WORD}=(?:{_HTTP_WORD}|"(?:[\t !#-\[\]-~]|\\[\t -~])*"))?'
#: A media type that means JSON (CloudEvents 1.0.2, JSON format 3.1.1), with any parameters (RFC 9110, 8.3.1).
JSON_TYPE_PATTERN: Final = (
    rf"^{_HTTP_WORD}/(?:{_HTTP_WORD}\+)?[jJ][sS][oO][nN](?:{_PARAMETER})*[ \t]*$"
)  # fmt: skip
#: An extension's name.
EXTENSION_NAME_PATTERN: Final = f"^[a-z0-9]{{1,{EXTENSION_NAME_LENGTH_MAX}}}$"

_absolute: Final = re.compile(ABSOLUTE_URI_PATTERN.removesuffix("$"), re.ASCII)
_reference: Final = re.compile(URI_REFERENCE_PATTERN.removesuffix("$"), re.ASCII)
_json_type: Final = re.compile(JSON_TYPE_PATTERN.removesuffix("$"), re.ASCII)
_extension: Final = re.compile(EXTENSION_NAME_PATTERN.removesuffix("$"), re.ASCII)


def is_text(value: str) -> bool:
    """Whether a string holds nothing that hides or turns (`TEXT_RULE`)."""
    # Nothing that Unicode calls printable hides or turns: seen at a tenth of the expression's cost.
    return value.isprintable() or not _UNFIT.search(value)


# As JSON strings hold no control characters but by escapes, the blanks between tokens may be any.
_SUSPECT: Final = re.compile(rf"[\\{_NO_TEXT_BEYOND_CONTROLS}{_BEYOND_BASIC_PLANE}{_ZERO_WIDTH}]")


def is_plain(json_text: str) -> bool:
    """Whether JSON shows at a glance that every string in it is text; where it does not, each is to be looked at."""
    return ("\\" not in json_text and json_text.isprintable()) or not _SUSPECT.search(json_text)


def unfit_character(value: str) -> str:
    """The first character for which a string is no text, as `U+200E`; empty where it is text."""
    found = _UNFIT.search(value)
    return "" if found is None else f"U+{ord(found[0]):04X}"


@lru_cache(maxsize=4_096)
def is_uri_reference(value: str) -> bool:
    """Whether it is a URI reference (RFC 3986, 4.1), not empty."""
    return bool(value) and _reference.fullmatch(value) is not None and _host_is_fine(value)


@lru_cache(maxsize=4_096)
def is_absolute_uri(value: str) -> bool:
    """Whether it is an absolute URI (RFC 3986, 4.3) of at most 1,024 characters: it has a scheme and no fragment."""
    return len(value) <= URI_LENGTH_MAX and _absolute.fullmatch(value) is not None and _host_is_fine(value)


def _host_is_fine(uri: str) -> bool:
    """Whether an IP literal, if the URI has one, is an IPv6 address; brackets stand nowhere else."""
    if "[" not in uri:
        return True
    try:
        IPv6Address(uri.partition("[")[2].partition("]")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4_096)
def means_json(media_type: str) -> bool:
    """Whether a media type says that the data is JSON, in any case and with any parameters."""
    return len(media_type) <= MEDIA_TYPE_LENGTH_MAX and _json_type.fullmatch(media_type) is not None


def is_extension_name(name: str) -> bool:
    """Whether an extension attribute may have this name."""
    return _extension.fullmatch(name) is not None


def is_extension_value(value: object) -> bool:
    """Whether it is a string of at most 1,024 characters, a boolean, or an integer of 32 bits."""
    if isinstance(value, str):
        return len(value) <= EXTENSION_LENGTH_MAX
    return isinstance(value, int) and EXTENSION_INTEGER_MIN <= value <= EXTENSION_INTEGER_MAX
