"""Columns of a list that mark and decide: √ under one of several headings, and the state of registration.

Every function raises `CellError`, as in `domain.listing.list_cells`.
"""

from collections.abc import Mapping

from domain.listing.list_cells import Cell, CellError, is_blank, seen, words_of
from domain.listing.list_cells import plain as plain_cell
from domain.listing.list_columns import asks_if_over
from domain.listing.list_words import (
    BRACKETED,
    NO,
    OVER,
    STATUS_PARTS,
    STATUS_QUESTIONS,
    STATUS_WORDS,
    YES,
    Status,
)


def truth(cell: Cell) -> bool:
    """Whether a cell is marked: √, 是, 1 and the like; blank, 否 and 0 are not."""
    cell = plain_cell(cell)
    if isinstance(cell, bool):
        return cell
    found = "" if cell is None else seen(words_of(cell)).upper()
    if found in YES:
        return True
    if found not in NO:
        raise CellError(
            "mark", "a mark stands here: √, 是 or 1; 否 or nothing where it does not hold; correct the cell"
        )
    return False


def marked(cells: Mapping[str, Cell]) -> str:
    """Of columns with one value each, the value whose column is marked."""
    found = [value for value, cell in cells.items() if truth(cell)]
    if len(found) != 1:
        shown = " / ".join(cells)
        raise CellError("marks", f"{len(found)} of the columns {shown} are marked; mark the one that holds")
    return found[0]


def says_over(cell: Cell, heading: str) -> bool:
    """Whether a cell of a column that is not read says that the registration is over: 已注销, √ below 注销否."""
    if is_blank(cell) or not isinstance(cell, str):
        return (cell is True or (cell.__class__ in {int, float} and cell == 1)) and asks_if_over(heading)
    found = seen(cell)
    if found.upper() in YES:
        return asks_if_over(heading)
    return (_state_of(found) or "active") != "active" or bool(OVER.fullmatch(found))


def _state_of(plain: str) -> Status | None:
    """What a registry's words for a state mean; None where they are not known, or do not all mean the same.

    Of what is over it says nothing more what stands in brackets: 吊销（未注销）, 迁出（外省）.
    """
    meant = STATUS_WORDS.get(plain) or STATUS_WORDS.get(BRACKETED.sub("", plain), "active")
    if meant != "active":
        return meant
    parts = {
        STATUS_WORDS.get(part) or STATUS_WORDS.get(part.removesuffix("企业"))
        for part in STATUS_PARTS.findall(plain)
        if part != "企业"
    }
    return parts.pop() if len(parts) == 1 else None


def status(cell: Cell, heading: str, words: Mapping[str, Status]) -> Status:
    """The state of registration: active, or why it is over.

    Args:
        cell: the cell.
        heading: of its column, which may ask (是否注销).
        words: what the profile says of the list's own words; the empty word is an empty cell.
    """
    cell = plain_cell(cell)
    found = "" if is_blank(cell) else words_of(cell)
    plain = seen(found)
    if plain in words:
        return words[plain]
    if plain and heading in STATUS_QUESTIONS and (plain.upper() in YES or plain.upper() in NO):
        meant = STATUS_QUESTIONS[heading].get(plain.upper() in YES)
    else:
        meant = _state_of(plain)
    if meant is None:
        raise CellError(
            "status_unknown" if plain else "status_missing",
            "whether the organization is still registered cannot be told; say in the profile (statuses) what this word "
            'means, "" for an empty cell, as active, dissolved, revoked, merged or moved_away; or set the column aside '
            "by name (set_aside)",
        )
    return meant
