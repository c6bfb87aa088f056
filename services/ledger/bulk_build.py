"""A version of the ledger projection built from nothing: the log read, folded and written all at once.

One process reads and decodes, this one folds, and a thread hands the rows to PostgreSQL, so that two cores are busy.
Records are written once, at the end: all of it is one transaction, and what is cut off in the middle begins anew.
"""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Final

from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo

from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.memory import BuildingMemory
from projections.ledger.fold.tables import LedgerTables
from projections.ledger.rows import Changes
from services.ledger import versions
from services.ledger.projector import fits
from services.ledger.versions import Version
from services.log.batches import batches
from services.log.reader import LogReader
from services.postgres.database import connect

BATCH_EVENTS: Final = 10_000
# All records are remembered, about 1 KB for each event; where that takes more than this part of the machine's memory,
# the build ends there, and the projector, which forgets, goes on.
MEMORY_PART: Final = 1 / 4
# What a control group (version 2) allows this process and its like; "max" where it sets no limit.
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
# Batches folded that wait to be written.
_BEHIND_MAX: Final = 2

# Called with the position reached; true where the work is to stop there.
Reached = Callable[[int], bool]


def build(connection: Connection[Any], version: Version, until: int, reached: Reached) -> Version:
    """Build a version whose tables are empty up to position `until`; the version with the position that it came to.

    It ends sooner where `reached` says so, or where this process has taken as much memory as it may.

    Raises:
        psycopg.Error: the database is away; nothing was built.
        ReaderEndedError: the log could not be read; nothing was built.
    """
    conninfo = make_conninfo(connection.info.dsn, password=connection.info.password)
    with connect(conninfo, "rebuild-reading") as reading, connection.transaction(), connection.cursor() as cursor:
        # Nobody waits for these tables, and on a busy machine it may fold for long before it writes.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        version.tables.empty(cursor)
        memory = BuildingMemory(version.tables, LogReader(reading))
        fold = LedgerFold(memory, fits, 0, 0)
        position = 0
        with (
            batches(conninfo, until, BATCH_EVENTS) as ahead,
            reading.cursor() as reader,
            _writing(cursor, version.tables) as write,
        ):
            for batch in ahead:
                memory.prefetch(reader, batch)
                for event in batch:
                    memory.now = event.position
                    fold.apply(event)
                write(fold.take())
                position = batch[-1].position
                if reached(position) or memory_used_up():
                    break
        memory.write(cursor)
        versions.claim(cursor, version)
        return versions.advance(cursor, version, position)


def memory_used_up() -> bool:
    """Whether this process has taken as much of the machine's memory as a build may."""
    allowed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if _CGROUP_LIMIT.exists() and (limit := _CGROUP_LIMIT.read_text("ascii").strip()).isdigit():
        allowed = min(allowed, int(limit))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > allowed * MEMORY_PART


@contextmanager
def _writing(cursor: Cursor[Any], tables: LedgerTables) -> Iterator[Callable[[Changes], None]]:
    """A function that takes rows to be written by a thread of its own; at the end all are."""
    waiting: Queue[Changes | None] = Queue(_BEHIND_MAX)
    faults: list[Exception] = []

    def run() -> None:
        while (changes := waiting.get()) is not None:
            if not faults:
                try:
                    tables.add(cursor, changes, frozen=True)
                except Exception as fault:  # noqa: BLE001 - raised again by whoever writes
                    faults.append(fault)

    def write(changes: Changes) -> None:
        waiting.put(changes)
        if faults:
            raise faults[0]

    thread = Thread(target=run, name="rebuild-writing", daemon=True)
    thread.start()
    try:
        yield write
    finally:
        waiting.put(None)
        thread.join()
    if faults:
        raise faults[0]
