"""Streams, cursors and marks across a swap to a version by other rules: the consumer is told, and gets what differs."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from domain.access.rights import REGISTERED
from domain.events.facts import Event
from domain.ledger.rows import Row
from services.ledger import rebuild, releases
from services.ledger.ledger_stream import Mark, changes, going_on, mark_now
from services.ledger.projector import Projector
from services.ledger.queries import Queries
from services.ledger.ruleset import rules, ruleset
from services.ledger.view import View
from services.log.reader import LogReader
from services.postgres.database import connect
from tests.fix_service import ROOT, Service, environment
from tests.fix_turn import Trials
from tests.small_city import fill
from tests.versions import project, wait_until

pytestmark = pytest.mark.long

AS_OF = date(2024, 3, 31)
WAIT_S_MAX = 60.0
ONLY_BEFORE = "group:only-by-the-rules-before"
OTHER_RULES = (
    "UPDATE taizhang.projection SET ruleset = 'before'",
    "UPDATE ledger_1.attributes SET employees = 77 WHERE org_no IN (2, 3)",
    "UPDATE ledger_1.attributes SET name = name || '!' WHERE org_no = 4",
    "UPDATE ledger_1.organization SET org = 'group:only-by-the-rules-before' WHERE org_no = 5",
)
Copy = dict[str, Row | None]


def by_other_rules(conninfo: str) -> None:
    """Let the version in use have rows that the rules of today do not give."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in OTHER_RULES:
            connection.execute(statement.encode())


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


def swapped(conninfo: str, after_s: float = 0.0) -> None:
    """A version by our rules takes the place of the one in use."""
    time.sleep(after_s)
    with connect(conninfo, "rebuild") as connection:
        rebuild.rebuild(connection, quiet)


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def queries(store: str) -> Iterator[Queries]:
    """Questions to a version that other rules made."""
    fill(store, 300)
    project(store)
    by_other_rules(store)
    with Queries.open(store) as opened:
        assert opened.view.loaded.wait(WAIT_S_MAX)
        yield opened


def rebuilt(store: str, queries: Queries) -> None:
    number = queries.view.current.version.number
    swapped(store)
    wait_until(lambda: queries.view.current.version.number > number, "the new version is not followed")


def take(queries: Queries, since: Mark, copy: Copy, as_of: date = AS_OF) -> tuple[Mark, set[str]]:
    """Apply what changed since a mark to a copy; the mark reached, and what was sent."""
    found, sent = changes(queries, since, as_of), set[str]()
    for part in found.parts:
        for change in part.changes:
            copy[change.org] = change.row
            sent.add(change.org)
    return found.mark, sent


def ledger(queries: Queries, as_of: date = AS_OF) -> Copy:
    copy: Copy = {}
    take(queries, Mark.beginning(), copy, as_of)
    return copy


def held(copy: Copy) -> Copy:
    return {org: row for org, row in copy.items() if row is not None}


@pytest.mark.race
def test_what_differs_between_two_versions_is_sent_and_nothing_else(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    named = [queries.view.current.snapshot.orgs[number] for number in (2, 3, 4)]
    assert ONLY_BEFORE in copy
    rebuilt(store, queries)
    renamed = queries.view.current.snapshot.orgs[5]
    found = changes(queries, mark, AS_OF)
    assert found.anew is not None
    assert not found.is_whole
    after, sent = take(queries, mark, copy)
    assert sent == {*named, ONLY_BEFORE, renamed}
    assert copy[ONLY_BEFORE] is None
    assert held(copy) == ledger(queries)
    assert (after.position, after.version) == (300, queries.view.current.label)
    assert take(queries, after, copy) == (after, set())
    rebuilt(store, queries)  # by the same rules: told, and nothing to send
    assert take(queries, after, copy)[1] == set()


@pytest.mark.race
def test_a_copy_goes_on_over_midnight_and_a_swap(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    rebuilt(store, queries)
    tomorrow = date(2024, 4, 1)
    take(queries, mark, copy, tomorrow)
    assert held(copy) == ledger(queries, tomorrow)


def test_where_nothing_is_left_to_compare_with_the_whole_ledger_is_sent(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    for _ in range(3):
        rebuilt(store, queries)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS ledger_1 CASCADE")
    for unknown in (mark, mark._replace(version=""), mark._replace(version="1.000000000000")):
        found = changes(queries, unknown, AS_OF)
        assert found.is_whole
        assert {change.org for part in found.parts for change in part.changes} >= ledger(queries).keys()


def test_a_view_that_has_not_come_to_a_mark_sends_nothing_even_over_midnight(queries: Queries) -> None:
    """Another process was further; rows of this one would be older than what the consumer has."""
    view = queries.view.current
    assert isinstance(view, View)
    ahead = Mark(400, AS_OF, view.label)
    tomorrow = date(2024, 4, 1)
    assert mark_now(view, ahead, tomorrow) == ahead
    found = changes(queries, ahead, tomorrow)
    assert (found.mark, list(found.parts)) == (ahead, [])


def test_a_mark_says_what_it_is_of(queries: Queries) -> None:
    label = queries.view.current.label
    mark = Mark(7, AS_OF, label)
    assert Mark.parse(str(mark), queries, 1_000_000, date(2199, 12, 31)) == mark
    assert Mark.parse("0", queries, 1_000_000, date(2199, 12, 31)) == Mark.beginning()
    assert Mark.parse("7", queries, 1_000_000, date(2199, 12, 31)).version == label
    assert Mark.parse("7@2024-03-31", queries, 1_000_000, date(2199, 12, 31)) == Mark(7, AS_OF, "")
    for text in ("7@2024-03-31@x", "7@2024-03-31@1.zz", "x", "7@yesterday"):
        with pytest.raises(ValueError, match=r"mark|date"):
            Mark.parse(text, queries, 1_000_000, date(2199, 12, 31))


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


@pytest.fixture
def own(store: str) -> Iterator[Queries]:
    """Questions to a version that this program's rules made."""
    fill(store, 300)
    project(store)
    with Queries.open(store) as opened:
        assert opened.view.loaded.wait(WAIT_S_MAX)
        yield opened


@pytest.mark.parametrize("since", [Mark.beginning(), Mark(120, date(2024, 1, 1), "")])
def test_a_way_that_was_cut_anywhere_goes_on_to_the_same_copy(
    store: str, own: Queries, since: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ledger.ledger_stream.CHUNK", 7)
    found = changes(own, since, AS_OF)
    whole = list(found.parts)
    assert len(whole) > 10
    fill(store, 60, skip=300)  # the ledger goes on meanwhile
    project(store)
    wait_until(lambda: own.position > found.mark.position, "what came is not seen")
    for cut in (0, 3, len(whole) - 1):
        rest = going_on(own, since, found.mark, whole[cut].upto)
        assert rest is not None
        assert rest.mark == found.mark
        copy = {change.org: change.row for part in (*whole[: cut + 1], *rest.parts) for change in part.changes}
        right = {change.org: change.row for part in whole for change in part.changes}
        assert copy == right
    rebuilt(store, own)
    assert going_on(own, since, found.mark, 5) is None


def test_a_day_that_was_published_too_early_is_taken_back(own: Queries) -> None:
    right, copy = ledger(own, date(2024, 2, 29)), ledger(own)
    assert held(copy)
    mark = mark_now(own.view.current, Mark.beginning(), AS_OF)
    reached, sent = take(own, mark, copy, date(2024, 2, 29))  # before anything became effective
    assert reached.as_of == date(2024, 2, 29)
    assert sent
    assert held(copy) == held(right) == {}
