"""Whatever happened to a file on its way: it is read as an independent reader reads it, or refused with a remedy."""

import io
import os
import random
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from domain.fieldwork.lists import Listed
from domain.listing.list_cells import Cell, Fault
from services.lists.errors import ListRefusedError
from services.lists.reading import read_sheets
from tests.bench.workshop import high_water_mark
from tests.full_lists import FIELDS, HEADINGS, as_csv, compared, stock
from tests.mutations import OF_CONTAINERS, OF_TEXTS, OF_WORKBOOKS, Mutation, bytes_of_a_part, text, workbook
from tests.office_files import as_ods, as_xlsb

pytestmark = pytest.mark.long

DAY = "2024-03-31"
# By seven kinds of workbooks' mutations; `make test-lists` has 200 of workbooks and as many of texts.
WORKBOOKS = int(os.environ.get("TAIZHANG_TEST_MUTATIONS", "42"))
TEXTS = int(os.environ.get("TAIZHANG_TEST_MUTATIONS", "60"))
GROWTH_BYTES_MAX = 48 << 20


def _other_reader(content: bytes) -> dict[str, list[list[Any]]] | None:
    """The values of every sheet as openpyxl has them; None where it cannot read the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    except Exception:  # noqa: BLE001 - whatever it cannot read, it cannot judge
        return None


def _plain(cell: Cell) -> object:
    """A cell so that both readers' are equal: faults and blanks aside, of which the other reader says nothing."""
    if isinstance(cell, Fault) or cell is None or (isinstance(cell, str) and cell.startswith("#")):
        return None
    if isinstance(cell, bool | date):
        return str(cell)
    return float(cell) if isinstance(cell, int | float) else str(cell).replace("\r\n", "\n").strip() or None


def _rows(rows: list[list[Cell]]) -> list[list[object]]:
    plain = [[_plain(cell) for cell in row] for row in rows]
    for row in plain:
        while row and row[-1] is None:
            row.pop()
    while plain and not plain[-1]:
        plain.pop()
    return plain


def _same_cells(folder: Path, content: bytes) -> bool:
    """Whether both readers see the same, but for cells merged over rows, which the other one leaves blank."""
    others = _other_reader(content)
    if others is None:
        return True
    (folder / "list").write_bytes(content)
    own = {sheet.name: [row for _, row in sheet.rows] for sheet in read_sheets(folder / "list")[0]}
    for name, rows in others.items():
        for mine, theirs in zip(_rows(own[name]), _rows(rows), strict=False):
            for one, other in zip(mine, theirs, strict=False):
                if one != other and other is not None and one is not None:
                    return False
    return True


@pytest.mark.parametrize("mutation", OF_WORKBOOKS, ids=lambda m: m.__name__)
def test_a_mutated_workbook_is_read_right_or_refused(mutation: Mutation, rng: random.Random, tmp_path: Path) -> None:
    whole = workbook()
    before = high_water_mark(os.getpid())
    for _ in range(max(WORKBOOKS // len(OF_WORKBOOKS), 1)):
        content = mutation(rng, whole)
        (tmp_path / "mutated").write_bytes(content)  # what failed is there to be looked at
        try:
            report, events, _ = compared(tmp_path, content, DAY, [])
        except ListRefusedError as error:
            _check_says_why(error)
            continue
        if report.refused:
            assert events == []
            assert all(each.row and each.message for each in report.refusals)
        assert _same_cells(tmp_path, content)
    assert high_water_mark(os.getpid()) - before < GROWTH_BYTES_MAX


@pytest.mark.parametrize("write", [as_ods, as_xlsb], ids=["ods", "xlsb"])
def test_a_mutated_workbook_of_another_kind_is_read_right_or_refused(
    write: Callable[[Sequence[Sequence[str]]], bytes], rng: random.Random, tmp_path: Path
) -> None:
    whole = write([HEADINGS, *stock(14)])
    right = compared(tmp_path, whole, DAY, [])[2]
    assert len(right) == 14
    before = high_water_mark(os.getpid())
    for _ in range(max(WORKBOOKS // len(OF_CONTAINERS), 1)):
        for mutation in OF_CONTAINERS:
            content = mutation(rng, whole)
            (tmp_path / "mutated").write_bytes(content)
            try:
                report, events, read = compared(tmp_path, content, DAY, [])
            except ListRefusedError as error:
                _check_says_why(error)
                continue
            if report.refused:
                assert events == []
                assert all(each.row and each.message for each in report.refusals)
            elif mutation is not bytes_of_a_part:
                # What a part holds is as it was, or its sum says that it is not.
                assert read == right
    assert high_water_mark(os.getpid()) - before < GROWTH_BYTES_MAX


@pytest.mark.parametrize("mutation", OF_TEXTS, ids=lambda m: m.__name__)
def test_a_mutated_text_is_read_right_or_refused(mutation: Mutation, rng: random.Random, tmp_path: Path) -> None:
    right = compared(tmp_path, as_csv(stock(14)), DAY, [])[2]
    before = high_water_mark(os.getpid())
    for _ in range(TEXTS):
        content = mutation(rng, text(rng))
        (tmp_path / "mutated").write_bytes(content)
        try:
            report, _, read = compared(tmp_path, content, DAY, [])
        except ListRefusedError as error:
            _check_says_why(error)
            continue
        if report.refused:
            assert all(each.row and each.message for each in report.refusals)
        else:
            # A heading that was hit leaves its column unread, which is said by name.
            fields = {each["field"] for each in report.reading["columns"] if each["what"] == "read"}
            unread = [each for each in report.reading["columns"] if each["what"] == "not_read"]
            assert set(FIELDS) <= fields or unread
            assert _by_code(read, fields) == _by_code(right, fields)
    assert high_water_mark(os.getpid()) - before < GROWTH_BYTES_MAX


def _check_says_why(error: ListRefusedError) -> None:
    assert error.refusal.rule
    assert len(error.refusal.message) > 30


def _by_code(read: list[Listed], fields: set[str]) -> list[tuple[str, dict[str, str]]]:
    """What was read of these fields, by code; delimiters and quotes put in within quotes belong to the words."""
    return sorted(
        (each.org, {name: str(value).translate(_STRUCTURE) for name, value in each.fields.items() if name in fields})
        for each in read
    )


_STRUCTURE = dict.fromkeys(map(ord, '",;\t '))
