"""The story that a turn reads, through records, the log's tail and its own events, is that of the log from scratch."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey
from psycopg.rows import tuple_row

from domain.access.rights import Right
from domain.events.envelope import read_event
from domain.events.facts import Event, standing_facts
from projections.ledger.touched import changed
from services.intake import writing_story
from services.intake.intake import Intake
from services.intake.permission import InForce
from services.intake.writing_story import RecentEvents, WritingStory
from services.ledger import versions
from services.ledger.projector import Projector, fits
from services.log.messages import Publisher
from services.log.reader import LogReader
from services.log.recorder import LogRecorder
from services.postgres.database import connect
from services.system.errors import LedgerBehindError
from tests.access.attacks import ELSEWHERE, HERE, OFFICE, OTHER, THERE, fact, registered
from tests.fix_turn import Trials
from tests.histories import deliveries, renamed
from tests.sending import ADMINISTRATOR, MARKET, STEWARD, as_bytes, envelope, granted, http, removed, revoked
from tests.story_of_list import ListStory

pytestmark = pytest.mark.long


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries(), st.integers(0, 2**32))
def test_wherever_the_projector_stands_the_turn_reads_the_story_from_scratch(
    store: str, intake: Intake, history: list[Any], seed: int
) -> None:
    random, history = Random(seed), renamed(history)
    recent, first = RecentEvents(), random.randrange(len(history))
    turn = random.randrange(first, len(history))
    with connect(store, "test") as connection:
        projector = Projector(connection, versions.ensure(connection))
        while projector.advance():
            pass
        intake.admit([http(each, STEWARD) for each in history[:first]])
        while random.random() < 0.8 and projector.advance(random.randint(1, 5)):
            pass
        intake.admit([http(each, STEWARD) for each in history[first:turn]])
        _read(connection, recent)  # an earlier turn, whose reading is kept
        if random.random() < 0.5:
            projector.advance(random.randint(1, 5))
        known = LogReader(connection).after(0, 100_000)
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            told = WritingStory(cursor, recent, known[-1].position if known else 0, fits)
            coming = [read for each in history[turn:] if (read := _event(each))]
            if random.random() < 0.5:
                told.prefetch(coming)
            for event in coming:
                scratch = ListStory(known)
                assert changed(event, told, fits, by_body=True) == changed(event, scratch, fits, by_body=True)
                for entity in {each.entity for each in standing_facts(known, fits)[0]}:
                    assert _names(told.facts(entity)) == _names(scratch.facts(entity)), entity
                told.accept(event)
                known.append(event)


def _read(connection: psycopg.Connection[Any], recent: RecentEvents) -> None:
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT coalesce(max(notification_id), 0) FROM taizhang.log").fetchone()
        assert row is not None
        WritingStory(cursor, recent, row[0], fits)


def _event(delivery: dict[str, Any]) -> Event | None:
    return read_event(as_bytes(delivery)).event


def _names(facts: list[Any]) -> list[Any]:
    return [(each.source, each.id, each.effective_on, each.data) for each in facts]


def test_where_too_much_waits_for_the_ledger_limited_grants_wait_and_nobody_else(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_story, "BEHIND_EVENTS_MAX", 3)
    intake.admit([http(registered(f"group:b-{n}", HERE)) for n in range(4)])
    with pytest.raises(LedgerBehindError, match="4 events wait for the ledger, at most 3"):
        intake.admit([http(registered("group:b-5", HERE), OFFICE)])
    assert intake.admit([http(registered("group:b-6", HERE))])[0].position == 5


class _FailedError(Exception):
    pass


@pytest.mark.race
def test_what_was_rolled_back_counts_for_nobody(intake: Intake) -> None:
    """A batch that failed after it was decided leaves no grant, key or place behind in its writer."""

    def fail(*_: object) -> None:
        raise _FailedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.intake.account.count", fail)
        with pytest.raises(_FailedError):
            intake.admit([granted("county"), http(registered("group:x", HERE), OFFICE)])
    assert intake.in_force.access.grants == {}
    (again,) = intake.admit([http(registered("group:x", THERE), OTHER)])
    assert (again.disposition, again.position) == ("accepted", 1)


@pytest.mark.race
def test_keys_are_in_force_from_the_position_that_states_them_on_within_one_batch(intake: Intake) -> None:
    key = OKPKey.generate_key("Ed25519")
    public = {name: value for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x")}
    told = {"effective_on": "2024-01-01", "access": "access:k", "source": MARKET, "key": public}
    registration = http(envelope("k", "access.key_registered", told, "/taizhang/access"), ADMINISTRATOR)
    unsigned = http(removed("unsigned"))
    signed, late = (
        replace(http(removed(id_)), signature=_detached(as_bytes(removed(id_)), key)) for id_ in ("signed", "late")
    )
    receipts = intake.admit([signed, registration, unsigned, signed, revoked("access:k"), late, unsigned])
    assert [each.reasons[0].rule if each.reasons else each.disposition for each in receipts] == [
        "signature_key_unknown", "accepted", "signature_missing", "accepted", "accepted", "signature_invalid",
        "signature_missing",
    ]  # fmt: skip


def _detached(payload: bytes, key: OKPKey) -> str:
    head, _, tail = jws.serialize_compact({"alg": "Ed25519"}, payload, key, ["Ed25519"]).split(".")
    return f"{head}..{tail}"


def test_whoever_pauses_before_the_gate_is_judged_behind_it(store: str, intake: Intake, trials: Trials) -> None:
    """A message read before another's act, and decided after it: place, grant and access are those behind the gate."""
    other, take_turn = Intake.open(store, "other"), LogRecorder.take_turn
    for number in trials:
        paused, go = threading.Event(), threading.Event()

        def wait(self: LogRecorder, cursor: Any, paused: Any = paused, go: Any = go) -> Any:  # noqa: ANN401 - the method's
            if threading.current_thread().name == "slow":
                paused.set()
                assert go.wait(20)
            return take_turn(self, cursor)

        org, access = f"group:race-{number}", f"access:{number}"
        held = Publisher("county", (Right(access=access),))
        intake.admit([granted("county", access, regions=[HERE])])
        # What this one has read of the grant before its turn says that it is in force.
        (before,) = other.admit([http(registered(f"group:before-{number}", HERE), held)])
        assert before.disposition == "accepted"
        messages = [
            http(fact(f"e{number}", "organization.excluded", org=org, reason="duplicate"), OFFICE),
            http(registered(f"group:own-{number}", HERE), held),
            http(registered(org, HERE, id_=f"late {number}"), OFFICE),
        ]
        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1, initializer=_be_slow) as pool:
            patch.setattr(LogRecorder, "take_turn", wait)
            told = pool.submit(other.admit, messages)
            assert paused.wait(20)
            intake.admit([http(registered(org, THERE), OTHER), revoked(access)])
            go.set()
            rules = [receipt.reasons[0].rule for receipt in told.result(20)]
        assert rules == [ELSEWHERE, "no_grant_in_force", ELSEWHERE]
    other.close()


def _be_slow() -> None:
    threading.current_thread().name = "slow"


def test_reading_ahead_is_forgotten_once_the_projection_has_passed_it(store: str, intake: Intake) -> None:
    in_force = InForce()
    assert (in_force.recent.after, in_force.recent.position) == (0, 0)
    with connect(store, "test") as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing_story, "_PASSED_EVENTS_MAX", 2)
        intake.admit([http(registered(f"group:f-{n}", HERE)) for n in range(6)])
        _read(connection, in_force.recent)
        assert len(in_force.recent.layer.events) == 6
        projector = Projector(connection, versions.ensure(connection))
        projector.advance(5)
        _read(connection, in_force.recent)
        assert len(in_force.recent.layer.events) == 1
