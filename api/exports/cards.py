"""A card as offices take it away: its lines in words, and the document in their layout."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

from api.exports.document import Column, Document, Table, Value
from api.exports.form_sheet import FormRow, FormSheet
from api.site.formats import Names
from api.site.texts import has, text
from domain.ledger.placements import NONE
from services.inspection.cards import Card, CardLine

_COLUMNS: Final = ("content", "events", "remark")


def item(names: Names, line: CardLine) -> str:
    """What a line is called."""
    keys = (f"card.item.{line.item}", line.item, f"column.{line.item}", f"count.{line.item}")
    return text(names.lang, next(key for key in keys if has(key)))


def part(names: Names, name: str) -> str:
    """Under what a line stands."""
    return text(names.lang, f"card.part.{name}")


def content(names: Names, line: CardLine) -> str | int | None:
    """What a line says, in words; None where nothing was said or it is left open."""
    value = line.value
    if isinstance(value, str):
        return _in_words(names, line.item, value)
    if isinstance(value, bool):
        return text(names.lang, "yes" if value else "no")
    return value.isoformat() if isinstance(value, date) else value


def _in_words(names: Names, item_: str, value: str) -> str:
    if value.startswith("band_"):
        return text(names.lang, f"card.{value}")
    if item_.startswith("body_kind.") and value == NONE:
        return text(names.lang, "body.none")
    if item_ == "lacks":
        return "、".join(text(names.lang, f"lack.{each}") for each in value.split(", "))
    return names.term(item_, value)


def remark(names: Names, line: CardLine) -> str | None:
    """Of whom a line is, or why it is left open."""
    return line.of if line.open is None else text(names.lang, f"card.open.{line.open}")


def checks(names: Names, card: Card) -> list[str]:
    """What is checked between lines, and whether it holds."""
    return [
        text(names.lang, f"card.check.{name}", holds=text(names.lang, f"statutory.check.{json.dumps(holds)}"))
        for name, holds in card.checks.items()
    ]


def title(names: Names, card: Card) -> str:
    """What the card is called."""
    kind = "branch" if card.subject.startswith("branch:") else "organization"
    return text(names.lang, f"card.title.{kind}", name=card.name)


def notes(names: Names, card: Card) -> list[str]:
    """How it is filled in, and the checks."""
    return [text(names.lang, f"card.note.{name}") for name in ("events", "open", "bands")] + checks(names, card)


def card_document(
    card: Card, names: Names, as_of: date, said: str, evidence: Sequence[tuple[str, str]]
) -> Document:  # fmt: skip
    """The document: the card as offices lay it out; `said` is the sentence with both clocks."""
    lang, told = names.lang, notes(names, card)
    rows: list[list[Value]] = [
        [
            part(names, line.part), item(names, line), content(names, line),
            " ".join(map(str, line.decided_by)) or None, remark(names, line),
        ]
        for line in card.lines
    ]  # fmt: skip
    headings = [text(lang, f"card.column.{name}") for name in ("part", "item", *_COLUMNS)]
    columns = [
        Column(name, heading, "text") for name, heading in zip(("part", "item", *_COLUMNS), headings, strict=True)
    ]
    return Document(
        name=f"card-{card.subject.replace(':', '-')}-{as_of}",
        lang=lang,
        title=title(names, card),
        sentence=said,
        tables=[Table("card", text(lang, "card.sheet"), columns, rows)],
        chart=None,
        evidence=evidence,
        notes=told,
        form=FormSheet(
            title(names, card),
            (text(lang, "statutory.unit"), card.subject),
            (headings[1], text(lang, "card.number"), *headings[2:]),
            text(lang, "statutory.stubs"),
            [
                FormRow(str(row[0]), str(row[1]), number, [_plain(each) for each in row[2:]])
                for number, row in enumerate(rows, 1)
            ],
            [text(lang, f"statutory.{each}") for each in ("unit", "reviewed", "filled", "reported")],
            [said, text(lang, "statutory.notes"), *(f"{number}. {each}" for number, each in enumerate(told, 1))],
            ("text",) * len(_COLUMNS),
        ),
    )


def _plain(value: Value) -> str | None:
    return None if value is None else str(value)
