"""No file ends the service: a workbook that would take too much ends the process that reads it, and says so."""

import os
import zipfile
from pathlib import Path

import pytest

from services.lists import workbook
from services.lists.errors import ListRefusedError
from tests.bench.workshop import high_water_mark
from tests.full_lists import as_xlsx, compared, saved, stock
from tests.mutations import workbook as workbook_of_two_sheets

DAY = "2024-03-31"
_SHARED = b"<si><t>a</t></si>" * 50_000


def _heavy(path: Path, texts: int) -> bytes:
    """A list of a few rows whose table of shared texts is long: what calamine takes in whole before any cell."""
    path.write_bytes(workbook_of_two_sheets())
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".new"), "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != "xl/sharedStrings.xml":
                new.writestr(name, old.read(name))
        own = old.read("xl/sharedStrings.xml").removesuffix(b"</sst>")
        with new.open("xl/sharedStrings.xml", "w") as part:
            part.write(own)
            for _ in range(texts // 50_000):
                part.write(_SHARED)
            part.write(b"</sst>")
    return path.with_suffix(".new").read_bytes()


@pytest.mark.parametrize(
    ("limit", "value"), [("MEMORY_BYTES_MAX", 160 << 20), ("CPU_SECONDS_MAX", 1), ("SECONDS_MAX", 0.4)]
)
def test_a_workbook_that_takes_too_much_ends_only_its_own_process(
    limit: str, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _heavy(tmp_path / "heavy", 3_000_000)
    monkeypatch.setattr(workbook, limit, value)
    before = high_water_mark(os.getpid())
    with pytest.raises(ListRefusedError, match="export the list as CSV") as caught:
        compared(tmp_path, content, DAY, [])
    assert caught.value.refusal.rule in ("memory", "time")
    assert high_water_mark(os.getpid()) - before < 32 << 20
    monkeypatch.undo()
    assert len(compared(tmp_path, saved(as_xlsx(stock(3))), DAY, [])[1]) == 3


def test_one_workbook_waits_for_another_and_both_are_read(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(saved(as_xlsx(stock(3))))
    opened = [workbook.sheets(tmp_path / "list") for _ in range(workbook.OPEN_MAX + 2)]
    assert [len(list(next(each).rows)) for each in opened] == [4] * len(opened)
