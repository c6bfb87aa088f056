"""Files of lists, broken at random: bytes, the XML of workbooks, the structure of texts."""

import io
import random
import re
import zipfile
from collections.abc import Callable

import xlsxwriter

from tests.full_lists import HEADINGS, as_csv, stock

Mutation = Callable[[random.Random, bytes], bytes]
_SHEET = "xl/worksheets/sheet1.xml"
_ELEMENT = re.compile(rb"<(?:c|row|v|f|is|t|mergeCell)\b[^>]*?/?>|</(?:c|row|v|f|is|t)>")
_ATTRIBUTE = re.compile(rb'\b(r|t|s|ref)="([^"]*)"')
_WHOLE = re.compile(rb"<c\b[^>]*>.*?</c>|<c\b[^>]*/>", re.DOTALL)
_VALUES = [
    b"", b"1", b"-1", b"A1", b"XFD1048576", b"A1048577", b"ZZZZ99999999", b"A1:XFD1048576", b"s", b"e", b"b", b"str",
    b"n", b"d", b"inlineStr", b"99999999999999999999", b"A0", b"a1", b"$B$3", "甲".encode(),
]  # fmt: skip
_INSERTED = [
    b'<c r="C3" t="e"><v>#REF!</v></c>', b"<c><f>A1+1</f></c>", b'<c t="s"><v>999999</v></c>', b'<row r="3"/>',
    b'<c r="XFD1048576"><v>1</v></c>', b"<v>1</v>", b"&#x202e;", b"&amp;", b"&unknown;", b"<!-- -->", b"<x:y/>",
    b"<![CDATA[9]]>", b"<?p?>", b'<c r="F3"><v>1e999</v></c>', b'<c r="F4"><v>NaN</v></c>', b"\xff", b"\x00",
]  # fmt: skip


def workbook() -> bytes:
    """A small list with what workbooks hold: two sheets, shared texts, merged cells, numbers, formulas."""
    out = io.BytesIO()
    rows = stock(14)
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        first, second = book.add_worksheet("朗渡区"), book.add_worksheet("高朗区")
        first.merge_range("A1:G1", "某市名册")
        for sheet, begin, part in ((first, 1, rows[:8]), (second, 0, rows[8:])):
            sheet.write_row(begin, 0, HEADINGS)
            for number, row in enumerate(part, begin + 1):
                sheet.write_row(number, 0, row[:5])
                sheet.write_number(number, 5, int(row[5]))
                sheet.write_string(number, 6, row[6])
        first.merge_range("C4:C6", rows[1][2])
        first.write_formula("F5", "=1+1", None, 2)
        first.write_row("A11", ["合计", "", "", "", ""])
        first.write_formula("F11", "=SUM(F3:F10)", None, 36)
    return out.getvalue()


def text(rng: random.Random) -> bytes:
    """The same list as CSV, in one of the ways in which such files come."""
    return as_csv(stock(14), rng.choice(["utf-8", "gb18030", "utf-8-sig"]), delimiter=rng.choice(",;\t"),
                  quoting=rng.choice([0, 1]))  # fmt: skip


def bytes_of_the_file(rng: random.Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice([1, 3, 20])):
        found[rng.randrange(len(found))] ^= 1 + rng.randrange(255)
    return bytes(found)


def cut_or_doubled(rng: random.Random, content: bytes) -> bytes:
    first, last = sorted((rng.randrange(len(content)), rng.randrange(len(content))))
    return rng.choice([content[:last], content[:first] + content[last:], content[:last] + content[first:]])


