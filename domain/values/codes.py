"""Identifiers and codes (spec/events.md, Identifiers and codes).

Every check raises `CodeError`, whose message names the value, the rule and the remedy.
"""

import re
from functools import lru_cache
from operator import mul
from typing import Final

REGION_LENGTHS: Final = (2, 4, 6, 9, 12)
_SOME_OF_TWO: Final = "(?:[0-9][1-9]|[1-9]0)"
_SOME_OF_THREE: Final = "(?:[0-9]{2}[1-9]|[0-9][1-9]0|[1-9]00)"
#: What `check_region` takes.
REGION_PATTERN: Final = (
    f"^[0-9]{{2}}(?:|{_SOME_OF_TWO}|[0-9]{{2}}{_SOME_OF_TWO}|[0-9]{{4}}{_SOME_OF_THREE}|[0-9]{{7}}{_SOME_OF_THREE})$"
)
# How many trailing zeros pad a code of this length from the next shorter level.
_REGION_PADDING: Final = {4: "00", 6: "00", 9: "000", 12: "000"}

# GB/T 4754-2017: the first and last division of each section.
SECTION_DIVISIONS: Final[dict[str, tuple[int, int]]] = {
    "A": (1, 5), "B": (6, 12), "C": (13, 43), "D": (44, 46), "E": (47, 50),
    "F": (51, 52), "G": (53, 60), "H": (61, 62), "I": (63, 65), "J": (66, 69),
    "K": (70, 70), "L": (71, 72), "M": (73, 75), "N": (76, 79), "O": (80, 82),
    "P": (83, 83), "Q": (84, 85), "R": (86, 90), "S": (91, 96), "T": (97, 97),
}  # fmt: skip

_USCC: Final = re.compile(r"uscc:[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}", re.ASCII)
_GROUP: Final = re.compile(r"group:[A-Za-z0-9-]{1,40}", re.ASCII)
_NAMED: Final = re.compile(
    r"(member|branch|person|campaign|assessment|office|access|rectification|survey|visit|grid|match|body|order):[A-Za-z0-9_-]{1,64}",
    re.ASCII,
)
_INDUSTRY: Final = re.compile(r"[A-T](?:[0-9]{2,4})?", re.ASCII)
_DIGIT_RUN: Final = re.compile(r"[0-9]+[Xx]?", re.ASCII)
_MOBILE: Final = re.compile(r"(?:00)?(?:86)?1[3-9][0-9]{9}", re.ASCII)
_SPACED: Final = re.compile(
    r"(?<![0-9])(?:1[3-9][0-9][-_][0-9]{4}[-_][0-9]{4}|[0-9]{6}[-_][0-9]{8}[-_][0-9]{3}[0-9Xx])(?![0-9])",
    re.ASCII,
)

