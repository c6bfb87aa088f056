"""The next release opens the database of the one before: it reads it, rebuilds beside it, and leaves it as it was."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from services.evidence.verifier.check_projection import check_projection
from services.evidence.verifier.report import Report
from services.ledger import rebuild, versions
from services.ledger.projector import Follower, Projector, Rebuilding
from services.ledger.queries import Queries
from services.ledger.ruleset import rules, rules_of, ruleset
from services.ledger.versions import OtherRulesError, Version
from services.postgres.database import connect
from services.system.errors import StoreUnavailableError
from tests.fix_service import environment
from tests.fix_store import Rows
from tests.small_city import fill
from tests.versions import project, wait_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
AS_OF = date(2024, 3, 31)
OF_YESTERDAY = "00" * 32
WAIT_S_MAX = 60.0


def used(conninfo: str) -> Version:
    with connect(conninfo, "test") as connection, connection.cursor() as cursor:
        version = versions.in_use(cursor)
    assert version is not None
    return version


def made_by_others(conninfo: str, *changes: str) -> None:
    """Let the version in use be one of the release before, whose tables lacked something."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for change in ("UPDATE taizhang.projection SET ruleset = 'before', tables = '', reading = ''", *changes):
            connection.execute(change.encode())


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


# So often the projectors of these copies look who is there, more often than those of the program.
LOOK_S = 0.2
# About how long a program takes until it has rebuilt.
STARTS_S = 6.0


class Releases(NamedTuple):
    """Copies of the program."""

    this: Path
    following: Path


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """This release as it is, and one with one line more in the fold."""
    both = Releases(*(tmp_path_factory.mktemp(name) for name in Releases._fields))
    for folder in both:
        for layer in ("domain", "projections", "services"):
            shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
        # Appended to what is there: a file that nothing imports would change no rule.
        append(folder / "services" / "ledger" / "projector.py", f"LOOK_S = {LOOK_S}")
    append(both.following / "projections" / "ledger" / "fold" / "fold.py", "_ONE_MORE = 1")
    assert rules_of(both.this) == rules()
    later = rules_of(both.following)
    assert later.reading == rules().reading
    assert later != rules()
    return both


def append(path: Path, line: str) -> None:
    """Add a line at the end of a file that is there."""
    with path.open("r+") as file:
        file.seek(0, os.SEEK_END)
        file.write(f"\n{line}\n")


@contextmanager
def projector_of(
    program: Path, conninfo: str, *, ended_by: signal.Signals = signal.SIGTERM
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.commands.cli", "projector"],
        cwd=program,
        env=environment(database_url=conninfo) | {"PYTHONPATH": str(program), "PATH": os.environ["PATH"]},
    )
    try:
        yield process
    finally:
        process.send_signal(ended_by)
        process.wait(WAIT_S_MAX)


@contextmanager
def following(follower: Follower) -> Iterator[None]:
    thread = threading.Thread(target=follower.run)
    thread.start()
    try:
        yield
    finally:
        follower.stop()
        thread.join(WAIT_S_MAX)


@pytest.mark.race
def test_code_applies_events_only_to_a_version_of_its_own_rules(store: str) -> None:
    fill(store, 200)
    version = project(store)
    made_by_others(store)
    fill(store, 50, skip=200)
    with connect(store, "test") as connection:
        for known in (version, used(store)):
            with pytest.raises(OtherRulesError, match="it applies no event"):
                Projector(connection, known).advance()
    assert used(store).position == 200


