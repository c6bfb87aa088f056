"""The headings of a sheet: over one to three rows, merged or not, and which column is read for which field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from domain.events.lists import PLACE_FIELDS, REQUIRED_FIELDS, ListProfiled
from domain.listing.list_cells import Cell, CellError, text
from domain.listing.list_columns import (
    SERIAL_HEADINGS,
    USUAL_HEADINGS,
    ListField,
    is_ended,
    is_personal,
    plain_heading,
)
from domain.listing.list_words import CATEGORY_WORDS, STATUS_WORDS
from services.lists.errors import ListRefusedError
from services.lists.workbook import Range

HEADING_ROWS_MAX: Final = 30
LEVELS_MAX: Final = 3
COLUMNS_MAX: Final = 200
_MARKED: Final[Mapping[ListField, Mapping[str, str]]] = {"category": CATEGORY_WORDS, "status": STATUS_WORDS}
# Below such a heading 名称 and 地址 are of another body than the organization of the row.
_OTHERS: Final = ("党", "团组织", "工会", "妇联", "上级", "主管", "联系", "指导")

Row = tuple[int, list[Cell]]
What = Literal["read", "personal", "set_aside", "ended", "serial", "not_read"]


class Label(NamedTuple):
    """The headings above one column, from the top, as `plain_heading` gives them; and as they stand in the file."""

    path: tuple[str, ...]
    shown: str

    def is_called(self, heading: str) -> bool:
        """Whether a heading means this column: its lowest heading, or several of them from some level down."""
        if heading == self.path[-1]:
            return len(self.path) == 1 or not any(word in above for above in self.path[:-1] for word in _OTHERS)
        whole = heading.replace("/", "")
        return any("".join(self.path[at:]).replace("/", "") == whole for at in range(len(self.path)))


class Column(NamedTuple):
    """What becomes of one column."""

    place: int
    shown: str
    what: What
    field: ListField | None


@dataclass(slots=True)
class Layout:
    """How a sheet's rows are read.

    Attributes:
        profile: with the headings that are read, by field.
        places: by field its column; or the columns that a mark stands in, by the value that it means.
        columns: every column that has a heading.
        headings: of the headings and the titles above them, what stands in each row; they may be printed again on
            each page.
    """

    profile: ListProfiled
    places: dict[ListField, int | dict[str, int]]
    columns: list[Column]
    headings: list[list[str]] = field(default_factory=list)

    def of(self, *whats: What) -> frozenset[int]:
        """The columns of which this becomes."""
        return frozenset(each.place for each in self.columns if each.what in whats)

    @property
    def serials(self) -> frozenset[int]:
        """The columns that only number the rows."""
        return self.of("serial")


def known_headings(row: Sequence[Cell], profile: ListProfiled | None) -> int:
    """How many fields have a heading in one row."""
    seen = set(_plain_row(row))
    if profile is not None:
        return sum(plain_heading(heading) in seen for heading in profile.columns.values())
    return sum(any(name in seen for name in names) for names in USUAL_HEADINGS.values())


class Headings:
    """Finds the headings among a sheet's first rows."""

    def __init__(self, source: str, as_of: str, profile: ListProfiled | None) -> None:
        self.source, self.as_of, self.profile = source, as_of, profile

    def find(self, rows: Sequence[Row], merged: Sequence[Range]) -> tuple[int, Layout]:
        """The index below the headings, and how the rows there are read.

        Raises:
            ListRefusedError: no headings of the fields that a list must have, or ambiguous ones.
        """
        best = max(self._blocks(rows, merged), key=lambda each: (each[0], -each[2], each[1]), default=None)
        if best is None:
            raise _no_headings(REQUIRED_FIELDS, [])
        _, end, _, labels = best
        if len(labels) > COLUMNS_MAX:
            raise ListRefusedError("columns", f"over {COLUMNS_MAX} columns; leave only those of the list", row=end)
        places = self._assigned(labels)
        self._require(places, labels)
        layout = self._layout(labels, places)
        layout.headings = [_plain_row(row) for _, row in rows[:end] if any(_plain_row(row))]
        return end, layout

    def _blocks(
        self, rows: Sequence[Row], merged: Sequence[Range]
    ) -> Iterator[tuple[int, int, int, list[Label | None]]]:
        """Fields found, end, start and labels of every block of rows that may be the headings."""
        for start in range(len(rows)):
            if start and _is_group_row(rows[start - 1]) and _is_grouped(rows[start - 1 : start + 1], merged):
                continue  # what stands above says whose name or address it is
            for levels in range(1, LEVELS_MAX + 1):
                block = rows[start : start + levels]
                # A title of one cell above is no level of the headings: three may stand below it.
                if len(block) < levels or (levels > 1 and not (_is_group_row(block[0]) and _is_grouped(block, merged))):
                    break
                labels = _labels(block, merged)
                if any(labels):
                    yield len(self._assigned(labels)), start + levels, start, labels

    def _assigned(self, labels: Sequence[Label | None]) -> dict[ListField, int | dict[str, int]]:
        """By field the column whose heading means it, the surest heading first."""
        wanted: Mapping[ListField, Sequence[str]] = USUAL_HEADINGS
        if self.profile is not None:
            wanted = {name: (plain_heading(heading),) for name, heading in self.profile.columns.items()}
        found: dict[ListField, int | dict[str, int]] = {}
        taken: set[int] = set()
        for name, headings in wanted.items():
            for heading in headings:
                here = [at for at, label in enumerate(labels) if label and at not in taken and label.is_called(heading)]
                here = [at for at in here if self.profile is not None or not _is_never_read(labels[at])]
                if here:
                    found[name] = here[0]
                    taken.add(here[0])
                    break
            else:
                marked = _marked(name, headings, labels, by_usual=self.profile is None)
                if marked:
                    found[name] = marked
                    taken.update(marked.values())
        if self.profile is None:
            _leave_places_to_the_code(found, labels)
        return found

    def _require(self, places: Mapping[ListField, object], labels: Sequence[Label | None]) -> None:
        names = [label.shown for label in labels if label]
        if self.profile is not None:
            absent = [heading for name, heading in self.profile.columns.items() if name not in places]
            if absent:
                raise ListRefusedError(
                    "headings",
                    f"the profile of {self.source} names the columns {', '.join(absent)}, which no row among the first "
                    f"{HEADING_ROWS_MAX} has; correct the list's headings, or send a new profile (--profile)",
                    value=", ".join(names)[:200],
                )
        else:
            missing = [name for name in REQUIRED_FIELDS if name not in places]
            if "region" in missing and any(name in places for name in PLACE_FIELDS):
                missing.remove("region")
            if missing:
                raise _no_headings(missing, names)

    def _layout(self, labels: Sequence[Label | None], places: dict[ListField, int | dict[str, int]]) -> Layout:
        chosen = [at for at in places.values() if isinstance(at, int)]
        for at in chosen:
            label = labels[at]
            again = [n for n, other in enumerate(labels) if label and other and other.path == label.path]
            if label and len(again) > 1:
                raise ListRefusedError(
                    "headings", f"the heading {label.shown} stands twice; rename or delete one column"
                )
        shown = {name: _shown(at, labels) for name, at in places.items()}
        profile = self.profile or ListProfiled.model_validate(
            {"effective_on": self.as_of, "list": self.source, "columns": shown}
        )
        return Layout(profile, places, self._columns(labels, places))

    def _columns(
        self, labels: Sequence[Label | None], places: Mapping[ListField, int | dict[str, int]]
    ) -> list[Column]:
        fields: dict[int, ListField] = {}
        for name, at in places.items():
            fields |= {at: name} if isinstance(at, int) else dict.fromkeys(at.values(), name)
        aside = {plain_heading(each) for each in self.profile.set_aside} if self.profile else set()
        found = []
        for at, label in enumerate(labels):
            if label is None:
                continue
            what: What = "not_read"
            if at in fields:
                what = "read"
            elif any(label.is_called(heading) for heading in aside):
                what = "set_aside"
            elif _is_never_read(label):
                what = "personal"
            elif is_ended(label.path[-1]):
                what = "ended"
            elif label.path[-1] in SERIAL_HEADINGS:
                what = "serial"
            found.append(Column(at, label.shown, what, fields.get(at)))
        return found


