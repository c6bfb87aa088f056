"""The database away under `serve` and `rebuild`: a sentence, nothing lost, and both go on once it is back."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql

from services.postgres.embedded import EmbeddedPostgres
from tests.aftermath import assert_nothing_lost
from tests.fix_cluster import open_folder
from tests.fix_outages import Outages, fill
from tests.fix_service import BATCH, ROOT, Service, environment, shell
from tests.sending import as_bytes
from tests.small_city import events
from tests.small_city import fill as fill_log
from tests.versions import project, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

BATCH_EVENTS = 200
LOG_EVENTS = 9_000
SAID_S_MAX = 90.0
LEFT_BYTES = 2 << 20
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk of a size")


def batches(first: int, count: int) -> list[list[dict[str, Any]]]:
    """So many batches of the city's events, from the `first`th batch on."""
    found = list(islice(events(), first * BATCH_EVENTS, (first + count) * BATCH_EVENTS))
    return [found[at : at + BATCH_EVENTS] for at in range(0, len(found), BATCH_EVENTS)]


def refused(service: Service, sent: list[list[dict[str, Any]]]) -> str:
    """Send until the service takes no more, and send that batch until it is taken no more; what it says then."""
    for batch in sent:
        answer = service.http.post("/v1/events", json=batch, headers={"content-type": BATCH})
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            return str(answer.json()["detail"])
    pytest.fail("everything was taken in")


def taken_in(service: Service, sent: list[list[dict[str, Any]]]) -> None:
    """Send all anew, each batch until it is answered; what is known already does no harm."""
    for batch in sent:

        def answered(batch: list[dict[str, Any]] = batch) -> bool:
            answer = service.http.post("/v1/events", json=batch, headers={"content-type": BATCH})
            return answer.status_code == 200

        wait_until(answered, f"the service takes events in again:\n{service.log.read_text()[-2000:]}")


def assert_whole(service: Service, conninfo: str, rng: Random, sent: list[list[dict[str, Any]]]) -> None:
    assert "Traceback" not in service.log.read_text()
    assert_nothing_lost(conninfo, rng, (as_bytes(each) for batch in sent for each in batch), service=service)


