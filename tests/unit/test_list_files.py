"""200 broken files: each is read right, or refused with its row, column and remedy."""

import io
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.fieldwork.lists import Listed, Refusal
from services.lists import workbook
from services.lists.errors import ListRefusedError
from tests.full_lists import HEADINGS, Stock, as_csv, as_xlsx, compared, saved, stock

pytestmark = pytest.mark.long

Mutation = Callable[[random.Random, Stock], tuple[bytes, int | None]]
"""The file, and the row that has to be refused; 0: the file; None: it has to be read right."""


def _cell(rng: random.Random, rows: Stock, column: str, values: list[Any]) -> int:
    """Put one of the values into a column of a random row; its number in the file."""
    at = rng.randrange(len(rows))
    rows[at][HEADINGS.index(column)] = rng.choice(values)
    return at + 2


def utf8_mark(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return as_csv(rows, "utf-8-sig"), None


def gb18030(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return as_csv(rows, "gb18030"), None


def unicode_text(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return as_csv(rows, "utf-16", delimiter=rng.choice("\t,")), None


def every_cell_quoted(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return as_csv(rows, rng.choice(["utf-8", "gb18030"]), quoting=1, lineterminator=rng.choice(["\n", "\r\n"])), None


def semicolons(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return as_csv(rows, delimiter=";"), None


def half_a_character(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    content = as_csv(rows)
    at = rng.randrange(len(content) // 2, len(content) - 30)
    return content[:at] + b"\xff\xff\x80" + content[at:], 0


def quote_never_closed(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    lines = as_csv(rows).split(b"\r\n")
    at = rng.randrange(1, len(lines) - 2)
    lines[at] = b'"' + lines[at]
    return b"\r\n".join(lines), 0


def huge_cell(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    _cell(rng, rows, "住所", ["号" * rng.choice([40_000, 2_000_000])])
    return as_csv(rows), 0


def long_address(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = _cell(rng, rows, "住所", ["号" * 501])
    return (as_csv(rows) if rng.random() < 0.5 else saved(as_xlsx(rows))), at


def code_as_float(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = _cell(rng, rows, "统一社会信用代码", [9.13301060000001e17, 911000000000000064])
    return saved(as_xlsx(rows)), at


def code_in_scientific_notation(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = _cell(rng, rows, "统一社会信用代码", ["9.1330106E+17", "9.13E17"])
    return as_csv(rows), at


def wrong_check_character(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = rng.randrange(len(rows))
    code = rows[at][0]
    rows[at][0] = code[:-1] + ("A" if code[-1] != "A" else "B")
    return as_csv(rows), at + 2


def regions_as_numbers(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    for row in rows:
        row[3] = float(row[3])
        row[5] = int(row[5])
    return saved(as_xlsx(rows)), None


def protected_codes(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    for row in rows:
        row[0], row[3] = f'="{row[0]}"', f'="{row[3]}"'
    return as_csv(rows), None


def dates_for_numbers(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    column = rng.choice(["从业人数", "企业名称", "行政区划代码", "统一社会信用代码"])
    at = _cell(rng, rows, column, [datetime(2024, 3, 1), date(1905, 1, 12)])  # noqa: DTZ001 - a cell has no zone
    return saved(as_xlsx(rows)), at


def formula(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = _cell(rng, rows, "企业名称", ["=A2&B2", '=HYPERLINK("http://example.org")'])
    return as_csv(rows), at


def formula_never_calculated(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = _cell(rng, rows, "企业名称", ["=A2&B2"])
    return saved(as_xlsx(rows)), at


def merged_rows(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    first, count = rng.randrange(len(rows) - 4), rng.randrange(2, 4)
    for row in rows[first : first + count]:
        row[2] = "私营企业"
    book = as_xlsx(rows)
    assert book.active is not None
    book.active.merge_cells(start_row=first + 2, end_row=first + 1 + count, start_column=3, end_column=3)
    return saved(book), None


def totals(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    at = rng.randrange(len(rows))
    total = [rng.choice(["合计", "小 计", "总计：", ""]), "合计", "", "", "", "4321", ""]
    with_total: Stock = [*rows[:at], total, *rows[at:]]
    return (as_csv(with_total) if rng.random() < 0.5 else saved(as_xlsx(with_total))), None


def truncated_workbook(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    content = saved(as_xlsx(rows))
    return content[: rng.randrange(100, len(content) - 60)], 0


def damaged_workbook(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    content = bytearray(saved(as_xlsx(rows)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    for _ in range(20):
        content[sheet.header_offset + 60 + rng.randrange(sheet.compress_size - 30)] ^= 1 + rng.randrange(255)
    return bytes(content), 0


def bomb(rng: random.Random, _: Stock) -> tuple[bytes, int | None]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b" ")
        archive.writestr(rng.choice(["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"]), b"x" * (12 << 20))
    return out.getvalue(), 0


def old_excel(_: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + as_csv(rows), 0


def no_headings(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    content = as_csv(rows, rng.choice(["utf-8", "gb18030"]))
    return content.partition(b"\r\n")[2], 0


def column_missing(rng: random.Random, rows: Stock) -> tuple[bytes, int | None]:
    gone = rng.randrange(4)
    every = [HEADINGS, *rows]
    return "\n".join(",".join(row[:gone] + row[gone + 1 :]) for row in every).encode(), 0


MUTATIONS: list[Mutation] = [
    utf8_mark, gb18030, unicode_text, every_cell_quoted, semicolons, half_a_character, quote_never_closed, huge_cell,
    long_address, code_as_float, code_in_scientific_notation, wrong_check_character, regions_as_numbers,
    protected_codes,
    dates_for_numbers, formula, formula_never_calculated, merged_rows, totals, truncated_workbook, damaged_workbook,
    bomb, old_excel, no_headings, column_missing,
]  # fmt: skip
EACH = 8


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
def test_a_broken_file_is_read_right_or_refused_with_the_remedy(
    mutation: Mutation, rng: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "UNPACKED_BYTES_MAX", 8 << 20)
    _, _, right = compared(tmp_path, as_csv(stock(12)), "2024-03-31", [])
    for _ in range(EACH):
        content, refused = mutation(rng, stock(12))
        whole: Refusal | None = None
        try:
            report, _, read = compared(tmp_path, content, "2024-03-31", [])
        except ListRefusedError as error:
            whole = error.refusal
        if whole is not None:
            assert refused is not None, whole
            assert len(whole.message) > 30
            continue
        if refused is None:
            assert report.refusals == []
            assert read == right
        elif refused == 0:
            # The damage may have left a file that can be read; then every row is right, or refused by name.
            _right_or_refused(read, right)
            assert report.hindrance(None) is not None or read == right
        else:
            (refusal,) = report.refusals
            assert refusal.row == refused
            assert refusal.column in HEADINGS
            assert len(refusal.message) > 20
            _right_or_refused(read, right)


def _right_or_refused(read: list[Listed], right: list[Listed]) -> None:
    assert all(each in right for each in read)


def test_there_are_two_hundred_broken_files() -> None:
    assert len(MUTATIONS) * EACH == 200


def test_what_is_beyond_the_limits_is_refused_within_bounded_memory(tmp_path: Path) -> None:
    """A bomb of 300 MiB, a cell and a line of 40 MiB, at the limits in force, in a process that may not grow."""
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", b" ")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(300):
                sheet.write(bytes(1 << 20))
    (tmp_path / "cell").write_bytes(as_csv([]) + b'"' + b"x" * (40 << 20) + b'"\r\n')
    (tmp_path / "line").write_bytes(as_csv([]) + b"x," * (20 << 20))
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, *(str(tmp_path / name) for name in ("bomb", "cell", "line"))],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    *refusals, mebibytes = done.stdout.split()
    assert refusals == ["unpacked_size", "line_length", "line_length"]
    assert int(mebibytes) < 200


_READ_ALL = """
import os, sys
from pathlib import Path
from services.lists.errors import ListRefusedError
from services.lists.reading import read_sheets
from tests.bench.workshop import high_water_mark
for name in sys.argv[1:]:
    try:
        for sheet in read_sheets(Path(name))[0]:
            for _ in sheet.rows:
                pass
    except ListRefusedError as error:
        print(error.refusal.rule)
print(high_water_mark(os.getpid()) >> 20)
"""
