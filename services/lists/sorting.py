"""What each row below the headings is, told by its form: an organization, a total, a foot, a heading, or nothing."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from domain.fieldwork.lists import Refusal
from domain.listing.list_cells import Cell, CellError, Fault, fault, is_blank, is_nothing, seen, text
from domain.listing.list_columns import ListField, plain_heading
from domain.listing.list_marks import says_over
from services.lists.headings import Layout
from services.lists.workbook import Range

What = Literal["row", "blank", "total", "note", "heading"]

_CREDIT_CODE: Final = re.compile(r"[0-9A-Z]{18}", re.ASCII)
_TOTAL_WORDS: Final = "(?:合计|总计|小计|共计|累计)数?|总数|总户数|累计户数|记录数|总记录数|平均|均值|total"
_UNITS: Final = "户|家|个|人|名|条|所|万元|元|户数|家数"
# 合计, 【本页小计】, 合计：100户, 合计（户）：100, 其中：规上, 共 100 户; not a name that only holds the words.
_TOTAL: Final = re.compile(
    rf"[\[(【〔]?(?:.{{0,20}}?(?:{_TOTAL_WORDS})[\])】〕]?"
    rf"(?:[:;,].{{0,200}}|\((?:{_UNITS})\)(?:[:]?[0-9][0-9,.]*|[:]?)|[(:]?[0-9][0-9,.]*(?:{_UNITS})?\)?[。.;]?)?"
    rf"|(?:总共|共|计|共有)[0-9][0-9,.]*(?:{_UNITS}).{{0,40}}|其中(?:[:].{{0,40}})?)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(rf"[-+]?[0-9][0-9,.]*(?:%|{_UNITS})?")
_WHO: Final = (
    "制表|填表|填报|审核|审批|复核|校对|经办|负责|单位负责|统计负责|分管领导|主管领导|部门负责|联系|报送|上报|报表|打印|导出|"
    "生成|查询|编制|数据来源|来源|截至|截止|数据截至|口径|说明|注|备注|附注|盖章|公章|日期|时间|单位|电话"
)
# 制表人：…, 单位负责人（签章）：, 说明：…
_SAID: Final = re.compile(rf"\(?(?:{_WHO})[^:]{{0,12}}[:].*", re.DOTALL)
_ASKED: Final = re.compile(
    r"(?:制表|填表|填报|审核|复核|经办|负责|单位负责|统计负责|报送|打印|导出|联系)(?:人|员|单位|日期|时间|电话)?(?:\((?:签章|签字|盖章)\))?|"
    r"\(?(?:盖章|公章|签章|签字)\)?|日期"
)
_COUNT: Final = "(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,6})"
_PAGE: Final = re.compile(
    rf"第?{_COUNT}页?[/,共、]{{1,3}}{_COUNT}页|第{_COUNT}页|共{_COUNT}页|[0-9]{{1,5}}/[0-9]{{1,5}}页?|"
    r"[-—–][0-9]{1,5}[-—–]|page[0-9]{1,5}(?:of[0-9]{1,5})?",
    re.IGNORECASE,
)
_DAY: Final = r"[0-9]{4}[年./-][0-9]{1,2}[月./-](?:[0-9]{1,2}日?)?"
_PART: Final = re.compile(
    rf"\(?[一二三四五六七八九十]{{1,3}}[、.)].{{0,60}}|{_DAY}|(?:数据)?截[至止]到?{_DAY}止?|"
    rf"(?:制表|打印|导出|填报|生成|查询)(?:日期|时间)?{_DAY}[0-9:]{{0,8}}|"
    r"\(?[-—–]{0,4}(?:以下空白|以下无正文|续表|续下页|续)[-—–]{0,4}\)?|[-=_*—–]{3,}|"
    r"续上页|接上页|转下页|承上页|过次页|\(?完\)?|※.*|(?:注|说明|备注)[0-9]?[.、)].*|\*+注.*",
    re.DOTALL,
)
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_SHOWN_MAX: Final = 200


class Sorted(NamedTuple):
    """One row below the headings; `refusal`, without its row, where it can be seen already that it cannot be read."""

    number: int
    what: What
    cells: Mapping[ListField, Cell | dict[str, Cell]]
    shown: str
    refusal: Refusal | None = None


class Sorter:
    """Tells the rows of one sheet apart.

    Attributes:
        unheaded: columns in which rows hold something and that have no heading.
    """

    def __init__(self, layout: Layout, merged: Sequence[Range], *, is_text: bool) -> None:
        self.layout, self.unheaded = layout, set[int]()
        self._is_text = is_text
        self._code = layout.places.get("org")
        self._ignored = layout.of("personal", "set_aside")
        self._ended = layout.of("ended")
        self._unread = layout.of("not_read")
        self._known = frozenset(each.place for each in layout.columns)
        self._width = max(self._known, default=-1) + 1
        self._across = {top for top, left, bottom, right in merged if right - left >= 2 and top == bottom}
        self._counted = layout.places.get("employees")
        self._shared = _shared(merged, self._counted, self._code)
        self._single = [(name, at) for name, at in layout.places.items() if isinstance(at, int)]
        self._marks = [(name, at) for name, at in layout.places.items() if not isinstance(at, int)]

    def sort(self, number: int, row: list[Cell]) -> Sorted:
        """What one row is, with its fields' cells."""
        code = row[self._code] if isinstance(self._code, int) and self._code < len(row) else None
        if not (isinstance(code, str) and _CREDIT_CODE.fullmatch(code)):
            what = self._form(number, row)
            if what != "row":
                return Sorted(number, what, {}, self._shown(row))
        return Sorted(number, "row", self._cells(row), "", self._refusal(row) or self._shared_number(number, row))

    def _cells(self, row: list[Cell]) -> dict[ListField, Cell | dict[str, Cell]]:
        width = len(row)
        found: dict[ListField, Cell | dict[str, Cell]] = {
            name: row[at] if at < width else None for name, at in self._single
        }
        for name, places in self._marks:
            found[name] = {value: row[at] if at < width else None for value, at in places.items()}
        return found

    def _shared_number(self, number: int, row: list[Cell]) -> Refusal | None:
        at = self._counted
        if _is_within(number, self._shared) and isinstance(at, int) and at < len(row) and not is_nothing(row[at]):
            return Refusal(
                0, self._heading(at), str(row[at])[:80], "merged_number",
                "the cell is merged over several organizations, and whose number it is cannot be told; take the "
                "merging back and enter the number of each",
                "", letters(at),
            )  # fmt: skip
        return None

    def _refusal(self, row: list[Cell]) -> Refusal | None:
        """Why an organization's row cannot be read whatever its fields say."""
        for at, cell in enumerate(row):
            if cell is None or (cell.__class__ is str and cell[:1] not in "#E"):
                continue
            error = fault(cell) if at not in self._ignored else None
            if error is not None:
                return Refusal(0, self._heading(at), str(cell)[:80], error.rule, str(error), "", letters(at))
        stray = self._stray(row) if self._is_text and len(row) != self._width else None
        if stray is not None:
            return Refusal(
                0, "", str(row[stray])[:80], "cells_beyond",
                f"the row has {len(row)} cells and the headings {self._width}, and this cell stands under none; a "
                "delimiter stands without quotes in a cell or a heading: export the list again, as .xlsx or with every "
                "cell in quotes",
            )  # fmt: skip
        for at in self._ended:
            if at < len(row) and not is_nothing(row[at]):
                return Refusal(
                    0, self._heading(at), str(row[at])[:80], "ended",
                    "the row says when its registration ended; take it out of the list, let a column of its state "
                    "(登记状态) say so, or set the column aside by name (set_aside) in the profile",
                    "", letters(at),
                )  # fmt: skip
        for at in self._unread:
            if at < len(row) and says_over(row[at], plain_heading(self._heading(at))):
                return Refusal(
                    0, self._heading(at), str(row[at])[:80], "over_unread",
                    "a column that is not read says that the registration is over; name the column in the profile as "
                    "status, or set it aside by name (set_aside), or take the row out of the list",
                    "", letters(at),
                )  # fmt: skip
        if len(row) > self._width or len(self._known) < self._width:
            self.unheaded |= {at for at, cell in enumerate(row) if at not in self._known and not is_blank(cell)}
        return None

    def _stray(self, row: list[Cell]) -> int | None:
        """The first cell that holds anything and stands under no heading."""
        return next((at for at, cell in enumerate(row) if at not in self._known and not is_blank(cell)), None)

    def _heading(self, at: int) -> str:
        return next((each.shown for each in self.layout.columns if each.place == at), letters(at))

    def _form(self, number: int, row: list[Cell]) -> What:
        filled = [(at, cell) for at, cell in enumerate(row) if not is_blank(cell)]
        if not filled or {at for at, _ in filled} <= self.layout.serials:
            return "blank"
        if self._is_heading(filled) or _is_numbering([cell for _, cell in filled]):
            return "heading"
        words = [seen(cell) if isinstance(cell, str) else cell for _, cell in filled]
        if len(filled) == 1 and number - 1 in self._across and not isinstance(words[0], Fault):
            return "total" if _is_total(words) else "note"
        if _is_total(words):
            return "total"
        return "note" if _is_foot(words) else "row"

    def _is_heading(self, filled: Sequence[tuple[int, Cell]]) -> bool:
        try:
            plain = {at: plain_heading(text(cell) or "") for at, cell in filled}
        except CellError:
            return False
        return any(
            all(at < len(heading) and heading[at] == word for at, word in plain.items())
            and 2 * len(plain) >= sum(map(bool, heading))
            for heading in self.layout.headings
        )

    def _shown(self, row: list[Cell]) -> str:
        """What stands in a row that is left out, without what may name a person."""
        kept = [str(cell) for at, cell in enumerate(row) if at not in self._ignored and not is_blank(cell)]
        shown: list[str] = []
        asked = False
        for words in kept:
            plain = seen(words)
            label, colon, _ = plain.partition(":")
            # A foot's label says what it is; who signed is nobody's concern here.
            if _SAID.fullmatch(plain) and not plain.startswith(("说明", "注", "备注", "口径")):
                shown.append(f"{label}{colon}…")
            else:
                shown.append("…" if asked else words)
            asked = bool(_ASKED.fullmatch(plain.rstrip(":")))
        return " | ".join(shown)[:_SHOWN_MAX]


