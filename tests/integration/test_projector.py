"""The projector on a real database: live equals rebuilt equals folded from scratch, whatever the batches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.events.facts import Event
from domain.ledger.rates import DIMENSIONS, group, unjudged
from domain.ledger.rows import ledger
from domain.values.terms import FORMATIONS
from projections.ledger.columns.columns import Columns
from projections.ledger.columns.counts import standing
from projections.ledger.columns.coverings import BranchCoverings
from projections.ledger.columns.grouping import group as group_columns
from projections.ledger.columns.rows import LedgerReading
from projections.ledger.fold.fold import LedgerFold
from services.intake.intake import Intake, Message
from services.ledger import bulk_build, versions
from services.ledger.projector import Projector
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.histories import deliveries, fits
from tests.sending import STEWARD, envelope
from tests.versions import contents

OFFICE = STEWARD


def publish(intake: Intake, history: list[dict[str, Any]]) -> None:
    messages = [
        Message(json.dumps(d).encode(), {"channel": "http", "request": "r", "index": i}, OFFICE)
        for i, d in enumerate(history)
    ]
    intake.admit(messages)


def project(connection: psycopg.Connection[Any], batches: Random | None) -> versions.Version:
    """Project the whole log into a new version, in batches of random length or one."""
    with connection.transaction(), connection.cursor() as cursor:
        version = versions.create(cursor, "building")
    projector = Projector(connection, version)
    while projector.advance(batches.randint(1, 7) if batches else 5_000):
        pass
    return projector.version


def build_at_once(connection: psycopg.Connection[Any], batch_events: int, until: int) -> versions.Version:
    """Build the whole log into a new version from nothing, in batches of a length."""
    with connection.transaction(), connection.cursor() as cursor:
        version = versions.create(cursor, "building")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(bulk_build, "BATCH_EVENTS", batch_events)
        # Each example would start a process that reads ahead: tests/integration/test_rebuild.py does.
        monkeypatch.setattr(bulk_build, "batches", in_this_process)
        return bulk_build.build(connection, version, until, lambda _position: False)


@contextmanager
def in_this_process(conninfo: str, until: int, size: int) -> Iterator[Iterator[list[Event]]]:
    with connect(conninfo, "test") as connection:
        log = LogReader(connection)
        yield (log.after(first, min(size, until - first)) for first in range(0, until, size))


def known_events(connection: psycopg.Connection[Any]) -> list[Event]:
    return LogReader(connection).after(0, 100_000)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries(), st.integers(0, 2**32))
def test_live_equals_rebuilt_equals_folded_from_scratch(
    store: str, intake: Intake, history: list[dict[str, Any]], seed: int
) -> None:
    random = Random(seed)
    # One database serves all examples: what the last one left is in the log too, under other names.
    run = f"{random.getrandbits(64):x}"
    for delivery in history:
        delivery["id"] = f"{run}-{delivery['id']}"
        for name in ("corrects", "retracts"):
            if name in delivery["data"]:
                delivery["data"][name]["id"] = f"{run}-{delivery['data'][name]['id']}"
    publish(intake, history)
    with connect(store, "test") as connection:
        live = project(connection, random)
        rebuilt = project(connection, None)
        at_once = build_at_once(connection, random.randint(1, 7), live.position)
        assert contents(connection, live) == contents(connection, rebuilt) == contents(connection, at_once)
        columns = Columns()
        with connection.cursor() as cursor:
            while LedgerReading(live.tables.schema).grow(cursor, columns):
                pass
        snapshot, schema, coverings = columns.snapshot(live.position), live.tables.schema, BranchCoverings()
        events = known_events(connection)
        for known_at in (random.randrange(len(events) + 1) for _ in range(3)):
            day = date(2024, 1, 31) + timedelta(days=random.randrange(33))
            group_by = tuple(random.sample(DIMENSIONS, random.randrange(3)))
            policy = snapshot.policy(day.toordinal(), known_at)
            rows = standing(snapshot, day.toordinal(), known_at, policy)
            expected = ledger(events[:known_at], day, fits)
            found = {key: unjudged(each) for key, each in group_columns(snapshot, rows, group_by).items()}
            assert found == group(expected.rows(), group_by)
            with connection.cursor() as cursor:
                # The second look grows what the first has read.
                told = (columns.snapshot(known_at), snapshot)
                looks = [coverings.at(live.number, schema, each, cursor, day.toordinal(), known_at) for each in told]
                present = LedgerReading(schema).presences(
                    cursor, range(snapshot.organizations), day.toordinal(), known_at
                )
            by_branch = [(each.entity, each.org, each.value) for each in present if each.entity.startswith("branch:")]
            for look in looks:
                columns_of = zip(look.branch.tolist(), look.org_no.tolist(), look.formation.tolist(), strict=True)
                covered = [(look.names[b], snapshot.orgs[o], FORMATIONS[f]) for b, o, f in columns_of]
                assert sorted(covered) == sorted(by_branch)
                assert [name for name, _, _ in covered] == sorted(name for name, _, _ in covered)
        with connection.transaction(), connection.cursor() as cursor:
            for version in (live, rebuilt, at_once):
                versions.drop(cursor, version.number)


def test_a_poison_event_holds_its_own_entity_only(store: str, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def registered(org: str, number: int) -> dict[str, Any]:
        data = {
            "effective_on": f"2024-01-0{number}", "org": org, "kind": "new_employment_group",
            "category": "courier", "name": "甲", "region": "510104",
        }  # fmt: skip
        return {
            "specversion": "1.0", "id": f"{org}-{number}", "source": "/s", "time": "2024-01-01T00:00:00Z",
            "type": "taizhang.organization.registered.v1", "data": data,
        }  # fmt: skip

    publish(intake, [registered(f"group:{g}", n) for n in (1, 2) for g in ("a", "b", "c")])
    apply = LedgerFold.apply

    def fails_on_one(self: LedgerFold, event: Event) -> None:
        apply(self, event)
        if event.id == "group:b-1":
            raise ZeroDivisionError("a fault of the projection's own")

    monkeypatch.setattr(LedgerFold, "apply", fails_on_one)
    with connect(store, "test") as connection:
        version = project(connection, None)
        assert version.position == 6
        orgs = [org for (org,) in contents_of(connection, version, "organization", "org")]
        held = connection.execute(
            "SELECT position, entity FROM taizhang.projection_held WHERE version = %s ORDER BY 1", (version.number,)
        ).fetchall()
    assert orgs == ["group:a", "group:c"]
    assert held == [(2, "group:b"), (5, "group:b")]


def contents_of(connection: psycopg.Connection[Any], version: versions.Version, table: str, column: str) -> list[Any]:
    statement = sql.SQL("SELECT {} FROM {}.{} ORDER BY 1").format(
        sql.Identifier(column), sql.Identifier(version.tables.schema), sql.Identifier(table)
    )
    return connection.execute(statement).fetchall()


def test_two_projectors_of_one_version_never_both_advance_it(store: str, intake: Intake) -> None:
    history = json.loads((Path(__file__).parents[1] / "data/examples/11-random-history.json").read_text())
    publish(intake, history["deliveries"])
    with connect(store, "one") as one, connect(store, "two") as two:
        version = versions.ensure(one)
        first, second = Projector(one, version), Projector(two, version)
        assert first.advance(100) == 100
        with pytest.raises(versions.OvertakenError):
            second.advance(50)
        assert versions.ensure(two).position == 100


def test_what_was_only_named_beside_a_body_has_no_record_however_the_ledger_is_built(
    store: str, intake: Intake
) -> None:
    org, about = "group:g-1", {"effective_on": "2024-01-01"}
    placed = envelope("p", "organization.placed", {**about, "org": org, "body": "body:park-1"}, "/s")
    publish(intake, [
        placed,
        envelope("r", "event.retracted", {"retracts": {"source": "/s", "id": "p"}, "reason": "误报"}, "/s"),
        envelope("b", "body.created", {**about, "body": "body:park-1", "kind": "park", "name": "园区"}, "/s"),
    ])  # fmt: skip
    with connect(store, "test") as connection:
        live, at_once = project(connection, Random(1)), build_at_once(connection, 1, 3)
        assert live.position == 3
        assert contents(connection, live) == contents(connection, at_once)
