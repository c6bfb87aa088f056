"""The cells of a full list, read as the fields of an organization: what Excel did to codes is undone or refused.

Every function raises `CellError`, whose message names the rule and the remedy.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from domain.values import codes
from domain.values.fields import ADDRESS_LENGTH_MAX, EMPLOYEES_MAX, NAME_LENGTH_MAX
from domain.values.terms import CATEGORIES

Cell = str | int | float | bool | date | datetime | time | timedelta | None

# Excel keeps 15 significant digits of a number (Microsoft, Excel specifications and limits).
EXCEL_DIGITS: Final = 15
_PROTECTED: Final = re.compile(r'="(.*)"', re.DOTALL)
_SCIENTIFIC: Final = re.compile(r"([0-9])(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})", re.ASCII)
_DECIMAL: Final = re.compile(r"([0-9]+)\.0+", re.ASCII)
_HEADCOUNT: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0+)?人?", re.ASCII)
_NOTHING: Final = frozenset(("", "-", "--", "—", "——", "/", "无", "不详", "未知", "N/A", "#N/A", "NULL", "null"))
_BLANK: Final = re.compile(r"[\s\u3000\u00a0\ufeff\u200b]+")
_ODD: Final = re.compile(r"[\s\x00-\x1f\x7f\u3000\u00a0\ufeff\u200b]|^[=#]")
_PLAIN_CODE: Final = re.compile(r"[0-9A-Z]{18}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_REGION_PADDING: Final = ("000", "000", "00", "00")

CATEGORY_WORDS: Final[dict[str, str]] = {
    "私营企业": "private_enterprise", "民营企业": "private_enterprise", "内资企业": "private_enterprise",
    "外资企业": "foreign_enterprise", "外商投资企业": "foreign_enterprise", "港澳台商投资企业": "foreign_enterprise",
    "个体工商户": "sole_proprietor", "个体": "sole_proprietor", "社会团体": "association", "社团": "association",
    "基金会": "foundation", "社会服务机构": "service_institution", "民办非企业单位": "service_institution",
    "快递员": "courier", "外卖配送员": "food_delivery", "网约车司机": "ride_hailing", "其他": "other_group",
}  # fmt: skip


class CellError(ValueError):
    """A cell that cannot be read with certainty; `rule` is the rule's stable name."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def is_blank(cell: Cell) -> bool:
    """Whether there is nothing in a cell."""
    return cell is None or (isinstance(cell, str) and not _BLANK.sub("", cell))


def text(cell: Cell, length_max: int = NAME_LENGTH_MAX) -> str | None:
    """A cell of words, without white space around it; None for an empty one."""
    # Most cells hold words and nothing to look at twice.
    if isinstance(cell, str) and 2 <= len(cell) <= length_max and not _ODD.search(cell) and cell not in _NOTHING:
        return cell
    found = _words(cell)
    if found in _NOTHING:
        return None
    if _CONTROL.search(found):
        raise CellError("control_character", "the cell holds control characters; type it again")
    if found.startswith("#") and found.rstrip("!?").isupper() and found.endswith(("!", "?", "A")):
        raise CellError("formula_error", "the cell shows an Excel error; paste the value in place of the formula")
    if len(found) > length_max:
        raise CellError("too_long", f"at most {length_max} characters stand here; shorten the text")
    return found


def _words(cell: Cell) -> str:
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
    found = _unprotected(cell)
    return _BLANK.sub(" ", found).strip() if _BLANK.search(found) else found


def _unprotected(cell: str) -> str:
    """The text of ="…", which exporters write so that Excel leaves a code alone; another formula is refused."""
    if not cell.startswith("="):
        return cell
    protected = _PROTECTED.fullmatch(cell.strip())
    if protected is None:
        raise CellError("formula", "a formula stands where a value belongs; paste values only, then export again")
    return protected[1].replace('""', '"')


def _code(cell: Cell) -> tuple[str | None, bool]:
    """A cell's code in capitals without white space, and whether Excel held it as a number."""
    if isinstance(cell, bool | date | time | timedelta):
        raise CellError("date_for_code", "Excel has made a date or truth value of the code; format the column as text")
    if isinstance(cell, float):
        if not cell.is_integer():
            raise CellError("fraction", "a code has no fraction; format the column as text and enter the code again")
        return _whole(str(int(cell))), True
    if isinstance(cell, int):
        return _whole(str(cell)), True
    found = _BLANK.sub("", unicodedata.normalize("NFKC", _unprotected(cell or "")))
    found = found.removeprefix("'")
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
        found = (cell.strip() if isinstance(cell, str) else found).removeprefix("group:")
        prefix = "group:"
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
    """A code of GB/T 4754-2017; the section letter of a bare number is found from its division."""
    found, was_number = _code(cell)
    if found is None:
        return None
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
    if isinstance(cell, bool | date | time | timedelta):
        raise CellError(
            "date_for_number", "Excel has made a date of the number; format the column as number and enter it again"
        )
    if isinstance(cell, int | float):
        if not float(cell).is_integer():
            raise CellError("employees", "a head count is a whole number; correct the cell")
        count = int(cell)
    else:
        found = _BLANK.sub("", unicodedata.normalize("NFKC", _unprotected(cell or "")))
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
    """A category by its name, by the words of the profile, or by the field's usual Chinese term."""
    meant = CATEGORY_WORDS.get(cell) if isinstance(cell, str) and not words else None
    if meant is not None:
        return meant
    found = text(cell)
    if found is None:
        raise CellError("category_missing", "the row has no category; enter it, or state a constant in the profile")
    meant = words.get(found) or CATEGORY_WORDS.get(found) or found
    if meant not in CATEGORIES:
        raise CellError(
            "category_unknown", f"the word is not known; add it to the profile's categories, as one of {CATEGORIES}"
        )
    return meant


def address(cell: Cell) -> str | None:
    """An address."""
    return text(cell, ADDRESS_LENGTH_MAX)
