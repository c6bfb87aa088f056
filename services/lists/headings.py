"""The heading row of a list, and what each row below it is: an organization, a total, a note, or nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from domain.events.lists import REQUIRED_FIELDS, ListField, ListProfiled
from domain.fieldwork.list_cells import Cell, CellError, is_blank, text
from services.lists.errors import ListRefusedError

HEADING_ROWS_MAX: Final = 30
COLUMNS_MAX: Final = 200
ROWS_MAX: Final = 2_000_000

# The headings that registries use, by field; a profile kept for the source goes before them.
USUAL_HEADINGS: Final[dict[ListField, tuple[str, ...]]] = {
    "org": ("统一社会信用代码", "社会信用代码", "信用代码", "统一代码", "群体编号", "编号代码", "org"),
    "name": ("名称", "企业名称", "单位名称", "组织名称", "机构名称", "社会组织名称", "name"),
    "category": ("类别", "组织类别", "企业类型", "市场主体类型", "社会组织类型", "类型", "category"),
    "region": ("行政区划代码", "区划代码", "行政区划", "所属区划代码", "region"),
    "industry": ("行业代码", "国民经济行业代码", "行业", "industry"),
    "employees": ("从业人数", "从业人员", "从业人员数", "员工人数", "职工人数", "employees"),
    "supervisor": ("主管单位", "业务主管单位", "supervisor"),
    "address": ("地址", "住所", "经营地址", "登记地址", "address"),
}
_CODE: Final = re.compile(r"[\s0-9A-Za-z:'=\".+-]+")
_TOTALS: Final = ("合计", "总计", "小计", "共计", "total")

What = Literal["row", "blank", "total", "note", "heading"]


class Sorted(NamedTuple):
    """One row below the headings."""

    number: int
    what: What
    cells: Mapping[ListField, Cell]
    shown: str


def usual_profile(source: str, as_of: str, headings: Sequence[str]) -> ListProfiled:
    """The profile that the usual headings give.

    Raises:
        ListRefusedError: a required field has no column.
    """
    columns = {
        field: next(usual for usual in names if usual in headings)
        for field, names in USUAL_HEADINGS.items()
        if any(usual in headings for usual in names)
    }
    missing = [field for field in REQUIRED_FIELDS if field not in columns]
    if missing:
        raise _no_headings(missing, headings)
    return ListProfiled.model_validate({"effective_on": as_of, "list": source, "columns": columns})


def _no_headings(missing: Sequence[str], seen: Sequence[str]) -> ListRefusedError:
    wanted = "; ".join(f"{f}: {' / '.join(USUAL_HEADINGS[f])}" for f in missing)  # type: ignore[index]  # fields
    return ListRefusedError(
        "headings",
        f"no row among the first {HEADING_ROWS_MAX} has the headings of these fields: {wanted}. Name the columns or "
        "constants in a profile (--profile)",
        value=", ".join(seen)[:200],
    )


class Sorter:
    """Finds the headings among the first rows, then sorts the rows below; `profile` may be None before the headings."""

    def __init__(self, source: str, as_of: str, profile: ListProfiled | None) -> None:
        self.source, self.as_of = source, as_of
        self.profile = profile
        self._places: dict[ListField, int] = {}
        self._headings: list[str] = []

    def sort(self, rows: Iterator[tuple[int, list[Cell]]]) -> Iterator[Sorted]:
        """Every row below the headings.

        Raises:
            ListRefusedError: no headings, too many rows or columns.
        """
        self._find(rows)
        for count, (number, row) in enumerate(rows, 1):
            if count > ROWS_MAX:
                raise ListRefusedError("rows", f"over {ROWS_MAX:,} rows; send the list in parts by region", row=number)
            yield self._sorted(number, row)

    def _find(self, rows: Iterator[tuple[int, list[Cell]]]) -> None:
        best: tuple[int, list[str]] = (-1, [])
        for _, (_, row) in zip(range(HEADING_ROWS_MAX), rows):  # noqa: B905 - the rows go on
            seen = [_heading(cell) for cell in row[:COLUMNS_MAX]]
            found = sum(any(name in seen for name in names) for names in USUAL_HEADINGS.values())
            best = max(best, (found, seen), key=lambda each: each[0])
            if self._settle(seen, found):
                return
        missing = [f for f in REQUIRED_FIELDS if not any(name in best[1] for name in USUAL_HEADINGS[f])]
        if self.profile is not None:
            absent = [heading for heading in self.profile.columns.values() if heading not in best[1]]
            raise ListRefusedError(
                "headings",
                f"the profile of {self.source} names the columns {', '.join(absent)}, which no row among the first "
                f"{HEADING_ROWS_MAX} has; correct the list's headings, or send a new profile (--profile)",
                value=", ".join(filter(None, best[1]))[:200],
            )
        raise _no_headings(missing or REQUIRED_FIELDS, [name for name in best[1] if name])

    def _settle(self, seen: list[str], found: int) -> bool:
        """Whether this row is the heading row."""
        if self.profile is None:
            if found < len(REQUIRED_FIELDS) or not any(name in seen for name in USUAL_HEADINGS["org"]):
                return False
            self.profile = usual_profile(self.source, self.as_of, seen)
        columns = self.profile.columns
        if not all(heading in seen for heading in columns.values()):
            return False
        twice = [heading for heading in columns.values() if seen.count(heading) > 1]
        if twice:
            raise ListRefusedError("headings", f"the heading {twice[0]} stands twice; rename or delete one column")
        self._places = {field: seen.index(heading) for field, heading in columns.items()}
        self._headings = seen
        return True

    def _sorted(self, number: int, row: list[Cell]) -> Sorted:
        width = len(row)
        cells = {field: row[place] if place < width else None for field, place in self._places.items()}
        code = cells["org"]
        if isinstance(code, str) and _CODE.fullmatch(code) and code.strip() not in self._headings:
            return Sorted(number, "row", cells, "")
        return self._unusual(number, row, cells)

    def _unusual(self, number: int, row: list[Cell], cells: Mapping[ListField, Cell]) -> Sorted:
        """A row whose first sight is not that of an organization."""
        filled = [cell for cell in row if not is_blank(cell)]
        shown = " | ".join(str(cell) for cell in filled)[:200]
        if not filled:
            return Sorted(number, "blank", {}, "")
        if len(filled) == 1 and isinstance(filled[0], str) and not _CODE.fullmatch(filled[0]):
            return Sorted(number, "total" if _is_total(filled[0]) else "note", {}, shown)
        code = cells["org"]
        if is_blank(code) or (isinstance(code, str) and _is_total(code)):
            if any(isinstance(cell, str) and _is_total(cell) for cell in filled):
                return Sorted(number, "total", {}, shown)
        elif [_heading(cell) for cell in row[: len(self._headings)]] == self._headings:
            return Sorted(number, "heading", {}, shown)  # printed again on each page
        return Sorted(number, "row", cells, shown)


def _heading(cell: Cell) -> str:
    try:
        return (text(cell) or "").replace(" ", "").strip("*:：")
    except CellError:
        return ""


def _is_total(cell: str) -> bool:
    return cell.replace(" ", "").replace("\u3000", "").strip(":：").lower() in _TOTALS
