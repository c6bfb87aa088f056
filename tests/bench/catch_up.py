"""Projection catch-up beside the library's ProjectionRunner on the same ledger."""

import time
from collections.abc import Sequence
from itertools import islice

import psycopg
from psycopg import sql

from services.ledger import versions
from services.ledger.projector import BATCH_EVENTS_MAX, Projector
from services.postgres.database import connect
from tests.bench.library import PEER_SCHEMA, Registry, environment, project
from tests.bench.tables import per_second, table, times
from tests.bench.workshop import Workshop, load, say

# The peer gets so many events of the log, and at most this long.
PEER_EVENTS = 4_000
PEER_SECONDS_MAX = 300.0

RAW = "SELECT state FROM taizhang.log ORDER BY notification_id LIMIT %s"
_DIGEST = "SELECT count(*), md5(string_agg(entry::text, ' ' ORDER BY entry)) FROM {}.entry"


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """The same events through both; the ledgers that they make are compared row by row."""
    with workshop.database() as ours, workshop.database() as stock:
        say("catch-up: filling the log")
        head = load(ours, lines)
        first = min(PEER_EVENTS, head)
        say("catch-up: the projector")
        seconds_first, seconds_all, ledger = _catch_up(ours, first, head)
        with psycopg.connect(ours) as connection, Registry(environment(stock)) as registry:
            raws = iter([bytes(raw) for (raw,) in connection.execute(RAW, (first,))])
            while batch := list(islice(raws, 500)):
                registry.save_batch(batch)
        say("catch-up: the library's ProjectionRunner")
        seconds_peer = project(stock, first, PEER_SECONDS_MAX)
        assert ledger == _digest(stock, PEER_SCHEMA), "the two ledgers differ"
    peer = first / seconds_peer
    rows = [
        [
            f"the projector, first {first:,} events",
            per_second(first, seconds_first),
            times(first / seconds_first / peer),
        ],
        [f"the projector, all {head:,} events", per_second(head, seconds_all), times(head / seconds_all / peer)],
        [f"library: `ProjectionRunner`, first {first:,} events", per_second(first, seconds_peer), times(1)],
    ]
    return table(
        "Projection catch-up",
        ("way", "events/s", "to `ProjectionRunner`"),
        rows,
        f"The same fold and the same tables. The projector commits up to {BATCH_EVENTS_MAX:,} events at once, "
        "the library each by itself, as it does; the peer finds earlier events in memory. "
        f"The {ledger[0]:,} entries that both wrote are equal.",
    )


def _catch_up(database: str, first: int, head: int) -> tuple[float, float, tuple[int, str]]:
    """Seconds to apply the first events and to apply all, and the ledger's digest after the first."""
    with connect(database, "bench") as connection:
        projector = Projector(connection, versions.ensure(connection))
        began = time.perf_counter()
        done = 0
        while done < first:
            done += projector.advance(min(BATCH_EVENTS_MAX, first - done))
        seconds_first = time.perf_counter() - began
        ledger = _digest(database, projector.version.tables.schema)
        began = time.perf_counter()
        while done < head:
            done += projector.advance()
        return seconds_first, seconds_first + time.perf_counter() - began, ledger


def _digest(database: str, schema: str) -> tuple[int, str]:
    with psycopg.connect(database) as connection:
        row = connection.execute(sql.SQL(_DIGEST).format(sql.Identifier(schema))).fetchone()
        assert row is not None
        return row[0], row[1]
