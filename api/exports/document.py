"""What a document is, whatever format it is written in."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

from api.exports.form_sheet import FormSheet
from api.site.texts import Lang

# text; count: a whole number; number: any other; percent: a ratio of four places, as text; points: percentage points,
# as text.
Kind = Literal["text", "count", "number", "percent", "points", "date"]


class Withheld(NamedTuple):
    """Stands for a count that may not be published."""

    mark: str = "*"


WITHHELD: Final = Withheld()
Value = str | int | float | date | Withheld | None

# A cell that begins so is taken for a formula by one program or another (OWASP, CSV Injection).
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))
# Drawn as nothing: fillers of Hangul, the joiner of graphemes, selectors of variants, a blank of Braille.
_FILLERS: Final = frozenset(
    "\u115f\u1160\u3164\uffa0\u034f\u2800\u17b4\u17b5" + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet might take a text for a formula, by itself or once it has left away what nobody sees."""
    seen = next((n for n, each in enumerate(text) if not is_invisible(each)), len(text))
    return text.startswith(_FORMULA) or text[seen:].startswith(_FORMULA)


def is_invisible(character: str) -> bool:
    """Whether a character shows nothing: a blank, a mark of direction or joining, a filler, a selector of variants."""
    return unicodedata.category(character) in _INVISIBLE or character in _FILLERS


BARS_MAX: Final = 60


class Column(NamedTuple):
    """One column: its name for machines, its heading, the kind of its values, and what it means."""

    name: str
    title: str
    kind: Kind
    definition: str = ""


class Table(NamedTuple):
    """One table; `totals` of its last rows are sums of those before.

    Rows that are no sequence are read once, while they are written, and have no totals.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Value]]
    totals: int = 0

    @property
    def listed(self) -> Sequence[Sequence[Value]]:
        """The rows of a table that is held whole; none of one that is read once."""
        return self.rows if isinstance(self.rows, Sequence) else ()

    @property
    def first_total(self) -> int | None:
        """The index of the first row of totals; None where there is none."""
        return len(self.listed) - self.totals if self.totals else None


class Chart(NamedTuple):
    """Bars over the first table's rows but the totals, the first BARS_MAX of them.

    The column `label` names a row; `series` are the columns of percent that are drawn.
    """

    title: str
    label: int
    series: Sequence[int]


class Document(NamedTuple):
    """A document: the first table is the summary that the chart stands beside.

    `form` is how a workbook has the first table where offices lay it out in a way of their own.
    """

    name: str
    lang: Lang
    title: str
    sentence: str
    tables: Sequence[Table]
    chart: Chart | None
    evidence: Sequence[tuple[str, str]]
    notes: Sequence[str]
    form: FormSheet | None = None
