"""`make bench-province`: rates of a province from its archive, by county and kind, at random pairs of clocks.

The province is made of a city's archive: each log is so many copies of the city one behind the other, each copy under
codes of its own. What is asked, how it is read and what counts is the product's own (services/archive/rates.py).
"""

import argparse
import random
import resource
import shutil
import statistics
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.tree.merkle import EMPTY_ROOT
from services.archive.figures import Question
from services.archive.layout import LEDGER, Manifest, Segment, digest_of, folder_of
from services.archive.opening import ArchivedLog, open_archive
from services.archive.rates import rates
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import SignatureType, SignerKey
from services.ledger.known import Known

SEED = 7
# By table the columns that number, and what they number.
NUMBERED = {
    "entry": {"entry": "entry", "org_no": "organization", "attributes_no": "attributes", "position": "position"},
    "attributes": {"attributes_no": "attributes", "org_no": "organization"},
    "organization": {"org_no": "organization"},
    "policy": {"position": "position"},
}


def city_of(archive: Path) -> tuple[ArchivedLog, dict[str, pa.Table]]:
    """The first log of an archive, and its ledger's tables whole."""
    log = open_archive(archive)[0]
    found = {table: log.files(table, log.size) for table in LEDGER}
    return log, {table: pa.concat_tables(map(pq.read_table, files)) for table, files in found.items() if files}


def copied(table: str, rows: pa.Table, copy: int, sizes: dict[str, int], code: str) -> pa.Table:
    """A table's rows of one copy of the city: numbers behind those of the copies before, places under a code."""
    for name, numbered in NUMBERED.get(table, {}).items():
        column = rows.column(name)
        moved = pc.add(column, pa.scalar(copy * sizes[numbered], column.type))
        # An inactive organization has no attributes, in any copy.
        kept = pc.if_else(pc.less(column, 0), column, moved)
        rows = rows.set_column(rows.schema.get_field_index(name), name, kept)
    if table == "attributes":
        regions = pc.binary_join_element_wise(code, pc.utf8_slice_codeunits(rows.column("region"), 4), "")
        rows = rows.set_column(rows.schema.get_field_index("region"), "region", regions)
    return rows


def write_log(  # noqa: PLR0917 - a log of the province
    folder: Path, name: str, city: ArchivedLog, tables: dict[str, pa.Table], copies: int, first: int
) -> int:
    """One log of the province; how many entries it has."""
    key = SignerKey.generate(name, SignatureType.ED25519)
    own, entries = folder_of(folder, name), 0
    last = city.manifest.segments[-1].next_numbers
    sizes = {**last, "position": city.size}
    segments = []
    for copy in range(copies):
        begin = copy * city.size + 1
        segment = Segment(begin, begin + city.size - 1, EMPTY_ROOT.hex(), EMPTY_ROOT.hex(), last, {})
        for table, rows in tables.items():
            if table == "answers" and copy:
                continue
            path = own / segment.name(table)
            path.parent.mkdir(parents=True, exist_ok=True)
            made = copied(table, rows, copy, sizes, f"{first + copy:04}")
            pq.write_table(made, path, row_group_size=1 << 14, compression="zstd")
            segment.files[table] = (segment.name(table), digest_of(path))
            entries += len(made) if table == "entry" else 0
        segments.append(segment)
    size = copies * city.size
    manifest = Manifest(name, size, EMPTY_ROOT.hex(), city.size, *city.manifest[4:7], tuple(segments))
    signed = manifest.signed(key, Checkpoint(name, size, EMPTY_ROOT).sign(key))
    (own / "archive.json").write_bytes(signed)
    return entries


def main() -> None:
    """Make the province, ask it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="of a city, by taizhang archive")
    parser.add_argument("--logs", type=int, default=100)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--questions", type=int, default=5)
    given = parser.parse_args()
    city, tables = city_of(given.archive)
    with TemporaryDirectory(prefix="province-", dir=given.archive.parent) as scratch:
        folder = Path(scratch)
        entries = sum(
            write_log(folder, f"city-{n:03}", city, tables, given.copies, n * given.copies) for n in range(given.logs)
        )
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        chance, seconds = random.Random(SEED), []
        computing = []
        for _ in range(given.questions):
            began, busy = time.perf_counter(), time.process_time()
            logs = open_archive(folder)
            known = Known(chance.randrange(logs[0].size // 2, logs[0].size), None, None, "recorded", "")
            day = date(2024, 6, 1) + timedelta(days=chance.randrange(360))
            found = rates(Question(day, [(log, known) for log in logs], ("region:6", "kind")))
            seconds.append(time.perf_counter() - began)
            computing.append(time.process_time() - busy)
        groups, counted = len(found["groups"]), found["total"]["counts"]["registered"]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{entries:,} entries, {given.logs} logs, {size / entries:.1f} bytes an entry")  # noqa: T201 - the report
    print(  # noqa: T201 - the report
        f"{groups:,} groups of {counted:,} organizations: {statistics.median(seconds):.1f} s (median), "
        f"{max(seconds):.1f} s (slowest), "
        f"{statistics.median(computing):.1f} s of cores' time, every file hashed each time; {memory:.2f} GiB at most"
    )


if __name__ == "__main__":
    main()
