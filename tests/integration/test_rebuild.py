"""A rebuild beside the version in use: readers see the old or the new, whatever happens to whoever rebuilds."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Any

import psycopg
import pytest

from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.rates import ANY
from projections.ledger.columns.counts import standing
from projections.ledger.columns.cubes import Shape
from services.intake.intake import Intake
from services.ledger import next_version, rebuild, releases, versions
from services.ledger.projector import Follower, Projector
from services.ledger.queries import Queries
from services.ledger.ruleset import rules, ruleset
from services.ledger.versions import Version
from services.ledger.view import LedgerView
from services.postgres.database import connect
from tests.fix_service import ROOT, environment
from tests.fix_store import Rows
from tests.small_city import events, fill, message
from tests.versions import contents, project

pytestmark = pytest.mark.long

DAY = 738_946  # 2024-03-01 and a month
WAIT_S_MAX = 60.0


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


def states(rows: Rows) -> list[tuple[Any, ...]]:
    """Number and state of each version whose tables are there."""
    return rows(
        "SELECT version, state FROM taizhang.projection"
        " WHERE to_regnamespace('ledger_' || version) IS NOT NULL ORDER BY version"
    )


def used(conninfo: str) -> Version:
    with connect(conninfo, "test") as connection, connection.cursor() as cursor:
        version = versions.in_use(cursor)
    assert version is not None
    return version


def command(store: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.commands.cli", "rebuild", *arguments],
        cwd=ROOT,
        env=environment(database_url=store) | {"COLUMNS": "250"},
        stderr=subprocess.PIPE,
        text=True,
    )


def due(connection: psycopg.Connection[Any]) -> bool:
    with connection.cursor() as cursor:
        return releases.is_due(connection, versions.in_use(cursor))


def wait_until_half_built(rows: Rows) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        if rows("SELECT 1 FROM taizhang.projection WHERE state = 'building' AND position > 0"):
            return
        time.sleep(0.01)
    pytest.fail("nothing is being built")


@contextmanager
def running(*targets: Any) -> Iterator[threading.Event]:  # noqa: ANN401 - callables that take the event that ends them
    """Threads that run until the event is set; whatever one of them raises is raised here."""
    ended = threading.Event()
    faults: list[BaseException] = []

    def run(target: Any) -> None:  # noqa: ANN401 - as above
        try:
            target(ended)
        except BaseException as fault:  # noqa: BLE001 - handed on below
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        ended.set()
        for thread in threads:
            thread.join(WAIT_S_MAX)
    if faults:
        raise faults[0]


def test_readers_see_the_old_version_or_the_new_while_a_load_runs(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "BATCH_EVENTS", 300)
    fill(store, 3_000)
    project(store)
    registered = [0]
    for each in islice(events(), 30_000):
        registered.append(registered[-1] + each["type"].startswith("taizhang.organization.registered"))
    seen: list[tuple[int, int]] = []
    view = LedgerView(store)
    follower = Follower(store, lambda: None)
    following = threading.Thread(target=follower.run)

    def load(ended: threading.Event) -> None:
        sent = 3_000
        while not ended.is_set():
            fill(store, 100, skip=sent)
            sent += 100

    def read(ended: threading.Event) -> None:
        while not ended.is_set():
            shown = view.current
            rows = standing(shown.snapshot, DAY, shown.snapshot.position, DEFAULT_POLICY)
            assert len(rows) == registered[shown.snapshot.position]
            with connect(store, "reader") as connection, connection.cursor() as cursor:
                number = shown.reading.org_no(cursor, "group:g-1")
                assert number is not None
                assert shown.reading.org_entries(cursor, number, shown.snapshot.position)
            seen.append((shown.version.number, shown.snapshot.position))

    view.start()
    assert view.loaded.wait(WAIT_S_MAX)
    following.start()
    try:
        with running(load, read), connect(store, "rebuild") as connection:
            first = rebuild.rebuild(connection, quiet)
            second = rebuild.rebuild(connection, quiet)
            assert (first.version.number, second.version.number) == (2, 3)
            deadline = time.monotonic() + WAIT_S_MAX
            while view.position < second.version.position + 300 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert view.position >= second.version.position + 300
    finally:
        view.close()
        follower.stop()
        following.join(WAIT_S_MAX)
    assert seen == sorted(seen)
    assert {number for number, _ in seen} >= {1, 3}
    assert used(store).number == 3


def test_the_new_version_is_loaded_before_it_takes_its_place(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 2_000)
    project(store)
    index = rebuild._index
    view = LedgerView(store)
    loaded: list[tuple[int, ...]] = []
    # A short log has no cubes of its own; one that is asked for is taken over by the version that follows.
    shape = Shape(("category",), ANY, DEFAULT_POLICY)
    monkeypatch.setattr(next_version, "ENTRIES_MIN", 1)

    def index_and_wait(connection: psycopg.Connection[Any], version: Version) -> None:
        index(connection, version)
        deadline = time.monotonic() + WAIT_S_MAX
        found: tuple[int, ...] = (0,)
        while (view._next._number != version.number or not found[0]) and time.monotonic() < deadline:
            time.sleep(0.05)
            with view._next._lock:  # not in the middle of loading
                found = view._next._columns.counts
        loaded.append(found)
        deadline = time.monotonic() + WAIT_S_MAX
        while shape not in view._next._cubes.shapes and time.monotonic() < deadline:
            time.sleep(0.05)

    monkeypatch.setattr(rebuild, "SWAP_EVENTS_MAX", 0)
    monkeypatch.setattr(rebuild, "_index", index_and_wait)
    view.start()
    try:
        assert view.loaded.wait(WAIT_S_MAX)
        shown = view.current
        for _ in range(next_version.ASKED_MIN):
            shown.cubes.counts(shown.snapshot, shape, DAY, 2_000)
        deadline = time.monotonic() + WAIT_S_MAX
        while shape not in shown.cubes.shapes and time.monotonic() < deadline:
            time.sleep(0.05)
        with connect(store, "test") as connection:
            rebuilt = rebuild.rebuild(connection, quiet)
        deadline = time.monotonic() + WAIT_S_MAX
        while view.current.version.number != rebuilt.version.number and time.monotonic() < deadline:
            time.sleep(0.05)
        assert view.current.version == rebuilt.version
        assert view._columns.counts == loaded[0]
        assert shape in view.current.cubes.shapes
        assert view._next._number == 0
    finally:
        view.close()


def test_an_answer_of_several_parts_names_the_rules_that_made_its_figures(store: str, rows: Rows) -> None:
    fill(store, 300)
    project(store)
    rows("UPDATE taizhang.projection SET ruleset = 'of yesterday'")
    with Queries.open(store) as queries, connect(store, "test") as connection:
        assert queries.view.loaded.wait(WAIT_S_MAX)
        pinned = queries.pinned()
        rebuild.rebuild(connection, quiet)
        deadline = time.monotonic() + WAIT_S_MAX
        while queries.evidence(300).ruleset != ruleset() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert queries.evidence(300).ruleset == ruleset()
        assert pinned.evidence(300).ruleset == "of yesterday"
        as_of = date.fromordinal(DAY)
        assert pinned.rates(as_of, 300, ("kind",)) == queries.rates(as_of, 300, ("kind",))


def test_the_rebuilt_tables_equal_the_live_ones(store: str) -> None:
    fill(store, 2_000)
    live = project(store)
    with connect(store, "test") as connection:
        rebuilt = rebuild.rebuild(connection, quiet)
        assert rebuilt == (Version(live.number + 1, 2_000, *rules()), 0, 0)
        assert contents(connection, rebuilt.version) == contents(connection, live)


def test_a_rebuild_that_is_killed_goes_on_where_it_stood(store: str, rows: Rows) -> None:
    fill(store, 12_000)
    process = command(store)
    wait_until_half_built(rows)
    process.kill()
    process.communicate()
    ((number, stood_at),) = rows("SELECT version, position FROM taizhang.projection WHERE state = 'building'")
    assert 0 < stood_at < 12_000
    with connect(store, "test") as connection:
        again = rebuild.rebuild(connection, quiet)
        assert (again.version.number, again.version.position, again.resumed_at) == (number, 12_000, stood_at)
        at_once = rebuild.rebuild(connection, quiet)
        assert contents(connection, again.version) == contents(connection, at_once.version)


def test_a_rebuild_that_is_cancelled_leaves_the_version_in_use_alone(store: str, rows: Rows) -> None:
    fill(store, 12_000)
    before = used_after(store)
    process = command(store)
    wait_until_half_built(rows)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 130
    assert "taizhang rebuild --abandon" in told
    assert "Traceback" not in told
    assert used(store) == before
    assert states(rows) == [(1, "in_use"), (2, "building")]
    _, told = command(store, "--abandon").communicate(timeout=WAIT_S_MAX)
    assert "1 unfinished" in told
    assert states(rows) == [(1, "in_use")]


def used_after(store: str) -> Version:
    """An empty version in use: what a cancelled rebuild must not touch."""
    with connect(store, "test") as connection:
        return versions.ensure(connection)


def test_a_second_rebuild_is_refused_and_the_first_goes_on(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "LOCK_WAIT_S_MAX", 0.2)
    fill(store, 1_500)
    refused: list[str] = []

    def another_comes(_position: int, _head: int) -> None:
        with connect(store, "second") as second:
            for attempt in (lambda: rebuild.rebuild(second, quiet), lambda: rebuild.abandon(second)):
                with pytest.raises(rebuild.RebuildRunningError, match="under way in another process") as told:
                    attempt()
                refused.append(str(told.value))

    with connect(store, "first") as first:
        assert rebuild.rebuild(first, another_comes).version.position == 1_500
    assert len(refused) >= 2


def test_what_was_begun_under_other_rules_is_dropped_and_begun_anew(store: str, rows: Rows) -> None:
    fill(store, 1_200)
    with connect(store, "test") as connection:
        with connection.transaction(), connection.cursor() as cursor:
            begun = versions.create(cursor, "building")
        Projector(connection, begun).advance(700)
        rows("UPDATE taizhang.projection SET ruleset = 'of yesterday' WHERE version = %s", begun.number)
        rebuilt = rebuild.rebuild(connection, quiet)
    assert (rebuilt.version.position, rebuilt.resumed_at) == (1_200, 0)
    assert rebuilt.version.ruleset == ruleset()
    assert [state for _, state in states(rows)] == ["in_use"]


def test_a_rebuild_is_due_only_where_other_rules_made_the_version_in_use(store: str, rows: Rows) -> None:
    fill(store, 100)
    with connect(store, "test") as connection:
        assert not due(connection)
        project(store)
        assert not due(connection)
        rows("UPDATE taizhang.projection SET ruleset = 'of yesterday'")
        assert due(connection)
        rebuild.rebuild(connection, quiet)
        assert not due(connection)


def test_of_the_versions_before_only_the_last_is_kept(store: str, rows: Rows) -> None:
    fill(store, 200)
    project(store)
    with connect(store, "test") as connection:
        for _ in range(3):
            rebuild.rebuild(connection, quiet)
    assert states(rows) == [(3, "retired"), (4, "in_use")]


def test_a_retired_version_is_never_advanced(store: str, intake: Intake) -> None:
    fill(store, 200)
    with connect(store, "test") as connection, connect(store, "rebuild") as other:
        projector = Projector(connection, versions.ensure(connection))
        projector.advance()
        rebuild.rebuild(other, quiet)
        intake.admit([message(next(islice(events(), 200, None)))])
        with pytest.raises(versions.RetiredError):
            projector.advance()
        assert Projector(connection, versions.ensure(connection)).advance() == 1


def test_a_projection_that_nobody_knows_is_refused_in_words(store: str) -> None:
    process = command(store, "rates")
    _, told = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 1
    assert "no projection is named 'rates': it is one of ledger" in told