def letters(place: int) -> str:
    """A column's letters, from its place from 0: A, Z, AA."""
    found = ""
    while place >= 0:
        found = chr(65 + place % 26) + found
        place = place // 26 - 1
    return found


def _is_numbering(cells: Sequence[Cell]) -> bool:
    """Whether cells number the columns, as below the headings of statistical forms: 甲 乙 1 2 3."""
    if len(cells) < 3:
        return False
    said = [str(int(cell)) if isinstance(cell, float) and cell.is_integer() else seen(str(cell)) for cell in cells]
    stems = [each for each in said if each in _STEMS and len(each) == 1]
    numbers = said[len(stems) :]
    return "".join(stems) == _STEMS[: len(stems)] and numbers == [str(n) for n in range(1, len(numbers) + 1)]


def _is_total(words: Sequence[Cell]) -> bool:
    """Whether a row sums others up: the word for it, and beside it nothing but numbers."""
    totals = [word for word in words if isinstance(word, str) and _TOTAL.fullmatch(word)]
    return bool(totals) and all(
        word in totals or isinstance(word, int | float | Fault) or is_nothing(word)
        or (isinstance(word, str) and (_NUMBER.fullmatch(word) or fault(word) is not None))
        for word in words
    )  # fmt: skip


def _is_foot(words: Sequence[Cell]) -> bool:
    """Whether a row is of a list's foot: who made it, when, which page, what it means."""
    asked = False
    for word in words:
        if isinstance(word, str):
            if _SAID.fullmatch(word) or _PAGE.fullmatch(word) or _PART.fullmatch(word):
                asked = word.endswith(":")
                continue
            if _ASKED.fullmatch(word):
                asked = True
                continue
        # What stands beside a label that ends there is its answer.
        if not asked or isinstance(word, Fault):
            return False
        asked = False
    return not isinstance(words[0], Fault)


def _shared(merged: Sequence[Range], counted: object, code: object) -> list[tuple[int, int]]:
    """From which row to which a number stands in cells merged over several rows, though each has a code of its own."""
    down = {each for each in merged if each[1] == each[3] and each[0] < each[2]}
    one = {(top, bottom) for top, left, bottom, _ in down if left == code}
    found: list[tuple[int, int]] = []
    for top, left, bottom, _ in sorted(down):
        if left != counted or (top, bottom) in one:
            continue
        if found and top < found[-1][1]:  # a file may say that ranges overlap
            found[-1] = (found[-1][0], max(found[-1][1], bottom + 1))
        else:
            found.append((top + 1, bottom + 1))
    return found


def _is_within(number: int, ranges: Sequence[tuple[int, int]]) -> bool:
    at = bisect_right(ranges, number, key=itemgetter(0)) - 1
    return at >= 0 and number <= ranges[at][1]
