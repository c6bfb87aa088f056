"""A statistical table as offices take it away: its words, its notes, and the document of its cells and check sums."""

from collections.abc import Mapping, Sequence

from api.exports.document import Column, Document, Table, Value
from api.exports.form_sheet import FormRow, FormSheet
from api.site.formats import Names, whole
from api.site.texts import Lang, has, text
from domain.figures.statutory import TOTAL, Checked, Line
from domain.figures.statutory import Column as Heading
from services.assessment.statutory import Filled


def heading(lang: Lang, column: Heading) -> str:
    """What a column is called."""
    return _first(lang, f"statutory.column.{column.name}", f"category.{column.name}", f"tier.{column.name}")


def title(lang: Lang, line: Line) -> str:
    """What a line is called; a part of another says so."""
    own = text(lang, f"statutory.line.{line.name}")
    return text(lang, "statutory.within", title=own) if line.within else own


def stub(lang: Lang, line: Line) -> str | None:
    """Under what a line stands."""
    return None if line.stub is None else _first(lang, f"statutory.stub.{line.stub}", f"kind.{line.stub}")


def _first(lang: Lang, *keys: str) -> str:
    return text(lang, next(key for key in keys if has(key)))


def relation(lang: Lang, check: Checked, columns: Mapping[str, Heading]) -> str:
    """A check sum in words: between lines of a column, or between columns of a line."""
    sign = "≤" if check.relation == "<=" else "="
    lines = {line for line, _ in (*check.left, *check.right)}
    if len(lines) == 1:
        sides = [" + ".join(heading(lang, columns[name]) for _, name in side) for side in (check.left, check.right)]
        return text(lang, "statutory.check.columns", line=lines.pop(), relation=f" {sign} ".join(sides))
    sides = [
        " + ".join(text(lang, "statutory.check.line", line=line) for line, _ in side)
        for side in (check.left, check.right)
    ]
    column = heading(lang, columns[check.left[0][1]])
    return text(lang, "statutory.check.lines", column=column, relation=f" {sign} ".join(sides))


def holds(lang: Lang, check: Checked) -> str:
    """Whether a check sum holds, in a word."""
    return text(lang, f"statutory.check.{'null' if check.holds is None else str(check.holds).lower()}")


def notes(lang: Lang, found: Filled, as_of: str, *, scoped: bool) -> list[str]:
    """How the table is counted, and what it leaves out or open (口径说明)."""
    table = found.asked.table
    said = [text(lang, f"statutory.note.{table.name}")]
    said += [text(lang, f"statutory.note.{name}", count=whole(count)) for name, count in found.beside.items() if count]
    said += [
        text(lang, "statutory.note.unknown", line=line.number, count=whole(unknown))
        for line in table.lines
        if (unknown := found.cells[line.number, TOTAL].unknown)
    ]
    if table.categories:
        said += [text(lang, f"statutory.note.{name}") for name in ("members", "persons", "open")]
    else:
        said.append(text(lang, "statutory.note.elected", since=found.asked.since.isoformat(), as_of=as_of))
    return [*said, text(lang, "statutory.note.scope")] if scoped else said


def place(names: Names, found: Filled) -> str:
    """Of which region and body the table is, in words."""
    region, body = found.asked.region, found.asked.body
    said = [names.place(region) if region else "", names.term("body", body) if body else ""]
    here = " · ".join(each for each in said if each) or text(names.lang, "statutory.everywhere")
    return text(names.lang, "statutory.place", place=here)


def statutory_document(
    found: Filled, names: Names, as_of: str, said: str, evidence: Sequence[tuple[str, str]], *, scoped: bool
) -> Document:
    """The document: the form as offices lay it out, and its check sums; `said` is the sentence with both clocks."""
    lang, table = names.lang, found.asked.table
    told = notes(lang, found, as_of, scoped=scoped)
    headings = [heading(lang, column) for column in table.columns]
    rows = [
        FormRow(
            stub(lang, line), title(lang, line), line.number,
            [found.cells[line.number, column.name].value for column in table.columns],
        )
        for line in table.lines
    ]  # fmt: skip
    name = text(lang, f"statutory.table.{table.name}")
    return Document(
        name=f"statutory-{table.name}-{as_of}",
        lang=lang,
        title=name,
        sentence=said,
        tables=[_cells(lang, found, rows, headings), _checks(lang, found)],
        chart=None,
        evidence=evidence,
        notes=told,
        form=FormSheet(
            name,
            (text(lang, "statutory.unit"), place(names, found)),
            (text(lang, "statutory.item"), text(lang, "statutory.number"), *headings),
            text(lang, "statutory.stubs"),
            rows,
            [text(lang, f"statutory.{each}") for each in ("unit", "reviewed", "filled", "reported")],
            [said, text(lang, "statutory.notes"), *(f"{number}. {each}" for number, each in enumerate(told, 1))],
        ),
    )


def _cells(lang: Lang, found: Filled, rows: Sequence[FormRow], headings: Sequence[str]) -> Table:
    table = found.asked.table
    columns = [
        Column("line", text(lang, "statutory.number"), "count"), Column("item", text(lang, "statutory.item"), "text"),
        *(Column(each.name, named, "count") for each, named in zip(table.columns, headings, strict=True)),
    ]  # fmt: skip
    made: list[list[Value]] = [
        [row.number, " · ".join(filter(None, (row.stub, row.title))), *row.values] for row in rows
    ]
    return Table("table", text(lang, "statutory.sheet"), columns, made)


def _checks(lang: Lang, found: Filled) -> Table:
    columns = [
        Column("check", text(lang, "statutory.check"), "text"),
        Column("left", text(lang, "statutory.check.left"), "count"),
        Column("right", text(lang, "statutory.check.right"), "count"),
        Column("holds", text(lang, "statutory.check.holds"), "text"),
    ]
    named = {column.name: column for column in found.asked.table.columns}
    rows = [[relation(lang, check, named), *check.sums, holds(lang, check)] for check in found.checks]
    return Table("checks", text(lang, "statutory.checks"), columns, rows)
