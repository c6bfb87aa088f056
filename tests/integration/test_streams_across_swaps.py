"""Streams and cursors of a service while a version by other rules, or by the same, takes the place of another."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from domain.access.rights import REGISTERED
from domain.events.facts import Event
from services.ledger import rebuild, releases
from services.ledger.projector import Projector
from services.ledger.ruleset import rules, ruleset
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.fix_service import ROOT, Service, environment
from tests.fix_turn import Trials
from tests.small_city import fill
from tests.versions import ONLY_BEFORE, by_other_rules, project, quiet, swapped, wait_until

pytestmark = pytest.mark.long


@contextmanager
def others_rule(conninfo: str) -> Iterator[None]:
    """Within, a process of those other rules runs, which came later: nobody of ours builds anew beside it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("INSERT INTO taizhang.ruleset (ruleset, tables) VALUES ('before', %s)", (rules().tables,))
        connection.execute(f"SELECT pg_advisory_lock_shared({releases._LOCK})", ("before", rules().tables))
        yield


def as_others_read(event: Event) -> Event:
    """What those rules take an event for; of five organizations their rows are others than ours."""
    org = event.data.get("org") if event.type == REGISTERED else None
    others: dict[str, dict[str, Any]] = {
        "group:g-1": {"employees": 77}, "group:g-2": {"employees": 77}, "group:g-3": {"name": "another"},
        "group:g-4": {"org": ONLY_BEFORE},
    }  # fmt: skip
    differs = others.get(str(org), {})
    return replace(event, data={**event.data, **differs}) if differs else event


def swapped_by_others(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let them build a version of theirs and put it in use."""
    after, swap = LogReader.after, rebuild._swap

    def read(log: LogReader, position: int, limit: int) -> list[Event]:
        return list(map(as_others_read, after(log, position, limit)))

    def put_in_use(connection: psycopg.Connection[Any], projector: Projector) -> None:
        while projector.advance():
            pass
        connection.execute(
            "UPDATE taizhang.projection SET ruleset = 'before' WHERE version = %s", (projector.version.number,)
        )
        swap(connection, projector)

    with monkeypatch.context() as patch, connect(conninfo, "rebuild") as connection:
        patch.setattr(LogReader, "after", read)
        patch.setattr(rebuild, "_swap", put_in_use)
        rebuild.rebuild(connection, quiet)


def test_streams_and_cursors_across_swaps_at_any_moment(
    store: str, tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch, rng: Random
) -> None:
    """In each trial others' version is in use, and ours takes its place before, while or after a stream begins."""
    fill(store, 200)
    project(store)
    asked = {"as_of": "2024-03-31", "known_at": "200", "limit": "10"}
    with others_rule(store), Service(tmp_path, "--dev", database_url=store) as service, ThreadPoolExecutor(1) as beside:
        right = stream_once(service)
        for trial in trials:
            swapped_by_others(store, monkeypatch)
            wait_until(lambda: ruleset_of(service) == "before", "the others' version is not followed")
            first = service.get("/v1/organizations", **asked)
            swap = beside.submit(swapped, store, rng.uniform(0.0, 0.6))
            if trial % 3 == 2:
                swap.result()
            time.sleep(rng.uniform(0.0, 0.6))
            named: list[str] = []
            copy: dict[str, Any] = {}
            with service.http.stream("GET", "/v1/ledger/stream") as answer:
                lines = answer.iter_lines()
                read_until_mark(lines, named, copy)
                if ONLY_BEFORE in copy:
                    named.clear()
                    sent = read_until_mark(lines, named, copy)
                    assert named[0] == "version"
                    assert len(sent) == 5
                    assert copy.pop(ONLY_BEFORE) is None
            assert copy == right
            swap.result()
            assert ruleset_of(service) == ruleset()
            refused = service.http.get("/v1/organizations", params=asked | {"cursor": first["next"]})
            assert refused.json()["type"] == "urn:taizhang:problem:ledger-rebuilt"
            again = service.get("/v1/organizations", **asked)
            swapped(store)
            # By the same rules: the list goes on.
            assert service.get("/v1/organizations", **asked, cursor=again["next"])["organizations"]


def ruleset_of(service: Service) -> str:
    return str(service.get("/v1/rates", min_position=200)["evidence"]["ruleset"])


def stream_once(service: Service) -> dict[str, Any]:
    """The rows of the whole ledger, as a stream that begins now sends them."""
    copy: dict[str, Any] = {}
    with service.http.stream("GET", "/v1/ledger/stream") as answer:
        read_until_mark(answer.iter_lines(), [], copy)
    return copy


def test_an_open_stream_is_told_of_the_swap_and_a_list_begun_before_it_is_begun_anew(
    store: str, tmp_path: Path
) -> None:
    fill(store, 200)
    project(store)
    by_other_rules(store)
    asked = {"as_of": "2024-03-31", "known_at": "200", "limit": "10"}
    named: list[str] = []
    copy: dict[str, Any] = {}
    other = psycopg.connect(store, autocommit=True)
    # Somebody else's rebuild: the one that is due fails, and begins again until it gets its turn.
    other.execute("SELECT pg_advisory_lock(%s)", (rebuild._LOCK,))
    with other, Service(tmp_path, "--dev", database_url=store) as service:
        assert service.get("/v1/rates", min_position=200)["evidence"]["ruleset"] == "before"
        first = service.get("/v1/organizations", **asked)
        with service.http.stream("GET", "/v1/ledger/stream") as answer:
            lines = answer.iter_lines()
            whole = read_until_mark(lines, named, copy)
            assert copy[ONLY_BEFORE] is not None
            named.clear()
            other.execute("SELECT pg_advisory_unlock(%s)", (rebuild._LOCK,))
            sent = read_until_mark(lines, named, copy)
        assert named[0] == "version"
        assert len(sent) == 5 < len(whole)
        assert copy[ONLY_BEFORE] is None
        assert service.get("/v1/rates")["evidence"]["ruleset"] == ruleset()
        refused = service.http.get("/v1/organizations", params=asked | {"cursor": first["next"]})
        assert refused.status_code == 410
        assert refused.json()["type"] == "urn:taizhang:problem:ledger-rebuilt"
        again = service.get("/v1/organizations", **asked)
        number = used_number(store)
        subprocess.run(
            [sys.executable, "-m", "services.commands.cli", "rebuild"],
            cwd=ROOT, check=True, env=environment(database_url=store), capture_output=True, timeout=120,
        )  # fmt: skip
        assert used_number(store) == number + 1
        # By the same rules: the list goes on.
        assert service.get("/v1/organizations", **asked, cursor=again["next"])["organizations"]


def used_number(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT version FROM taizhang.projection WHERE state = 'in_use'").fetchone()
    assert row is not None
    return int(row[0])


def read_until_mark(lines: Iterator[str], named: list[str], copy: dict[str, Any]) -> set[str]:
    """Apply one batch of the stream to a copy; the organizations sent."""
    fields: dict[str, str] = {}
    sent: set[str] = set()
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "event" in fields:
            named.append(fields["event"])
        if fields.get("event") == "row":
            change = json.loads(fields["data"])
            copy[change["org"]] = change["row"]
            sent.add(change["org"])
        elif fields.get("event") == "mark":
            return sent
        fields = {}
    raise AssertionError("the stream ended")
