"""What holds once a fault is over: every message is counted where it went, and what is served is the fold."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg import IsolationLevel

from domain.events.envelope import read_event
from domain.events.facts import Event, EventKey
from domain.ledger.rates import DIMENSIONS, group
from domain.ledger.rows import Row, ledger
from services.ledger.queries import Queries
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.fix_service import Service
from tests.folding import figures
from tests.histories import fits
from tests.versions import project, wait_until

Answer = Callable[[date, int, tuple[str, ...]], list[dict[str, Any]]]

PAIRS = 6
_PAGE = 10_000
_A_DAY = timedelta(days=1)
_TALLY = """
SELECT source, channel, topic, partition, accepted, duplicate, quarantined, received
  FROM taizhang.tally ORDER BY 1, 2, 3, 4
"""
# What there is, where the tally says how much there is.
_STORED = """
WITH stored (source, intake, disposition) AS (
    SELECT source, intake, 'accepted' FROM taizhang.log
    UNION ALL
    SELECT log.source, duplicate.intake, 'duplicate'
      FROM taizhang.duplicate JOIN taizhang.log ON notification_id = duplicate.position
    UNION ALL
    SELECT source, intake, 'quarantined' FROM taizhang.quarantine
)
SELECT source, intake->>'channel', intake->>'topic', (intake->>'partition')::int,
       count(*) FILTER (WHERE disposition = 'accepted'), count(*) FILTER (WHERE disposition = 'duplicate'),
       count(*) FILTER (WHERE disposition = 'quarantined'), count(*)
  FROM stored GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_SET_ASIDE = "SELECT source, event_id FROM taizhang.quarantine"


def assert_nothing_lost(
    conninfo: str, rng: Random, sent: Iterable[bytes] = (), *, service: Service | None = None, pairs: int = PAIRS
) -> None:
    """Counts are equal by source and partition, all that was sent is there, and rates equal the fold.

    Args:
        conninfo: of the database; nobody writes to it meanwhile.
        rng: chooses the pairs of clocks and the groups; the first pair is the last date at the log's end,
            asked by each dimension.
        sent: the messages that arrived; of those that can be read each is in the log or was set aside.
        service: answers for the ledger by HTTP; without one the questions are asked in this process.
        pairs: of clocks.
    """
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        assert connection.execute(_STORED).fetchall() == connection.execute(_TALLY).fetchall()
        aside: set[EventKey] = set(connection.execute(_SET_ASIDE).fetchall())
    events = logged(conninfo)
    assert [each.position for each in events] == list(range(1, len(events) + 1))
    known = {each.key for each in events} | aside
    assert {event.key for raw in sent if (event := read_event(raw).event)} <= known
    with _answering(conninfo, service, len(events)) as answer:
        _assert_folded(answer, rng, events, pairs)


def logged(conninfo: str) -> list[Event]:
    """Every event of the log, by position."""
    found: list[Event] = []
    with connect(conninfo, "test") as connection:
        while page := LogReader(connection).after(len(found), _PAGE):
            found += page
    return found


@contextmanager
def _answering(conninfo: str, service: Service | None, head: int) -> Iterator[Answer]:
    """Who answers for the ledger at the log's end."""
    if service is not None:
        asked = {"min_position": head}
        wait_until(lambda: service.http.get("/v1/rates", params=asked).is_success, "the service has the whole log")

        def served(as_of: date, known_at: int, by: tuple[str, ...]) -> list[dict[str, Any]]:
            asked = {"as_of": as_of.isoformat(), "known_at": known_at, "min_position": head, "group_by": by}
            groups: list[dict[str, Any]] = service.get("/v1/rates", **asked)["groups"]
            return groups

        yield served
        return
    project(conninfo)
    with Queries.open(conninfo) as queries:
        wait_until(lambda: queries.position >= head, "the ledger is in memory")
        yield lambda as_of, known_at, by: figures(queries.rates(as_of, known_at, by).groups, by)


def _assert_folded(answer: Answer, rng: Random, events: list[Event], pairs: int) -> None:
    days, head = sorted({each.effective_on for each in events if each.is_fact}), len(events)
    rows = ledger(events, days[-1], fits).rows()
    assert rows, "the events say nothing that a ledger could lack"
    for dimension in DIMENSIONS:
        _assert_same(answer, rows, days[-1], head, (dimension,))
    for _ in range(pairs - 1):
        as_of, known_at = rng.choice(days) + rng.randint(-1, 1) * _A_DAY, rng.randint(0, head)
        rows = ledger(events[:known_at], as_of, fits).rows()
        _assert_same(answer, rows, as_of, known_at, tuple(rng.sample(DIMENSIONS, 2)))


def _assert_same(answer: Answer, rows: list[Row], as_of: date, known_at: int, by: tuple[str, ...]) -> None:
    assert answer(as_of, known_at, by) == figures(group(rows, by), by), (as_of, known_at, by)
