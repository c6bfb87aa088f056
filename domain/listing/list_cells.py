"""The cells of a full list, read as the fields of an organization: what Excel did to codes is undone or refused.

Every function raises `CellError`, whose message names the rule and the remedy.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal

from domain.listing.list_words import CATEGORY_WORDS, SECTION_WORDS
from domain.values import codes
from domain.values.fields import ADDRESS_LENGTH_MAX, EMPLOYEES_MAX, NAME_LENGTH_MAX
from domain.values.names import one_width
from domain.values.terms import CATEGORIES


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell of a workbook that holds no value: an error, or a formula whose result was not stored."""

    kind: Literal["error", "formula"]
    shown: str

    def __str__(self) -> str:
        return self.shown


Cell = str | int | float | bool | date | datetime | time | timedelta | Fault | None

# Excel keeps 15 significant digits of a number (Microsoft, Excel specifications and limits).
EXCEL_DIGITS: Final = 15
_PROTECTED: Final = re.compile(r'="(.*)"', re.DOTALL)
_SCIENTIFIC: Final = re.compile(r"([0-9])(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})", re.ASCII)
_DECIMAL: Final = re.compile(r"([0-9]+)\.0+", re.ASCII)
_HEADCOUNT: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0+)?[人名]?", re.ASCII)
_NOTHING: Final = frozenset(("", "-", "--", "—", "——", "/", "无", "不详", "未知", "N/A", "NULL", "null"))
_BLANK: Final = re.compile(r"[\s\u3000\u00a0]+")
# Direction marks, zero widths and soft hyphens (Unicode, general category Cf), which nobody sees in a cell.
_UNSEEN_SET: Final = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0001-\U000e007f"
_UNSEEN: Final = re.compile(f"[{_UNSEEN_SET}]")
_ODD: Final = re.compile(rf"[\s\x00-\x1f\x7f\u3000\u00a0{_UNSEEN_SET}]|^[=#]|^Err:")
# Excel's errors (Microsoft, ERROR.TYPE), LibreOffice's, and a column that was too narrow for what it held.
_ERROR: Final = re.compile(
    r"#(?:NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A|GETTING_DATA|SPILL!|CALC!|FIELD!|BLOCKED!|UNKNOWN!|CONNECT!|"
    r"EXTERNAL!|BUSY!|PYTHON!)|Err:[0-9]{3}|#{3,}",
    re.IGNORECASE,
)
_PLAIN_CODE: Final = re.compile(r"[0-9A-Z]{18}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_REGION_PADDING: Final = ("000", "000", "00", "00")


class CellError(ValueError):
    """A cell that cannot be read with certainty; `rule` is the rule's stable name."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def seen(words: str) -> str:
    """Words without the characters that nobody sees, in one width, without any blanks."""
    return _BLANK.sub("", _UNSEEN.sub("", one_width(words)))


def is_blank(cell: Cell) -> bool:
    """Whether there is nothing in a cell."""
    return cell is None or (isinstance(cell, str) and not seen(cell))


def is_nothing(cell: Cell) -> bool:
    """Whether a cell is blank, or holds one of the words by which people say so."""
    return cell is None or (isinstance(cell, str) and seen(cell) in _NOTHING)


def fault(cell: Cell) -> CellError | None:
    """Why a cell holds no value although something stands in it; None where it may be read."""
    if isinstance(cell, Fault) and cell.kind == "formula":
        return CellError(
            "formula_not_stored",
            "the cell holds a formula without its result; open the workbook in a spreadsheet program, let it calculate "
            "and save it again, or paste the values",
        )
    if isinstance(cell, Fault) or (isinstance(cell, str) and cell[:1] in "#E" and _ERROR.fullmatch(cell.strip())):
        return CellError(
            "formula_error",
            f"the cell shows the error {str(cell).strip()[:40]}; correct the formula, or paste the value in its place",
        )
    return None


def plain(cell: Cell) -> Cell:
    """The cell, if it holds a value.

    Raises:
        CellError: it holds an error, or a formula without a result.
    """
    found = fault(cell)
    if found is not None:
        raise found
    return cell


def text(cell: Cell, length_max: int = NAME_LENGTH_MAX) -> str | None:
    """A cell of words, without white space around it; None for an empty one."""
    # Most cells hold words and nothing to look at twice.
    if isinstance(cell, str) and 2 <= len(cell) <= length_max and not _ODD.search(cell) and cell not in _NOTHING:
        return cell
    found = words_of(cell)
    if found in _NOTHING:
        return None
    if _CONTROL.search(found):
        raise CellError("control_character", "the cell holds control characters; type it again")
    if len(found) > length_max:
        raise CellError("too_long", f"at most {length_max} characters stand here; shorten the text")
    return found


def words_of(cell: Cell) -> str:
    cell = plain(cell)
    match cell:
        case None:
            return ""
        case bool():
            raise CellError("truth_value", "a truth value stands where words belong; type the words into the cell")
        case date() | time() | timedelta():
            raise CellError(
                "date_for_text",
                "Excel has made a date or time of the words; format the column as text and enter the words again",
            )
        case float() if not cell.is_integer():
            return repr(cell)
        case int() | float():
            return str(int(cell))
    found = _UNSEEN.sub("", _unprotected(cell))  # type: ignore[arg-type]  # a string is all that is left
    return _BLANK.sub(" ", found).strip()


def _unprotected(cell: str) -> str:
    """The text of ="…", which exporters write so that Excel leaves a code alone; another formula is refused."""
    bare = _UNSEEN.sub("", cell).strip()
    if not bare.startswith("="):
        return cell
    protected = _PROTECTED.fullmatch(bare)
    if protected is None:
        raise CellError("formula", "a formula stands where a value belongs; paste values only, then export again")
    return protected[1].replace('""', '"')


def _code(cell: Cell) -> tuple[str | None, bool]:
    """A cell's code without white space and unseen characters, and whether Excel held it as a number."""
    cell = plain(cell)
    if isinstance(cell, bool | date | time | timedelta):
        raise CellError("date_for_code", "Excel has made a date or truth value of the code; format the column as text")
    if isinstance(cell, float):
        if not cell.is_integer():
            raise CellError("fraction", "a code has no fraction; format the column as text and enter the code again")
        return _whole(str(int(cell))), True
    if isinstance(cell, int):
        return _whole(str(cell)), True
    found = seen(unicodedata.normalize("NFKC", _unprotected(cell or ""))).removeprefix("'")  # type: ignore[arg-type]
    if found in _NOTHING:
        return None, False
    if decimal := _DECIMAL.fullmatch(found):
        return _whole(decimal[1]), True
    if scientific := _SCIENTIFIC.fullmatch(found):
        digits, exponent = scientific[1] + (scientific[2] or ""), int(scientific[3])
        if len(digits) != exponent + 1:
            raise CellError(
                "digits_lost",
                "Excel shows the code in scientific notation and its digits are lost; format the column as text in the "
                "original workbook and export again",
            )
        return _whole(digits), True
    return found, False


def _whole(digits: str) -> str:
    if len(digits) > EXCEL_DIGITS:
        raise CellError(
            "digits_lost",
            f"Excel keeps {EXCEL_DIGITS} digits of a number, the others are lost; format the column as text in the "
            "original workbook and export again",
        )
    return digits


def organization(cell: Cell, *, group: bool) -> str:
    """An organization's identifier from its code: a unified social credit code, or a group's own code."""
    try:
        is_plain = isinstance(cell, str) and _PLAIN_CODE.fullmatch(cell) and not group
        found, _ = (str(cell), False) if is_plain else _code(cell)
    except CellError as error:
        raise CellError(error.rule, f"the code of the organization: {error}") from None
    if found is None:
        raise CellError("code_missing", "the row has no code; enter it, or take the row out of the list")
    if group:
        found = (words_of(cell) if isinstance(cell, str) else found).removeprefix("group:")
        prefix = "group:"
        if _PLAIN_CODE.fullmatch(found.upper()) and codes.is_credit_code(found.upper()):
            raise CellError(
                "category_of_another_kind",
                "the category is one of groups, and the code a unified social credit code; correct the category",
            )
    else:
        found, prefix = found.upper().removeprefix("USCC:"), "uscc:"
    try:
        return codes.check_organization(prefix + found)
    except codes.CodeError as error:
        raise CellError(error.rule, str(error)) from None


# Lists repeat their codes, categories and head counts: what was read is kept. Typed, since 1 equals True.
_KEPT: Final = 1 << 15


@lru_cache(_KEPT, typed=True)
def region(cell: Cell, digits: int | None = None) -> str:
    """A division code; padding zeros are taken off level by level, a lost leading zero given back if `digits` is."""
    found, was_number = _code(cell)
    if found is None:
        raise CellError("region_missing", "the row has no division code; enter it")
    if was_number and digits is not None:
        found = found.zfill(digits)
    if found.isascii() and found.isdigit() and len(found) in codes.REGION_LENGTHS:
        for length, padding in zip((12, 9, 6, 4), _REGION_PADDING, strict=True):
            if len(found) == length and found.endswith(padding):
                found = found[: -len(padding)]
    try:
        return codes.check_region(found)
    except codes.CodeError as error:
        raise CellError(error.rule, f"{error}; a column of numbers may have lost digits") from None


@lru_cache(_KEPT, typed=True)
def industry(cell: Cell, digits: int | None = None) -> str | None:
    """A code of GB/T 4754-2017, or a section by its name; the letter of a bare number is found from its division."""
    found, was_number = _code(cell)
    if found is None:
        return None
    if found in SECTION_WORDS:
        return SECTION_WORDS[found]
    found = found.upper()
    if found.isascii() and found.isdigit():
        if was_number and digits is not None:
            found = found.zfill(digits)
        elif was_number and len(found) in (1, 3):
            if len(found) == 3:
                raise CellError(
                    "leading_zero",
                    "three digits of a number may be a group, or a class whose leading zero is lost; format the column "
                    "as text, or state the digits in the profile",
                )
            found = found.zfill(2)
        section = next((s for s, (a, b) in codes.SECTION_DIVISIONS.items() if a <= int(found[:2]) <= b), None)
        if section is None:
            raise CellError("industry", "GB/T 4754-2017 has no such division; look the code up again")
        found = section + found
    try:
        return codes.check_industry(found)
    except codes.CodeError as error:
        raise CellError(error.rule, str(error)) from None


@lru_cache(_KEPT, typed=True)
def employees(cell: Cell) -> int | None:
    """A head count; None where the list does not know it."""
    cell = plain(cell)
    if isinstance(cell, date | time | timedelta):
        raise CellError(
            "date_for_number", "Excel has made a date of the number; format the column as number and enter it again"
        )
    if isinstance(cell, bool):
        raise CellError("employees", "yes or no is no head count; correct the cell")
    if isinstance(cell, int | float):
        if not float(cell).is_integer():
            raise CellError("employees", "a head count is a whole number; correct the cell")
        count = int(cell)
    else:
        found = seen(unicodedata.normalize("NFKC", _unprotected(cell or "")))  # type: ignore[arg-type]
        if found in _NOTHING:
            return None
        match = _HEADCOUNT.fullmatch(found)
        if match is None or len(match[1]) > EXCEL_DIGITS:
            raise CellError("employees", "a head count is a whole number, as 128; correct the cell, or leave it empty")
        count = int(match[1].replace(",", ""))
    if not 0 <= count <= EMPLOYEES_MAX:
        raise CellError("employees", f"a head count lies from 0 to {EMPLOYEES_MAX}; correct the cell")
    return count


def category(cell: Cell, words: Mapping[str, str]) -> str:
    """A category by its name, by the words of the profile (as `seen` gives them), or by the field's usual term."""
    meant = CATEGORY_WORDS.get(cell) if isinstance(cell, str) and not words else None
    if meant is not None:
        return meant
    found = text(cell)
    if found is None:
        raise CellError("category_missing", "the row has no category; enter it, or state a constant in the profile")
    plain = seen(found)
    meant = words.get(plain) or CATEGORY_WORDS.get(plain) or found
    if meant not in CATEGORIES:
        raise CellError(
            "category_unknown", f"the word is not known; add it to the profile's categories, as one of {CATEGORIES}"
        )
    return meant


def address(cell: Cell) -> str | None:
    """An address."""
    return text(cell, ADDRESS_LENGTH_MAX)
