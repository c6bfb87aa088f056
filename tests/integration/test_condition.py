"""Readiness says what is wrong around the log, why, and what to do."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import tuple_row

from services.intake import condition
from services.intake.condition import Condition, conditions
from services.intake.intake import Intake
from services.ledger.lag import Lag
from services.postgres.chores import MISSED_AFTER_S, chores, noted
from tests.sending import http, removed


def part(intake: Intake, name: str) -> Condition:
    (found,) = [each for each in conditions(intake.recorder, Path("/")) if each.part == name]
    return found


def test_where_all_is_well_every_part_is_ready(intake: Intake) -> None:
    intake.admit([http(removed("a"))])
    found = list(conditions(intake.recorder, Path("/")))
    assert [each.part for each in found] == ["intake", "clock", "kafka", "relay", "notices", "chores", "disk"]
    assert [each.detail for each in found if not each.ready and each.part != "disk"] == []


def test_a_read_only_database_takes_nothing_in(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    intake = Intake.open(store, "test")
    try:
        found = part(intake, "intake")
    finally:
        intake.close()
    assert (found.ready, found.needed) == (False, True)
    assert "read-only" in found.detail


def test_a_gate_that_is_held_is_named_with_its_holder(
    intake: Intake, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "GATE_HELD_S_MAX", 0.0)
    with psycopg.connect(store, application_name="somebody") as connection:
        connection.execute("LOCK TABLE taizhang.log_gate IN EXCLUSIVE MODE")
        found = part(intake, "intake")
        assert not found.ready
        assert f"somebody (server process {connection.info.backend_pid})" in found.detail
    assert part(intake, "intake").ready


def test_a_clock_that_was_ahead_is_said_and_blinds_nothing(intake: Intake, store: str) -> None:
    intake.admit([http(removed("a"))])
    with psycopg.connect(store) as connection:
        # As if the database's clock had been a year ahead when the event came.
        connection.execute("ALTER TABLE taizhang.log DISABLE TRIGGER append_only")
        connection.execute("UPDATE taizhang.log SET recorded_at = recorded_at + interval '365 days'")
        connection.execute("ALTER TABLE taizhang.log ENABLE ALWAYS TRIGGER append_only")
    found = part(intake, "clock")
    assert not found.ready
    assert not found.needed
    assert "before the instant of position 1: it was ahead" in found.detail


def test_a_lag_is_measured_by_our_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timedelta()

    def monotonic() -> float:
        return now.total_seconds()

    monkeypatch.setattr("services.ledger.lag.time.monotonic", monotonic)
    seen = Lag()
    assert seen.seconds(5, 5) == 0
    now += timedelta(seconds=10)
    assert seen.seconds(8, 5) == 0  # seen for the first time
    now += timedelta(seconds=10)
    assert seen.seconds(20, 5) == 10
    assert seen.seconds(20, 8) == 0  # what came later was first seen now
    now += timedelta(seconds=7)
    assert seen.seconds(20, 9) == 7
    assert seen.seconds(20, 20) == 0


def test_a_topic_that_nobody_reads_is_said(intake: Intake, store: str) -> None:
    with psycopg.connect(store) as connection:
        connection.execute(
            "INSERT INTO taizhang.kafka_partition (topic, partition, epoch, owner, claimed_at, next_offset, end_offset,"
            " seen_at, expired) VALUES ('t', 0, 1, 'o', now(), 3, 10, now() - interval '5 minutes', 2)"
        )
    found = part(intake, "kafka")
    assert (found.ready, found.needed) == (False, False)
    assert "7 messages wait" in found.detail
    assert "2 offsets never came" in found.detail
    assert "start `taizhang ingest`" in found.detail


def test_a_relay_is_missed_once_something_waits_for_it(
    intake: Intake, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.admit([http(removed("a"))])
    with psycopg.connect(store) as connection:
        connection.execute(
            "INSERT INTO taizhang.relay (topic, kind, position, as_of, relayed_at)"
            " VALUES ('ledger', 'ledger', 1, '2025-01-01', now() - interval '5 minutes')"
        )
    monkeypatch.setattr(condition, "UNSEEN_S_MAX", 0.0)
    assert part(intake, "relay").ready  # nothing came since
    intake.admit([http(removed("b"))])
    found = part(intake, "relay")
    assert (found.ready, found.needed) == (False, False)
    assert "ledger (for 0 s): start `taizhang relay`" in found.detail


def test_what_is_run_by_a_clock_is_missed_and_its_failure_told(
    intake: Intake, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert part(intake, "chores").ready, "what was never run here is not missed"
    with noted(store, "backup") as run:
        run.done = 7
    assert part(intake, "chores").detail == "backup 0.0 h ago"
    with pytest.raises(OSError, match="full"), noted(store, "backup"):
        raise OSError("the disk is full")
    found = part(intake, "chores")
    assert (found.ready, found.needed) == (False, False)
    assert "backup failed (OSError: the disk is full): run it again" in found.detail
    with noted(store, "backup") as run:
        run.done = 5
    with intake.recorder.datastore.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        assert [(each.name, each.done, each.fault) for each in chores(cursor)] == [("backup", 12, None)]
    with noted(store, "verify") as run:
        run.fault = "position 3 is another"
    assert "verify failed (position 3 is another)" in part(intake, "chores").detail
    with noted(store, "verify"):
        pass
    monkeypatch.setitem(MISSED_AFTER_S, "backup", 0.0)
    assert "backup has not been run for 0 h: look at its timer" in part(intake, "chores").detail


def test_a_server_that_takes_no_rows_is_no_fault_of_what_was_run(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    with noted(store, "backup") as run:
        run.done = 1