_GB32100_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_GB32100_VALUES: Final = {character: value for value, character in enumerate(_GB32100_ALPHABET)}
_GB32100_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_GB11714_VALUES: Final = {character: int(character, 36) for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_GB11714_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_GB11714_CHECK: Final = "0123456789X0"
_RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK: Final = "10X98765432"
_RESIDENT_LENGTH: Final = 18
_PERSONAL_LENGTH_MIN: Final = 11  # a mobile number without its country


class CodeError(ValueError):
    """A value breaks the rule of its code."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@lru_cache(maxsize=1 << 17)
def check_organization(value: str) -> str:
    """Return `value` if it is an `uscc:` or `group:` identifier, else raise `CodeError`."""
    if value.startswith("group:"):
        if not _GROUP.fullmatch(value):
            raise CodeError("group", "after group: come 1 to 40 of A-Z a-z 0-9 -")
        return value
    if not value.startswith("uscc:"):
        raise CodeError("organization", "an organization starts with uscc: or group:")
    if not _USCC.fullmatch(value):
        raise CodeError(
            "uscc_form",
            "after uscc: come 18 characters of GB 32100-2015: two of 0-9 A-H J-N P-R T U W X Y, "
            "six digits, ten of the same set; capital letters only",
        )
    code = value[5:]
    expected = check_character(code[:17])
    if code[17] != expected:
        raise CodeError(
            "uscc_check_character",
            f"the check character of GB 32100-2015 should be {expected}, not {code[17]}; "
            "compare the code with the certificate",
        )
    return value


def check_character(body: str) -> str:
    """The 18th character that belongs to the first 17 of a unified social credit code (GB 32100-2015, 4.5).

    `stdnum.cn.uscc` gives the same; this is on the path of every event, and takes a fifth of its time.
    """
    total = sum(map(mul, map(_GB32100_VALUES.__getitem__, body), _GB32100_WEIGHTS))
    return _GB32100_ALPHABET[-total % 31]


@lru_cache(maxsize=1 << 17)
def organization_code_check_holds(org: str) -> bool:
    """Whether the inner GB 11714 digit of an `uscc:` identifier holds; a `group:` has none."""
    if not org.startswith("uscc:"):
        return True
    body = org[13:22]
    total = sum(map(mul, map(_GB11714_VALUES.__getitem__, body), _GB11714_WEIGHTS))
    return _GB11714_CHECK[11 - total % 11] == body[8]


def is_credit_code(value: str) -> bool:
    """Whether 18 characters are a unified social credit code."""
    try:
        check_organization(f"uscc:{value}")
    except CodeError:
        return False
    return True


def check_named(value: str, prefix: str) -> str:
    """Return `value` if it is `prefix` and 1 to 64 of `A-Z a-z 0-9 _ -`, else raise `CodeError`."""
    match = _NAMED.fullmatch(value)
    if match is None or match.group(1) != prefix:
        raise CodeError(prefix, f"a {prefix} is {prefix}: and 1 to 64 of A-Z a-z 0-9 _ -")
    return value


def check_pseudonym(value: str, prefix: str) -> str:
    """Return `value` if it is a pseudonym that holds no personal identifier."""
    check_named(value, prefix)
    if holds_personal_identifier(value[len(prefix) + 1 :]):
        raise CodeError(
            "personal_identifier",
            "a resident identity number or a mobile number never enters the log; send an opaque pseudonym in its place",
        )
    return value


def holds_personal_identifier(text: str) -> bool:
    """Whether a resident identity number or a mobile number stands anywhere in `text`.

    A number that is a whole run of digits (or grouped by - or _) is judged by its own form;
    inside a longer run a resident number must also carry a possible date of birth, since one
    in eleven of all digit windows passes the check character alone.
    """
    if len(text) < _PERSONAL_LENGTH_MIN:
        return False
    if any(_is_number_of_a_person(run) for run in _DIGIT_RUN.findall(text)):
        return True
    grouped = (re.sub(r"[-_]", "", m) for m in _SPACED.findall(text))
    return any(_is_number_of_a_person(run) for run in grouped)


def _is_number_of_a_person(run: str) -> bool:
    if _MOBILE.fullmatch(run) or (run[-1] in "Xx" and _MOBILE.fullmatch(run[:-1])):
        return True
    if len(run) == _RESIDENT_LENGTH:
        return _resident_check_holds(run)
    windows = (run[i : i + _RESIDENT_LENGTH] for i in range(len(run) - _RESIDENT_LENGTH + 1))
    return any(_resident_check_holds(w) and _birth_date_possible(w) for w in windows)


def _resident_check_holds(number: str) -> bool:
    """GB 11643-1999: ISO 7064 MOD 11-2 over the first 17 digits."""
    total = sum(int(c) * w for c, w in zip(number, _RESIDENT_WEIGHTS, strict=False))
    return _RESIDENT_CHECK[total % 11] == number[17].upper()


def _birth_date_possible(number: str) -> bool:
    year, month, day = int(number[6:10]), int(number[10:12]), int(number[12:14])
    return 1850 <= year <= 2150 and 1 <= month <= 12 and 1 <= day <= 31


@lru_cache(maxsize=1 << 16)
def check_region(value: str) -> str:
    """Return `value` if it is a division code of 2, 4, 6, 9 or 12 digits without padding."""
    if not (value.isascii() and value.isdigit() and len(value) in REGION_LENGTHS):
        raise CodeError("region", "a region is 2, 4, 6, 9 or 12 digits (GB/T 2260)")
    padding = _REGION_PADDING.get(len(value))
    if padding is not None and value.endswith(padding):
        raise CodeError(
            "region_padding",
            f"a region is not padded with zeros; leave the trailing {padding} away",
        )
    return value


def check_industry(value: str) -> str:
    """Return `value` if it is a section letter, optionally followed by 2, 3 or 4 digits."""
    if not _INDUSTRY.fullmatch(value):
        raise CodeError(
            "industry", "an industry is a section letter A to T of GB/T 4754-2017, "
            "optionally followed by 2, 3 or 4 digits"
        )  # fmt: skip
    return value


def industry_division_holds(industry: str) -> bool:
    """Whether the division (first two digits) belongs to the section of GB/T 4754-2017."""
    if len(industry) == 1:
        return True
    first, last = SECTION_DIVISIONS[industry[0]]
    return first <= int(industry[1:3]) <= last
