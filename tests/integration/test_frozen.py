"""A process that stands still holds up nobody: it is ended, it notices, and it does its work anew."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest

from services.intake.intake import Intake
from services.ledger.takeover import TAKEN_OVER_S_MAX
from services.log.gate import SILENT_S, WAIT_S
from services.log.writer import TRY_FOR_S
from services.postgres.embedded import EmbeddedPostgres
from services.serving.ending import END_S_MAX, EXIT_CODE
from tests.aftermath import assert_nothing_lost
from tests.fix_cluster import open_folder
from tests.fix_proxy import Proxy
from tests.fix_service import Service
from tests.fix_store import Rows
from tests.sending import as_bytes, http, removed
from tests.small_city import events

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
# A writer that stops itself in the midst of its COPY, once.
STOPPING = """
import os, signal, sys
from itertools import islice
from services.intake.intake import Intake
from services.log.recorder import LogRecorder
from tests.small_city import events, message

append, stops = LogRecorder.append, [signal.SIGSTOP]

def stopping(self, cursor, turn, entries):
    def rows():
        for number, entry in enumerate(entries):
            if number == 300 and stops:
                os.kill(os.getpid(), stops.pop())
            yield entry
    append(self, cursor, turn, rows())

LogRecorder.append = stopping
receipts = Intake.open(sys.argv[1], "frozen").admit([message(each, n) for n, each in enumerate(islice(events(), 600))])
print(sorted({each.disposition for each in receipts}), len(receipts))
"""


def stopped(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_writer_frozen_in_its_midst_holds_up_no_other_and_loses_nothing(
    intake: Intake, store: str, rows: Rows, rng: Random
) -> None:
    command = [sys.executable, "-c", STOPPING, store]
    frozen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        stopped(frozen)
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            admitted = pool.submit(intake.admit, [http(removed("a"))])
            known = pool.submit(intake.recorder.position_at, datetime.now(UTC))
            assert [each.disposition for each in admitted.result()] == ["accepted"]
            assert known.result() in {0, 1}  # before or after the one that is just admitted
        assert time.monotonic() - began < 2 * TRY_FOR_S + WAIT_S  # of a loaded machine; it was without end
        assert rows("SELECT id FROM taizhang.log") == [("a",)]
        os.kill(frozen.pid, signal.SIGCONT)
        said, _ = frozen.communicate(timeout=60)
    finally:
        frozen.kill()
    assert said.splitlines()[-1] == "['accepted'] 600"
    assert rows("SELECT count(*), max(notification_id), count(DISTINCT id) FROM taizhang.log") == [(601, 601, 601)]
    assert rows("SELECT sum(received), sum(accepted), sum(duplicate) FROM taizhang.tally") == [(601, 601, 0)]
    assert_nothing_lost(store, rng, [as_bytes(removed("a")), *map(as_bytes, islice(events(), 600))])


def test_a_writer_that_moves_is_left_alone_however_long_its_turn_is(intake: Intake, store: str, rows: Rows) -> None:
    slow = STOPPING.replace("number == 300 and stops", "number % 60 == 0").replace(
        "os.kill(os.getpid(), stops.pop())", "import time; cursor.connection.pgconn.flush(); time.sleep(0.8)"
    )
    command = [sys.executable, "-c", slow, store]
    other = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while not rows("SELECT 1 FROM pg_locks WHERE relation = 'taizhang.log_gate'::regclass AND granted"):
            time.sleep(0.05)
        assert [each.disposition for each in intake.admit([http(removed("a"))])] == ["accepted"]
        said, _ = other.communicate(timeout=60)
    finally:
        other.kill()
    assert said.splitlines()[-1] == "['accepted'] 600"
    assert rows("SELECT id FROM taizhang.log WHERE notification_id = 601") == [("a",)]
    assert SILENT_S > 0.8


@pytest.mark.parametrize("has_begun", ["", "has begun"])
def test_a_frozen_projector_is_taken_over_within_the_stated_time(
    fresh_service: Service, database: str, rng: Random, has_begun: str
) -> None:
    sent = list(islice(events(), 120))
    result = fresh_service.publish(sent[:60])[-1]
    if has_begun:
        fresh_service.get("/v1/rates", min_position=result["position"])
    (first,) = projectors(fresh_service)
    first.suspend()
    result = fresh_service.publish(sent[60:])[-1]
    began = time.monotonic()
    while fresh_service.http.get("/v1/rates", params={"min_position": result["position"]}).status_code != 200:
        assert time.monotonic() - began < TAKEN_OVER_S_MAX
    assert not first.is_running()
    assert "the projector stands still and is ended" in fresh_service.log.read_text()
    assert_nothing_lost(database, rng, map(as_bytes, sent), service=fresh_service)


def projectors(service: Service) -> list[psutil.Process]:
    return [each for each in psutil.Process(service.process.pid).children() if "projector" in each.cmdline()]


@pytest.mark.chaos
def test_a_network_that_swallows_everything_is_answered_for_in_time(
    proxy: Proxy, store: str, rng: Random, tmp_path: Path
) -> None:
    with Service(tmp_path, "--dev", database_url=proxy.conninfo) as service:
        sent = list(islice(events(), 60))
        service.publish(sent)
        proxy.silent = True
        began = time.monotonic()
        kind = {"content-type": "application/cloudevents+json"}
        answer = service.http.post("/v1/events", json=removed("b"), headers=kind)
        assert answer.status_code == 503
        assert "has taken nothing for 10 s" in answer.json()["detail"]
        assert time.monotonic() - began < TRY_FOR_S + 3
        assert service.http.get("/health/ready").status_code == 503
        proxy.silent = False
        while service.http.post("/v1/events", json=removed("b"), headers=kind).status_code != 200:
            assert time.monotonic() - began < 60
        (result,) = service.publish(removed("b"))
        assert (result["disposition"], result["position"]) == ("duplicate", len(sent) + 1)
        assert_nothing_lost(store, rng, map(as_bytes, [*sent, removed("b")]), service=service)


def test_a_database_that_stands_still_does_not_hold_up_the_end(rng: Random) -> None:
    """Its kernel keeps every connection alive: no limit of the network's ends what waits for an answer."""
    sent = list(islice(events(), 60))
    with open_folder() as folder, Service(Path(folder), "--dev") as service:
        service.publish(sent)
        postmaster = int(next(Path(folder).rglob("postmaster.pid")).read_text().splitlines()[0])
        server = [psutil.Process(postmaster), *psutil.Process(postmaster).children()]
        for each in server:
            each.suspend()
        try:
            with ThreadPoolExecutor() as pool:
                paths = ("/health/ready", "/v1/sources", "/v1/log/checkpoint")
                asked = [pool.submit(service.http.get, path, timeout=END_S_MAX) for path in paths]
                began = time.monotonic()
                service.process.send_signal(signal.SIGTERM)
                assert service.process.wait(END_S_MAX + 10) == EXIT_CODE
                assert time.monotonic() - began < END_S_MAX + 5
                # Nobody waits on: each was answered or cut off.
                assert all(isinstance(each.exception(), httpx.TransportError | None) for each in asked)
            assert "ended without its threads: the database has answered nothing" in service.log.read_text()
            assert not psutil.pid_exists(service.process.pid)
        finally:
            for each in server:
                each.kill()
        with Service(Path(folder), "--dev") as again:
            adopted = EmbeddedPostgres()
            assert_nothing_lost(adopted.start(Path(folder) / "data"), rng, map(as_bytes, sent), service=again)
            adopted.stop()
