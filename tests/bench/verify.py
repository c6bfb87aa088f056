"""`taizhang verify` on the whole log, beside the least that any verifier must do: read the raw bytes and hash them."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence

import psycopg

from domain.ledger.rates import ANY, Counts, add, group
from domain.values.instants import parse_date
from services.evidence.bundles.answers import Answer, figures, fold, no_garbage_collection
from services.evidence.copies.stored import DatabaseLog
from services.evidence.notes.checkpoint import encode_hash
from services.evidence.verifier.verify import Source, verify_log
from services.ledger.ruleset import ruleset
from services.log.tree import LOG
from tests.bench.tables import table
from tests.bench.workshop import Workshop, load, say

AS_OF = "2024-12-31"
GROUP_BY = ("kind", "region:6")


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Each way once over the whole log: they take long enough."""
    with workshop.database() as database:
        say(f"verify: loading {len(lines):,} events")
        size = load(database, lines)
        answer = _answer(database, size)
        source = Source(size, conninfo=database)
        cores = os.cpu_count() or 1
        ways: dict[str, Callable[[], None]] = {
            f"verify, {cores} processes": lambda: _verify(source, None, cores),
            f"verify and fold a rates answer anew, {cores} processes": lambda: _verify(source, answer, cores),
            "verify, 1 process": lambda: _verify(source, None, 1),
            "peer: SELECT the raw bytes and SHA-256 them, 1 process": lambda: _hash(database),
        }
        rows = []
        for name, way in ways.items():
            say(f"verify: {name}")
            began = time.perf_counter()
            way()
            seconds = time.perf_counter() - began
            rows.append([name, f"{seconds:.1f}", f"{size / seconds:,.0f}", f"{seconds * 1e6 / size:.0f}"])
    note = f"{size:,} events. Progress is shown on a terminal; the goal is 60 s for 1,000,000 on two cores."
    return table("Verification of a whole log", ("way", "s", "events/s", "s for 1,000,000"), rows, note)


def _verify(source: Source, answer: Answer | None, workers: int) -> None:
    report, hashes = verify_log(source, [source.size], answer, workers=workers)
    if report.first is not None or hashes.differences:
        raise RuntimeError(f"{report.first} {hashes.differences}")


def _hash(database: str) -> None:
    with psycopg.connect(database) as connection, connection.cursor("raw", binary=True) as cursor:
        cursor.itersize = 8192
        for (raw,) in cursor.execute("SELECT state FROM taizhang.log ORDER BY notification_id"):
            hashlib.sha256(raw).digest()


def _answer(database: str, size: int) -> Answer:
    """A rates answer as the service gives it, made by the fold."""
    log = DatabaseLog(database)
    with no_garbage_collection():
        groups = group(fold(log.known(size), parse_date(AS_OF)).rows(), GROUP_BY)
    log.close()
    total = Counts()
    for counts in groups.values():
        total = add(total, counts)
    with psycopg.connect(database) as connection:
        root_hash = encode_hash(LOG.root_at(connection, size))
    content = {
        "as_of": AS_OF,
        "known_at": {"position": size},
        "evidence": {"tree_size": size, "root_hash": root_hash, "ruleset": ruleset()},
        "group_by": GROUP_BY,
        "groups": [{"key": dict(zip(GROUP_BY, key, strict=True)), **figures(groups[key])} for key in groups],
        "total": figures(total),
    }
    return Answer(json.dumps(content).encode(), ANY)