def _is_never_read(label: Label | None) -> bool:
    return label is not None and any(map(is_personal, label.path))


def _leave_places_to_the_code(found: dict[ListField, int | dict[str, int]], labels: Sequence[Label | None]) -> None:
    """A column of division codes says all; names of towns beside it are not read as well."""
    at = found.get("region")
    label = labels[at] if isinstance(at, int) else None
    if label is not None and "代码" in label.path[-1]:
        found.pop("town", None)
        found.pop("village", None)


def _marked(
    name: ListField, headings: Sequence[str], labels: Sequence[Label | None], *, by_usual: bool
) -> dict[str, int]:
    """The columns below one heading of a field, each of which stands for a value."""
    words = _MARKED.get(name)
    if words is None:
        return {}
    below = {label.path[-1]: at for at, label in enumerate(labels) if label and set(label.path[:-1]) & set(headings)}
    if len(below) > 1:
        return below
    alone = {label.path[-1]: at for at, label in enumerate(labels) if label and label.path[-1] in words}
    return alone if by_usual and name == "category" and len(alone) > 1 else {}


def _shown(at: int | dict[str, int], labels: Sequence[Label | None]) -> str:
    if isinstance(at, int):
        label = labels[at]
        return label.shown[:200] if label else ""
    return "/".join(at)[:200]


