"""Rates by kind and county at random pairs: over HTTP, as SQL on a bitemporal table, as a fold from scratch."""

import random
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from psycopg import Connection

from domain.ledger.rates import Counts, Key, group, read_counts
from domain.ledger.rows import ledger
from services.ledger import versions
from services.ledger.projector import fits
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.bench.bitemporal import Bitemporal
from tests.bench.clients import Getter
from tests.bench.tables import ms, percentile, table, times
from tests.bench.workshop import SEED, Workshop, caught_up, load, say
from tests.fix_service import Service

GROUP_BY = ("kind", "region:6")
BODIES = ("kind", "body:supervising_unit")
FIRST, DAYS = date(2023, 6, 1), 761
PAIRS = 300
SQL_PAIRS = 60
FOLDS = 3
WARM_UP = 10

Pair = tuple[date, int]
Asked = tuple[float, dict[Key, Counts]]


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Every answer of the peers is compared with that over HTTP."""
    with workshop.database() as database:
        say("rates: filling the log")
        head = load(database, lines)
        with workshop.service(database) as service, connect(database, "bench") as connection:
            caught_up(service, head)
            say("rates: building the bitemporal table")
            peer = Bitemporal(connection, schema_in_use(connection))
            rectangles = peer.build()
            pairs = random_pairs(head, PAIRS)
            say("rates: asking")
            ours, by_body = ask(service, pairs), ask(service, pairs, BODIES)
            told = [peer.rates(*pair) for pair in pairs[:SQL_PAIRS]]
            seconds_sql = _compared(told, [_without_life(each) for each in ours])
            seconds_fold = _compared([fold(connection, *pair) for pair in pairs[:FOLDS]], ours)
    columns = ("way", "p50, ms", "p99, ms", "p50 to HTTP's")
    most = max(len(counts) for _, counts in by_body)
    p50 = percentile([seconds for seconds, _ in ours], 50)
    rows = [
        [name, ms(percentile(seconds, 50)), ms(percentile(seconds, 99)), times(percentile(seconds, 50) / p50)]
        for name, seconds in (
            (f"HTTP, {PAIRS} pairs", [seconds for seconds, _ in ours]),
            (f"HTTP, the same pairs by kind and supervising unit, {most} groups", [seconds for seconds, _ in by_body]),
            (f"SQL on {rectangles:,} rectangles with GiST, {len(seconds_sql)} pairs", seconds_sql),
            (f"fold of {head:,} events from scratch, {len(seconds_fold)} pairs", seconds_fold),
        )
    ]
    note = (
        "Random (as_of, known_at); the counts of every group that the peers gave equal those over HTTP. The SQL has no "
        "effective coverage."
    )
    return table("Rates by kind and county at a point in time", columns, rows, note)


def schema_in_use(connection: Connection[Any]) -> str:
    """The PostgreSQL schema of the ledger projection in use."""
    with connection.cursor() as cursor:
        version = versions.in_use(cursor)
    assert version is not None
    return version.tables.schema


def random_pairs(head: int, count: int) -> list[Pair]:
    """Dates and positions, all equally likely."""
    rng = random.Random(SEED)
    return [(FIRST + timedelta(rng.randrange(DAYS)), rng.randint(1, head)) for _ in range(count)]


def ask(service: Service, pairs: Sequence[Pair], group_by: Sequence[str] = GROUP_BY) -> list[Asked]:
    """Each pair over HTTP, one after the other."""
    client = Getter(service.port)
    for as_of, known_at in pairs[:WARM_UP]:
        client.get("/v1/rates", _parameters(as_of, known_at - 1, group_by))
    answers = [client.get("/v1/rates", _parameters(*pair, group_by)) for pair in pairs]
    client.close()
    return [(seconds, _counts(answer, group_by)) for seconds, answer in answers]


def _parameters(as_of: date, known_at: int, group_by: Sequence[str]) -> list[tuple[str, str]]:
    return [("as_of", str(as_of)), ("known_at", str(known_at)), *(("group_by", name) for name in group_by)]


def _counts(answer: dict[str, Any], group_by: Sequence[str]) -> dict[Key, Counts]:
    return {tuple(each["key"][name] for name in group_by): read_counts(each["counts"]) for each in answer["groups"]}


def _without_life(asked: Asked) -> Asked:
    """Without effective coverage: the table of rectangles knows no terms and no meetings."""
    seconds, counts = asked
    return seconds, {key: each._replace(effectively_covered=0) for key, each in counts.items()}


def _compared(answers: Sequence[Asked], ours: Sequence[Asked]) -> list[float]:
    for (_, found), (_, expected) in zip(answers, ours, strict=False):
        assert found == expected
    return [seconds for seconds, _ in answers]


def fold(connection: Connection[Any], as_of: date, known_at: int) -> Asked:
    """Seconds, and the counts by kind and county, from the log alone."""
    began = time.perf_counter()
    events = LogReader(connection).after(0, known_at)
    counts = group(ledger(events, as_of, fits).rows(), GROUP_BY)
    return time.perf_counter() - began, counts
