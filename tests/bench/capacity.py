"""`make bench-capacity`: what a million events take on disk, in a backup and in memory; deploy/hosts.md quotes it.

The demo city's events go in by intake, so that rows, indexes and the ledger's tables are those of a real log. Sizes do
not depend on how busy the machine is; rates do, and are left to `make bench`.
"""

import argparse
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil
import psycopg

from services.demo_city.world import events
from services.intake.intake import Intake
from services.postgres.database import migrate
from services.postgres.embedded import EmbeddedPostgres
from tests.fix_service import Service, shell
from tests.sending import STEWARD, http
from tests.versions import project

BATCH = 1_000
MIB = 1 << 20
_SIZES = """
SELECT (sum(pg_total_relation_size(c.oid)) FILTER (WHERE n.nspname = 'taizhang' AND c.relname = 'log'))::float8,
       (sum(pg_total_relation_size(c.oid)) FILTER (WHERE n.nspname = 'taizhang' AND c.relname <> 'log'))::float8
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'
"""


def loaded(conninfo: str, count: int) -> int:
    """Take `count` of the demo city's events in; how many are in the log."""
    migrate(conninfo)
    intake, accepted = Intake.open(conninfo, "bench"), 0
    lines = islice(events(1.0, 7), count)
    try:
        while batch := list(islice(lines, BATCH)):
            receipts = intake.admit([http(line.strip(), STEWARD, index) for index, line in enumerate(batch)])
            accepted += sum(each.disposition == "accepted" for each in receipts)
    finally:
        intake.close()
    return accepted


def resident(service: Service) -> int:
    """Bytes of memory of the service and its children that are its own (USS)."""
    process = psutil.Process(service.process.pid)
    return sum(each.memory_full_info().uss for each in (process, *process.children(recursive=True)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory(prefix="taizhang-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres()
        conninfo = server.start(folder / "data")
        try:
            began = time.monotonic()
            accepted = loaded(conninfo, count)
            took = time.monotonic() - began
            project(conninfo)
            with psycopg.connect(conninfo) as connection:
                log, beside = connection.execute(_SIZES.encode()).fetchone() or (0, 0)
                whole = (connection.execute("SELECT pg_database_size(current_database())::float8").fetchone() or (0,))[
                    0
                ]
            secret = {"backup_passphrase": "of this benchmark"}
            given = {"database_url": conninfo, "data": str(folder / "keys")}
            with Service(folder, "--dev", **given) as service:
                service.get("/v1/rates", as_of="2026-06-30", group_by="region:6", min_position=accepted)
                memory = resident(service)
                made = shell("backup", str(folder / "backup"), **given, **secret)
                assert made.returncode == 0, made.stderr
            packed = sum(each.stat().st_size for each in (folder / "backup").rglob("*") if each.is_file())
        finally:
            server.stop()
    each = 1_000_000 / accepted / MIB
    sys.stdout.write(
        f"events in the log        {accepted:>12,} of {count:,} sent, {took:.0f} s on {os.cpu_count()} cores\n"
        f"log and its indexes      {log * each:>12,.0f} MiB a million events\n"
        f"accounts beside it       {beside * each:>12,.0f} MiB a million events\n"
        f"whole database           {whole * each:>12,.0f} MiB a million events\n"
        f"a backup, packed         {packed * each:>12,.0f} MiB a million events\n"
        f"memory of serve          {memory / MIB:>12,.0f} MiB at {accepted:,} events\n"
    )


if __name__ == "__main__":
    main()
