"""A form as its template draws it: each field with its words, what is entered, and the fault beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.acts.entries import EMPTY, YES, Entries, control, rows_of
from api.acts.fields import Field
from api.acts.words import Words

# Rows of a table that stand empty below those that are filled.
BLANK_ROWS = 3
# So many rows at most: what one form holds (api.acts.acts_page.FIELDS_MAX); the API takes more.
ROWS_MAX = 300

Faults = Mapping[str, tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Control:
    """One field on the page.

    Attributes:
        field: what it is of.
        name: of the control; an identifier of HTML too.
        label: what it is called.
        hints: how it is written.
        value: the text entered.
        chosen: the values ticked.
        emptied: whether what the ledger has is to be emptied.
        options: of a choice, each value with its words.
        fault: what is wrong with it, and the value meant where the control holds several.
        parts: of a part its fields.
        rows: of a table its rows, each of its fields.
    """

    field: Field
    name: str
    label: str
    hints: list[str]
    value: str
    chosen: Sequence[str]
    emptied: bool
    options: list[tuple[str, str]]
    fault: tuple[str, str | None] | None
    parts: list["Control"]
    rows: list[list["Control"]]


def controls(words: Words, fields: Sequence[Field], entries: Entries, faults: Faults) -> list[Control]:
    """The controls of a form, in order."""
    return [_control(words, field, entries, faults, None, None) for field in fields]


def _control(  # noqa: PLR0917 - what one field is drawn from
    words: Words, field: Field, entries: Entries, faults: Faults, row: int | None, entered: int | None
) -> Control:
    """One field's; `row` is the row's number on the page, `entered` that of the entries, None for a blank row."""
    name = control(field, row)
    from_entry = name if row is None else "" if entered is None else control(field, entered)
    given = list(entries.get(from_entry, ()))
    rows: list[list[Control]] = []
    if field.sort == "rows":
        numbers: list[int | None] = [*rows_of(field, entries)]
        # Rows are numbered anew, as the data's items are: so a fault finds its own.
        shown = [*numbers, *[None] * BLANK_ROWS][:ROWS_MAX]
        rows = [
            [_control(words, part, entries, faults, at, number) for part in field.parts]
            for at, number in enumerate(shown)
        ]
    return Control(
        field, name, words.label(field), words.hints(field), given[-1] if given else "", given,
        YES in entries.get(from_entry + EMPTY, ()), [(each, words.option(field, each)) for each in field.options],
        faults.get(name), [_control(words, part, entries, faults, row, entered) for part in _own_parts(field)], rows,
    )  # fmt: skip


def _own_parts(field: Field) -> Sequence[Field]:
    return field.parts if field.sort == "part" else ()
