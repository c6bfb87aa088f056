"""Hostile events through intake and projector: what is accepted is applied, none is held, none is lost.

`make test-hostile` sends a hundred thousand (TAIZHANG_TEST_HOSTILE), bent otherwise in each run (TAIZHANG_TEST_SEED).
"""

import os
import random
from datetime import date
from typing import Any

import psycopg
import pytest

from domain.access.rights import Right
from domain.ledger.rates import DIMENSIONS, group
from domain.ledger.rows import ledger
from projections.ledger.columns.columns import Columns
from projections.ledger.columns.counts import standing
from projections.ledger.columns.grouping import group as group_columns
from projections.ledger.columns.rows import LedgerReading
from services.evidence.verifier.check_projection import check_projection
from services.evidence.verifier.report import Report
from services.evidence.verifier.verify import Source, verify_log
from services.intake.intake import Intake
from services.ledger import held
from services.ledger.projector import fits
from services.ledger.queries import rates_of
from services.ledger.rebuild import rebuild
from services.ledger.versions import Version
from services.log.messages import Message, Publisher
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.conftest import SEED
from tests.fix_store import Rows
from tests.hostile import as_bytes, mutated, sound_events
from tests.versions import contents, project

EVENTS = int(os.environ.get("TAIZHANG_TEST_HOSTILE", "1500"))
BATCH = 500
STEWARD = Publisher("hostile", (Right(frozenset(("steward", "administrator"))),))


def hostile(seed: int, count: int) -> list[bytes]:
    """Bent events of the worked examples, some sent twice, some cut, some no JSON at all."""
    rng = random.Random(seed)
    made: list[bytes] = []
    number = 0
    while len(made) < count:
        number += 1
        for event in sound_events(number):
            raw = as_bytes(mutated(rng, event))
            made.append(raw)
            match rng.randrange(40):
                case 0:
                    made.append(raw)
                case 1:
                    made.append(raw[: rng.randrange(len(raw))])
                case 2:
                    made.append(rng.choice([b"\xff", b"\xef\xbb\xbf" + raw, b"[" * 2_000, b"null", b"\x00"]))
    return made[:count]


@pytest.mark.timeout(3_600)
def test_what_is_accepted_is_applied_and_what_is_received_is_accounted_for(
    store: str, intake: Intake, rows: Rows, request: pytest.FixtureRequest
) -> None:
    messages = [
        Message(raw, {"channel": "http", "request": "r", "index": n}, STEWARD)
        for n, raw in enumerate(hostile(request.config.stash[SEED], EVENTS))
    ]
    dispositions = [r.disposition for at in range(0, EVENTS, BATCH) for r in intake.admit(messages[at : at + BATCH])]
    accepted = dispositions.count("accepted")
    assert accepted > EVENTS / 10
    assert dispositions.count("quarantined") > EVENTS / 10
    assert rows("SELECT sum(received), sum(accepted), sum(duplicate), sum(quarantined) FROM taizhang.tally") == [
        (EVENTS, *(dispositions.count(name) for name in ("accepted", "duplicate", "quarantined")))
    ]
    assert rows("SELECT count(*), max(notification_id) FROM taizhang.log") == [(accepted, accepted)]

    live = project(store)
    assert live.position == accepted
    with connect(store, "test") as connection:
        assert held.held(connection) == []
        before = contents(connection, live)
        rebuilt = rebuild(connection, lambda *_: None)
        assert rebuilt.held == 0
        assert contents(connection, rebuilt.version) == before
        _equals_the_fold_from_scratch(connection, rebuilt.version)
    with psycopg.connect(store, autocommit=True) as connection:  # as `verify` does: it takes the time that it takes
        report = Report(accepted)
        check_projection(report, connection)
        assert report.faults == []
    report, _ = verify_log(Source(accepted, store), [])
    assert report.faults == []


def _equals_the_fold_from_scratch(connection: psycopg.Connection[Any], version: Version) -> None:
    events, columns = LogReader(connection).after(0, EVENTS), Columns()
    assert [event.position for event in events] == list(range(1, version.position + 1))
    with connection.cursor() as cursor:
        while LedgerReading(version.tables.schema).grow(cursor, columns):
            pass
    snapshot = columns.snapshot(version.position)
    for day in (date(1900, 1, 1), date(2024, 3, 1), date(2199, 12, 31)):
        policy = snapshot.policy(day.toordinal(), version.position)
        rows = standing(snapshot, day.toordinal(), version.position, policy)
        judged = snapshot.is_judged(day.toordinal(), version.position)
        found = rates_of(group_columns(snapshot, rows, DIMENSIONS[:2]), policy, judged=judged).groups
        assert found == group(ledger(events, day, fits).rows(), DIMENSIONS[:2])