@pytest.mark.timeout(120)
def test_a_rebuild_that_has_ended_is_started_again_when_one_is_due(tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.touch()
    rebuilding = Rebuilding([sys.executable, "-c", f"open({str(told)!r}, 'a').write('x')"])
    try:
        while len(told.read_text()) < 2:
            rebuilding.start()
            time.sleep(0.05)
    finally:
        rebuilding.stop()


@pytest.mark.race
def test_until_its_own_version_stands_questions_are_answered_by_the_old_one_and_say_so(store: str) -> None:
    fill(store, 200)
    project(store)
    made_by_others(store)
    fill(store, 50, skip=200)
    asked: list[int] = []
    with Queries.open(store) as queries, following(Follower(store, lambda: asked.append(1))):
        assert queries.view.loaded.wait(WAIT_S_MAX)
        # Asked for again and again, as long as it is due.
        wait_until(lambda: len(asked) > 1, "the rebuild is asked for once only")
        assert queries.position == 200
        evidence = queries.evidence(200)
        assert (evidence.ruleset, evidence.read_by) == ("before", ruleset())
        with pytest.raises(StoreUnavailableError, match="could not be sealed under either"):
            queries.ruleset_to_seal()
        with connect(store, "rebuild") as connection:
            rebuild.rebuild(connection, quiet, if_due=True)
            with pytest.raises(rebuild.NotDueError):
                rebuild.rebuild(connection, quiet, if_due=True)
        wait_until(lambda: queries.position == 250, "the new version is not followed")
        evidence = queries.evidence(250)
        assert (evidence.ruleset, evidence.read_by) == (ruleset(), None)


def test_tables_that_lack_a_column_and_a_table_are_read_until_they_are_rebuilt(store: str) -> None:
    fill(store, 300)
    project(store)
    with Queries.open(store) as queries:
        assert queries.view.loaded.wait(WAIT_S_MAX)
        before = queries.rates(AS_OF, 300, ("kind",))
    made_by_others(
        store,
        "ALTER TABLE ledger_1.entry DROP COLUMN activists",
        "ALTER TABLE ledger_1.attributes DROP COLUMN supervisor",
        "DROP TABLE ledger_1.word CASCADE",
    )
    with Queries.open(store) as queries:
        assert queries.view.loaded.wait(WAIT_S_MAX), queries.view.fault
        assert queries.view.fault is None
        assert queries.rates(AS_OF, 300, ("kind",)) == before
        with connect(store, "rebuild") as connection:
            rebuild.rebuild(connection, quiet, if_due=True)
        wait_until(lambda: queries.view.current.version.is_own, "the rebuilt version is not read")
        assert queries.rates(AS_OF, 300, ("kind",)) == before


def test_an_earlier_release_answers_by_its_own_version_where_it_cannot_read_the_later_one(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 100)
    project(store)

    def swap(connection: psycopg.Connection[Any], projector: Projector) -> None:
        number = projector.version.number
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO taizhang.ruleset (ruleset, tables) VALUES ('later', 'later')")
            later = "UPDATE taizhang.projection SET ruleset = 'later', tables = 'later' WHERE version = %s"
            cursor.execute(later, (number,))
            cursor.execute(f"ALTER TABLE ledger_{number}.entry DROP COLUMN activists".encode())
            versions.swap(cursor, projector.version)

    with Queries.open(store) as queries:
        assert queries.view.loaded.wait(WAIT_S_MAX)
        before = queries.rates(AS_OF, 100, ("kind",))
        monkeypatch.setattr(rebuild, "_swap", swap)
        with connect(store, "rebuild") as connection:
            rebuild.rebuild(connection, quiet)
        wait_until(lambda: queries.view.fault is not None, "no fault is told")
        assert "made by another release" in str(queries.view.fault)
        assert queries.rates(AS_OF, 100, ("kind",)) == before
        assert queries.evidence(100).ruleset == ruleset()
        assert queries.view.current.version.number == 1


def test_tables_that_cannot_be_read_are_said_to_be_another_releases(store: str) -> None:
    fill(store, 50)
    project(store)
    made_by_others(
        store,
        "ALTER TABLE ledger_1.policy ALTER full_members_for_branch TYPE text",
    )
    with Queries.open(store) as queries:
        wait_until(lambda: "loaded" not in str(queries.view.fault), "no fault is told")
        assert "made by another release" in str(queries.view.fault)
        assert "full_members_for_branch is text" in str(queries.view.fault)
        with connect(store, "rebuild") as connection:
            rebuild.rebuild(connection, quiet, if_due=True)
        assert queries.view.loaded.wait(WAIT_S_MAX)


@pytest.mark.race
def test_two_releases_on_one_database_each_do_the_right_thing(
    store: str, releases: Releases, rng: random.Random
) -> None:
    fill(store, 500)
    with projector_of(releases.this, store):
        wait_until(lambda: used_or_none(store) == (rules(), 500), "the old release does not follow")
        with projector_of(releases.following, store, ended_by=rng.choice((signal.SIGTERM, signal.SIGKILL))):
            # Events come while the new release starts, rebuilds, or is in use already.
            time.sleep(rng.uniform(0, STARTS_S))
            fill(store, 100, skip=500)
            later = rules_of(releases.following)
            wait_until(lambda: used(store).rules == later, "the new release does not rebuild")
            number = used(store).number
            wait_until(lambda: used(store).position == 600, "the new release does not follow")
            time.sleep(3 * LOOK_S)
            assert used(store).number == number, "the old release has taken its place back"
        # A rollback: nobody of the later rules is left.
        time.sleep(rng.uniform(0, 3 * LOOK_S))
        fill(store, 100, skip=600)
        wait_until(lambda: used(store)[1:] == (700, *rules()), "the old release does not come back")
    assert verified(store).faults == []


def used_or_none(conninfo: str) -> tuple[object, int] | None:
    with connect(conninfo, "test") as connection, connection.cursor() as cursor:
        version = versions.in_use(cursor)
    return None if version is None else (version.rules, version.position)


def verified(conninfo: str) -> Report:
    report = Report(0)
    with connect(conninfo, "verify") as connection:
        check_projection(report, connection)
    return report


def test_verify_tells_an_upgrade_from_tampering(store: str, rows: Rows) -> None:
    fill(store, 300)
    project(store)
    rows("UPDATE taizhang.projection SET ruleset = %s", OF_YESTERDAY)
    report = verified(store)
    assert report.faults == []
    assert any("gave the same rows" in english for _, english in report.unshown)
    rows("UPDATE ledger_1.entry SET day_to = day_to - 1 WHERE entry = 7")
    report = verified(store)
    assert report.faults == []
    assert any("NOT judged" in english and "first at position" in english for _, english in report.unshown)
    rows("UPDATE taizhang.projection SET ruleset = %s", ruleset())
    assert verified(store).faults_total == 1
    rows("UPDATE taizhang.projection SET tables = %s, ruleset = %s", OF_YESTERDAY, OF_YESTERDAY)
    report = verified(store)
    assert report.faults == []
    assert any("were not compared" in english for _, english in report.unshown)


def test_the_tables_of_a_version_stay_while_an_answer_is_read_from_them(store: str, rows: Rows) -> None:
    fill(store, 200)
    project(store)
    with Queries.open(store) as queries, connect(store, "rebuild") as connection:
        assert queries.view.loaded.wait(WAIT_S_MAX)
        pinned = queries.pinned()
        for _ in range(3):
            rebuild.rebuild(connection, quiet)
            wait_until(lambda: queries.view.current.version.number == used(store).number, "not followed")
        with pinned.cursor() as cursor:
            assert pinned.view.current.version.number == 1
            assert pinned.view.current.reading.org_no(cursor, "group:g-1") is not None
        assert rows("SELECT to_regnamespace('ledger_1') IS NOT NULL") == [(True,)]
        del pinned
        time.sleep(3)  # the view lets go when it next looks
        rebuild.rebuild(connection, quiet)
        assert rows("SELECT to_regnamespace('ledger_1') IS NULL") == [(True,)]
