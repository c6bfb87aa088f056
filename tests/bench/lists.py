"""A full list of a million organizations beside a million facts of its source: time and memory.

The work runs in processes of its own, as `taizhang reconcile` does; the facts come as the lines that /v1/lists/facts
sends. Not in the figure: the service's reading of its log, and sending what would be published.
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson

from domain.fieldwork.list_elsewhere import Elsewhere
from domain.fieldwork.lists import as_bytes, event
from services.demo_city.chance import credit_code
from services.ledger.projector import fits
from services.lists.reconcile import Compared, reconcile
from services.lists.scratch import Scratch
from tests.bench.tables import table
from tests.bench.workshop import Workshop, high_water_mark, say

ROWS = 1_000_000
SOURCE = "/registry/market-regulation"
HEADINGS = ("统一社会信用代码", "企业名称", "企业类型", "行政区划代码", "行业代码", "从业人数", "住所")
BLOCK = 1 << 20
AS_OF, BEFORE = date(2025, 3, 31), date(2025, 2, 28)


def run(_: Workshop, __: list[bytes]) -> str:
    """The table of this part."""
    with tempfile.TemporaryDirectory() as folder:
        path, facts = Path(folder) / "list.csv", Path(folder) / "facts"
        say(f"a list of {ROWS:,} rows, and as many facts")
        _write(path, facts)
        rows = []
        for title, given in (("the first list", ""), ("a month later", str(facts))):
            say(f"reconciling {title}")
            command = [sys.executable, "-m", "tests.bench.lists", str(path), given]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, mebibytes, differences = done.stdout.strip().split("\t")
            rows.append([title, f"{ROWS:,}", differences, f"{float(seconds):.1f} s", f"{mebibytes} MiB"])
    note = (
        "From the file to the events that would be published; sending them is not in it. The list is read by a process "
        "beside the one that compares; the memory is both processes' peaks together."
    )
    return table("Full lists", ("", "rows", "differences", "time", "peak memory"), rows, note)


def _write(path: Path, facts: Path) -> None:
    """The list, and the facts of the month before: one in a hundred differs, one in a thousand is left out or new."""
    with path.open("w", encoding="utf-8", newline="") as file, facts.open("wb") as lines:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for n in range(ROWS + ROWS // 1000):
            org, region = credit_code("private_enterprise", "880107", n), f"88010700{1 + n % 6}"
            if n < ROWS:
                head_count = str(n % 90 + (n % 100 == 0))
                writer.writerow(
                    [org[5:], f"瑞达{n}商贸有限公司", "私营企业", region, "F51", head_count, f"高朗区景川路{n}号"]
                )
            data = {
                "kind": "new_economic", "category": "private_enterprise", "name": f"瑞达{n}商贸有限公司",
                "region": region, "industry": "F51", "employees": n % 90, "address": f"高朗区景川路{n}号",
            }  # fmt: skip
            if n % 1000 != 1:
                told = event(SOURCE, org, "registered", data, BEFORE, 0)
                lines.write(b'{"position":%d,"event":%b}\n' % (n + 1, as_bytes(told)))


def _blocks(path: str) -> Iterator[bytes]:
    yield b'{"head":%d}\n{"ended":[]}\n' % (ROWS + ROWS // 1000)
    if path:
        with Path(path).open("rb") as file:
            while block := file.read(BLOCK):
                yield block


def main(path: str, facts: str) -> None:
    """Reconcile, and print seconds, peak memory in MiB and the differences."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Scratch(Path(folder)) as scratch:
        compared = Compared(_blocks(facts), lambda _: Elsewhere({}, {}, fits))
        report = reconcile(Path(path), SOURCE, AS_OF, None, compared, scratch)
        for _ in scratch.events():
            pass
    seconds = time.perf_counter() - began
    # The process that read the list has ended; what it is counted for here holds at least what it held.
    beside = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    peak = (high_water_mark(os.getpid()) >> 20) + beside
    found = orjson.dumps({name: count for name, count in report.differences.items() if count}).decode()
    sys.stdout.write(f"{seconds}\t{peak}\t{found}\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
