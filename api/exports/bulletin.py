"""The weekly bulletin as offices take it away: its columns, its notes, and the document in their layout."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from api.exports.document import Column, Document, Kind, Table, Value
from api.exports.form_sheet import FormRow, FormSheet
from api.site.formats import Names, whole
from api.site.texts import Lang, text
from domain.ledger.rates import ratio
from services.assessment.bulletin import Bulletin, Line

COLUMNS: Final[dict[str, Kind]] = {
    "to_visit": "count", "visited": "count", "visited_share": "percent", "excluded": "count",
    "organizations": "count", "standalone": "count", "joint": "count", "affiliated": "count",
    "organization_covered": "count", "organization_coverage": "percent", "change": "points", "rank": "count",
    "moved_up": "count", "eligible_missing": "count", "instructed": "count", "work_coverage": "percent",
    "large": "count", "large_established": "count", "large_share": "percent", "formed": "count", "term_over": "count",
    "remarks": "text",
}  # fmt: skip


def cells(line: Line) -> dict[str, str | int | None]:
    """A line's values by column: percentages as ratios of four places, differences in points, None where open."""
    to_visit, visited = (None, None) if line.survey is None else line.survey
    counts, rates = line.counts._asdict(), line.rates
    own = {
        "to_visit": to_visit,
        "visited": visited,
        "visited_share": ratio(visited, to_visit or 0),
        "organization_coverage": rates["organization_coverage"].value,
        "change": line.change,
        "rank": None if line.rank is None else line.rank.rank,
        "moved_up": line.moved_up,
        "eligible_missing": line.eligible_missing,
        "instructed": line.instructed,
        "work_coverage": rates["work_coverage"].value,
        "large": line.large,
        "large_established": line.large_established,
        "large_share": ratio(line.large_established, line.large),
        "formed": line.formed,
        "term_over": line.term_over,
        "remarks": None,
    }
    return {name: own[name] if name in own else counts[name] for name in COLUMNS}


def heading(lang: Lang, name: str) -> str:
    """What a column is called."""
    return text(lang, f"bulletin.column.{name}")


def title(names: Names, found: Bulletin, as_of: date) -> str:
    """What the bulletin is called: of what, on which date."""
    kind = found.asked.kind
    of = text(names.lang, "bulletin.of_all") if kind is None else text(names.lang, f"kind.{kind}")
    return text(names.lang, "bulletin.title", of=of, as_of=as_of.isoformat())


def notes(names: Names, found: Bulletin, *, scoped: bool) -> list[str]:
    """How it is counted, and what is left open (口径说明)."""
    lang, asked = names.lang, found.asked
    said = [text(lang, "bulletin.note.previous", previous=asked.previous.isoformat())]
    said += [text(lang, f"bulletin.note.{name}") for name in ("rank", "points", "large", "branches")]
    if found.without_end:
        said.append(text(lang, "bulletin.note.without_end", count=whole(found.without_end)))
    if asked.survey is None:
        said.append(text(lang, "bulletin.note.no_survey"))
    return [*said, text(lang, "bulletin.note.scope")] if scoped else said


def bulletin_document(
    found: Bulletin, names: Names, as_of: date, said: str, evidence: Sequence[tuple[str, str]], *, scoped: bool
) -> Document:
    """The document: the form as offices lay it out; `said` is the sentence with both clocks."""
    lang, told = names.lang, notes(names, found, scoped=scoped)
    lines = [*found.lines, found.total]
    named = [text(lang, "total") if line.region is None else names.place(line.region or None) for line in lines]
    rows = [list(cells(line).values()) for line in lines]
    columns = [
        Column("region", text(lang, "region"), "text"), Column("place", text(lang, "bulletin.place"), "text"),
        *(Column(name, heading(lang, name), kind) for name, kind in COLUMNS.items()),
    ]  # fmt: skip
    made: list[list[Value]] = [[line.region, name, *row] for line, name, row in zip(lines, named, rows, strict=True)]
    return Document(
        name=f"bulletin-{as_of}",
        lang=lang,
        title=title(names, found, as_of),
        sentence=said,
        tables=[Table("bulletin", text(lang, "bulletin.sheet"), columns, made, 1)],
        chart=None,
        evidence=evidence,
        notes=told,
        form=FormSheet(
            title(names, found, as_of),
            (text(lang, "statutory.unit"), text(lang, "bulletin.units")),
            (text(lang, "bulletin.place"), text(lang, "bulletin.number"), *(heading(lang, name) for name in COLUMNS)),
            text(lang, "statutory.stubs"),
            [
                FormRow(None, name, number, list(map(_typed, COLUMNS.values(), row)))
                for number, (name, row) in enumerate(zip(named, rows, strict=True), 1)
            ],
            [text(lang, f"statutory.{each}") for each in ("unit", "reviewed", "filled", "reported")],
            [said, text(lang, "statutory.notes"), *(f"{number}. {each}" for number, each in enumerate(told, 1))],
            tuple(COLUMNS.values()),
        ),
    )  # fmt: skip


def _typed(kind: Kind, value: str | int | None) -> str | float | None:
    """A value as a workbook has it: ratios and points as numbers."""
    return float(value) if kind in ("percent", "points") and value is not None else value