def _plain_row(row: Sequence[Cell]) -> list[str]:
    return [_plain(cell) for cell in row]


def _plain(cell: Cell) -> str:
    try:
        return plain_heading(text(cell) or "")
    except CellError:
        return ""


def _said(cell: Cell) -> str:
    try:
        return text(cell) or ""
    except CellError:
        return ""


def _spread(block: Sequence[Row], merged: Sequence[Range]) -> list[list[Cell]]:
    """The block's cells, where those merged, and those left blank right of a group's heading, hold its words."""
    width = max(len(row) for _, row in block)
    cells = [row + [None] * (width - len(row)) for _, row in block]
    tops = [number - 1 for number, _ in block]
    for top, left, bottom, right in merged:
        value = cells[tops.index(top)][left] if top in tops and left < width else None
        for level, at in enumerate(tops):
            if top <= at <= bottom and value is not None:
                cells[level][left : right + 1] = [value] * (min(right + 1, width) - left)
    for level in range(len(cells) - 1):
        for at in range(1, width):
            # Only right of a heading, above words of their own, and not where the heading itself goes on down.
            if _said(cells[level][at]) or not _said(cells[level + 1][at]) or not _said(cells[level + 1][at - 1]):
                continue
            cells[level][at] = cells[level][at - 1]
    return cells


def _is_group_row(row: Row) -> bool:
    """Whether a row holds several headings, and is no title and no line of who reports what."""
    return len({_plain(cell) for cell in row[1]} - {""}) > 1 and not any(":" in _plain(cell) for cell in row[1])


def _labels(block: Sequence[Row], merged: Sequence[Range]) -> list[Label | None]:
    spread = _spread(block, merged)
    # What stands above all columns alike is the list's title.
    upper = zip(block[:-1], spread[:-1], strict=True)
    cells = [*(level for row, level in upper if _is_group_row(row)), spread[-1]]
    found: list[Label | None] = []
    for at in range(len(cells[0])):
        path: list[str] = []
        shown: list[str] = []
        for level in cells:
            plain = _plain(level[at])
            if plain and (not path or path[-1] != plain):
                path.append(plain)
                shown.append(_said(level[at]))
        found.append(Label(tuple(path), "/".join(shown)) if path else None)
    return found


def _is_grouped(block: Sequence[Row], merged: Sequence[Range]) -> bool:
    """Whether the last row goes on below the headings above it, of which one at least spans several columns."""
    above = _spread(block, merged)[-2]
    number, last = block[-1]
    joined = {
        column
        for top, left, bottom, right in merged
        if left < right and any(top <= n - 1 <= bottom for n, _ in block[:-1])
        for column in range(left, right + 1)
    }
    down = {left for top, left, bottom, right in merged if left == right and top < number - 1 <= bottom}
    words = [at for at, cell in enumerate(last) if _said(cell) and at not in down]
    if not words:
        return False

    def spans(at: int) -> bool:
        own = _said(above[at])
        beside = [_said(above[n]) for n in (at - 1, at + 1) if 0 <= n < len(above)]
        return bool(own) and (at in joined or own in beside)

    def is_below(at: int) -> bool:
        # A heading may have one heading below it; an organization's row has a code.
        return spans(at) or not _said(above[at]) or not any(map(str.isdigit, _said(last[at])))

    return any(map(spans, words)) and all(map(is_below, words))


def _no_headings(missing: Sequence[ListField], seen: Sequence[str]) -> ListRefusedError:
    wanted = "; ".join(f"{name}: {' / '.join(USUAL_HEADINGS[name][:8])}" for name in missing)
    return ListRefusedError(
        "headings",
        f"no row among the first {HEADING_ROWS_MAX} has the headings of these fields: {wanted}. Name the columns or "
        "constants in a profile (--profile)",
        value=", ".join(seen)[:200],
    )
