"""An office's own ledger file: the headings that it adds to those of lists, and how their cells become values.

Every function raises `CellError`, as in `domain.listing.list_cells`. The headings are those of offices' ledgers and
forms found in public.
"""

import re
from datetime import date, datetime
from typing import Final, Literal, TypeVar

from domain.listing.list_cells import Cell, CellError, employees, is_nothing, seen, text, words_of
from domain.listing.list_columns import is_personal, plain_heading
from domain.values import codes
from domain.values.terms import Formation, Tier

_T = TypeVar("_T")
OfficeField = Literal["branch", "tier", "formation", "formed_on", "instructor", "full", "probationary", "members"]

# As `plain_heading` gives them. A column of names, 党建工作指导员, is none of them: the office makes a pseudonym.
OFFICE_HEADINGS: Final[dict[OfficeField, tuple[str, ...]]] = {
    "branch": ("党组织名称", "党组织全称", "联合支部名称", "联合党支部名称"),
    "tier": ("党组织类别", "党组织建制", "党组织类型"),
    "formation": ("党组织组建形式", "组建方式", "党组织设置形式"),
    "formed_on": ("党组织成立时间", "组建时间"),
    "instructor": (
        "党建工作指导员代号", "党建指导员代号", "指导员代号", "党建工作指导员编号", "党建指导员编号", "指导员编号",
    ),
    "full": ("正式党员", "正式党员数", "正式党员人数"),
    "probationary": ("预备党员", "预备党员数", "预备党员人数"),
    "members": ("党员人数", "党员总数", "党员数"),
}  # fmt: skip

_TIERS: Final[dict[str, Tier]] = {
    "党委": "committee", "基层党委": "committee",
    "总支": "general_branch", "党总支": "general_branch", "总支部": "general_branch", "党总支部": "general_branch",
    "支部": "branch", "党支部": "branch", "联合支部": "branch", "联合党支部": "branch",
}  # fmt: skip
_FORMATIONS: Final[dict[str, Formation]] = {
    **dict.fromkeys(("单独", "单建", "单独建立", "单独组建"), "standalone"),
    **dict.fromkeys(("联合", "联建", "联合建立", "联合组建"), "joint"),
    **dict.fromkeys(("挂靠", "挂靠建立", "挂靠组建", "依托组建"), "affiliated"),
}
# 2021-03-05, 2021年3月5日, 2021.3.5, 2021/3/5.
_DAY: Final = re.compile(r"([0-9]{4})(?:年|[-./])([0-9]{1,2})(?:月|[-./])([0-9]{1,2})日?", re.ASCII)


def office_field(heading: str) -> OfficeField | None:
    """The field that a heading means; None for one that is none of an office's own, or holds data of persons."""
    plain = plain_heading(heading)
    return next((name for name, known in OFFICE_HEADINGS.items() if plain in known), None)


def never_read(heading: str) -> bool:
    """Whether a column of this heading holds data of persons; a column of pseudonyms does not."""
    return office_field(heading) is None and is_personal(plain_heading(heading))


def branch_name(cell: Cell) -> str | None:
    """The name of a branch; None where the office has none, or writes that there is none."""
    return text(cell)


def tier(cell: Cell) -> Tier | None:
    """党组织类别; None for an empty cell."""
    return _meant(cell, _TIERS, "tier", "党委, 党总支 or 党支部")


def formation(cell: Cell) -> Formation | None:
    """组建方式; None for an empty cell. What a network of a grid covers (网格建立) is no formation by itself."""
    return _meant(cell, _FORMATIONS, "formation", "单独组建, 联合组建 or 挂靠组建")


def _meant(cell: Cell, words: dict[str, _T], rule: str, allowed: str) -> _T | None:
    if is_nothing(cell):
        return None
    found = words.get(seen(words_of(cell)))
    if found is None:
        raise CellError(f"{rule}_unknown", f"this word means none of {allowed}; write one of them")
    return found


def formed_on(cell: Cell) -> date | None:
    """The day on which a branch was formed; None for an empty cell. A month alone is no day."""
    if is_nothing(cell):
        return None
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    found = _DAY.fullmatch(seen(words_of(cell)))
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise CellError("day", "a day stands here, as 2021-03-05 or 2021年3月5日; enter the day, or leave the cell empty")


def count(cell: Cell) -> int | None:
    """A number of members; None for an empty cell."""
    return employees(cell)


def instructors(cell: Cell) -> frozenset[str]:
    """The pseudonyms in a cell, one or several with 、 or ; between them. What is none is never repeated in words."""
    if is_nothing(cell):
        return frozenset()
    parts = [part for part in re.split("[、,;]", seen(words_of(cell))) if part]
    try:
        return frozenset(codes.check_pseudonym(f"person:{part.removeprefix('person:')}", "person") for part in parts)
    except codes.CodeError:
        raise CellError(
            "pseudonym",
            "a code of the office's own making stands here (1 to 64 of A-Z a-z 0-9 _ -), never a name, a number of "
            "identity or a telephone; what stands here is not shown and not kept. Give each instructor a code",
        ) from None