def _within(part: str, change: Callable[[bytes], bytes], content: bytes) -> bytes:
    """The workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return out.getvalue()


def _part(rng: random.Random, content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return rng.choice(archive.namelist())


def bytes_of_a_part(rng: random.Random, content: bytes) -> bytes:
    return _within(_part(rng, content), lambda part: bytes_of_the_file(rng, part), content)


def a_part_lost_or_twice(rng: random.Random, content: bytes) -> bytes:
    lost, twice = _part(rng, content), _part(rng, content)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != lost:
                new.writestr(name, old.read(name))
        if rng.random() < 0.3 and twice != lost:
            new.writestr(twice.upper(), old.read(twice))
    return out.getvalue()


def elements(rng: random.Random, content: bytes) -> bytes:
    """An element of a sheet taken out, doubled, moved or put in."""

    def change(part: bytes) -> bytes:
        for _ in range(rng.choice([1, 1, 3])):
            found = list(_ELEMENT.finditer(part) if rng.random() < 0.5 else _WHOLE.finditer(part))
            if not found:
                return part
            match, other = rng.choice(found), rng.choice(found)
            without = part[: match.start()] + part[match.end() :]
            part = rng.choice(
                [
                    without, part[: match.end()] + match[0] + part[match.end() :],
                    without[: other.start()] + match[0] + without[other.start() :],
                    part[: match.start()] + rng.choice(_INSERTED) + part[match.start() :],
                ]
            )  # fmt: skip
        return part

    return _within(_SHEET, change, content)


def attributes(rng: random.Random, content: bytes) -> bytes:
    """References, types and ranges of a sheet replaced by odd ones."""

    def change(part: bytes) -> bytes:
        found = list(_ATTRIBUTE.finditer(part))
        for match in sorted(rng.sample(found, rng.choice([1, 1, 4])), key=lambda each: -each.start()):
            value = rng.choice([*_VALUES, rng.choice(found)[2]])
            part = part[: match.start(2)] + value + part[match.end(2) :]
        return part

    return _within(_SHEET, change, content)


def prologue(rng: random.Random, content: bytes) -> bytes:
    """What comes before the XML of a part: encodings, entities, marks."""
    begin = rng.choice(
        [
            b'<?xml version="1.0" encoding="UTF-16"?>', b'<?xml version="1.1"?>', b"\xef\xbb\xbf", b" ",
            b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>', b"<!-- -->",
            b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/">', b'<?xml version="1.0" encoding="GBK"?>',
        ]
    )  # fmt: skip
    return _within(_part(rng, content), lambda part: begin + part, content)


def structure_of_the_text(rng: random.Random, content: bytes) -> bytes:
    """Delimiters, quotes and line ends taken out, doubled and put in, and characters that nobody sees."""
    found = content
    for _ in range(rng.choice([1, 1, 2, 4])):
        places = [at for at, byte in enumerate(found) if byte in b',;\t"\r\n']
        at = rng.choice(places)
        put = rng.choice([b"", found[at : at + 1] * 2, b'"', b"\n", b"\x00", b",", "\u202e".encode(), b"\xff\xfe"])
        keep = rng.random() < 0.5
        found = found[: at + keep] + put + found[at + 1 :]
    return structure_of_the_text(rng, content) if _says_another_thing(content, found) else found


def _says_another_thing(content: bytes, found: bytes) -> bool:
    """Whether a row is well formed with its characters in other cells: nobody can tell that it was broken."""
    delimiter = bytes([max(b",;\t", key=content.count)])

    def rows(text: bytes) -> list[list[bytes]]:
        return [line.replace(b'"', b"").strip(b"\r").split(delimiter) for line in text.split(b"\n")]

    return any(
        old != new and len(old) == len(new) and b"".join(old) == b"".join(new)
        for old, new in zip(rows(content), rows(found), strict=False)
    )


# Of every file that is packed of parts.
OF_CONTAINERS: list[Mutation] = [bytes_of_the_file, cut_or_doubled, bytes_of_a_part, a_part_lost_or_twice]
OF_WORKBOOKS: list[Mutation] = [*OF_CONTAINERS, elements, attributes, prologue]
OF_TEXTS: list[Mutation] = [structure_of_the_text]