def rebuilding(conninfo: str) -> subprocess.Popen[str]:
    """`taizhang rebuild`, once it has begun a version."""
    command = [str(Path(sys.executable).parent / "taizhang"), "rebuild"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(database_url=conninfo), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    with psycopg.connect(conninfo, autocommit=True) as connection:
        wait_until(
            lambda: (
                connection.execute("SELECT 1 FROM taizhang.projection WHERE state = 'building'").fetchone() is not None
            ),
            "a rebuild has begun",
        )
    return process


def assert_told(process: subprocess.Popen[str], words: str) -> None:
    said, _ = process.communicate(timeout=SAID_S_MAX)
    assert process.returncode == 1, said
    assert words in said
    assert "Traceback" not in said


def assert_rebuilt(conninfo: str, rng: Random) -> None:
    """Called again it comes to its end, and the ledger is what it was."""
    done = shell("rebuild", database_url=conninfo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_nothing_lost(conninfo, rng, map(as_bytes, islice(events(), LOG_EVENTS)))


@contextmanager
def limited(conninfo: str, setting: str, back: str) -> Any:  # noqa: ANN401 - a context
    """Within: the database has a setting, which every session begun before it would not know and so ends."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} {}").format(name, sql.SQL(setting)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND usename = current_user"
        )
        try:
            yield
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(sql.SQL("ALTER DATABASE {} {}").format(name, sql.SQL(back)))


@pytest.mark.parametrize(
    ("setting", "back", "words"),
    [
        ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "its connections are taken"),
        ("SET default_transaction_read_only = on", "RESET default_transaction_read_only", "read-only"),
    ],
)
def test_a_service_that_gets_no_connection_or_may_not_write_says_so_and_goes_on(  # noqa: PLR0917 - fixtures
    store: str, tmp_path: Path, rng: Random, setting: str, back: str, words: str
) -> None:
    sent = batches(0, 4)
    with Service(tmp_path, "--dev", database_url=store) as service:
        taken_in(service, sent[:2])
        with limited(store, setting, back):
            assert words in refused(service, sent[2:])
            wait_until(lambda: service.http.get("/health/ready").status_code == 503, "it is not ready")
            assert words in service.http.get("/health/ready").text
        taken_in(service, sent)
        wait_until(lambda: service.http.get("/health/ready").status_code == 200, "it is ready again")
        assert_whole(service, store, rng, sent)


def test_a_service_whose_server_dies_says_so_and_goes_on(outages: Outages, tmp_path: Path, rng: Random) -> None:
    sent = batches(0, 4)
    with Service(tmp_path, "--dev", database_url=outages.conninfo) as service:
        taken_in(service, sent[:2])
        outages.stop_immediately()
        assert refused(service, sent[2:])
        outages.start()
        taken_in(service, sent)
        assert_whole(service, outages.conninfo, rng, sent)


@needs_root
def test_a_service_on_a_full_disk_says_so_and_goes_on_once_there_is_room(small_disk: Path, rng: Random) -> None:
    sent = batches(0, 60)
    with Service(small_disk, "--dev") as service:
        taken_in(service, sent[:1])
        ballast = fill(small_disk, LEFT_BYTES)
        said = refused(service, sent[1:])
        ballast.unlink()
        # Where PostgreSQL could not write its own log it has ended, and the service starts it again.
        assert "disk is full" in said or "cannot be reached" in said or "not answer" in said, said
        taken_in(service, sent)
        adopted = EmbeddedPostgres()
        assert_whole(service, adopted.start(small_disk / "data"), rng, sent)
        adopted.stop()


def test_a_server_that_dies_while_others_start_is_found_by_all(rng: Random) -> None:
    sent = batches(0, 6)
    with open_folder() as folder, Service(Path(folder), "--dev") as service:
        data = Path(folder) / "data"
        taken_in(service, sent[:2])
        for number in (2, 3, 4):
            postmaster = int((data / "cluster" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(postmaster, signal.SIGKILL)
            begun = environment(data=str(data))
            program = str(Path(sys.executable).parent / "taizhang")
            starting = [
                subprocess.Popen([program, *words], cwd=ROOT, env=begun, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
                for words in (["rebuild"], ["held", "list"])
            ]  # fmt: skip
            taken_in(service, sent[number : number + 1])
            for each in starting:
                said, _ = each.communicate(timeout=SAID_S_MAX)
                assert "Traceback" not in said
                assert each.returncode == 0 or "the database cannot be used" in said, said
        taken_in(service, sent)
        adopted = EmbeddedPostgres()
        assert_whole(service, adopted.start(data), rng, sent)
        adopted.stop()


def test_a_rebuild_whose_server_dies_says_so_and_goes_on(outages: Outages, rng: Random) -> None:
    fill_log(outages.conninfo, LOG_EVENTS)
    project(outages.conninfo)
    process = rebuilding(outages.conninfo)
    outages.stop_immediately()
    assert_told(process, "the database cannot be used")
    outages.start()
    assert_rebuilt(outages.conninfo, rng)


def test_a_rebuild_whose_connection_is_taken_says_so_and_goes_on(store: str, rng: Random) -> None:
    fill_log(store, LOG_EVENTS)
    project(store)
    process = rebuilding(store)
    with limited(store, "CONNECTION LIMIT 0", "CONNECTION LIMIT -1"):
        assert_told(process, "the database cannot be used")
    assert_rebuilt(store, rng)


@needs_root
def test_a_rebuild_on_a_full_disk_says_so_and_goes_on_once_there_is_room(small_disk: Path, rng: Random) -> None:
    outages = Outages(small_disk)
    try:
        fill_log(outages.conninfo, LOG_EVENTS)
        project(outages.conninfo)
        ballast = fill(small_disk, LEFT_BYTES)
        done = shell("rebuild", database_url=outages.conninfo)
        assert done.returncode == 1, done.stdout
        assert "its disk is full: make room" in done.stderr or "cannot be reached" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        ballast.unlink()
        if not next(small_disk.rglob("postmaster.pid"), None):  # it could not write its own log
            outages.start()
        assert_rebuilt(outages.conninfo, rng)
    finally:
        outages.close()
