"""A mirror beside a running service: it copies, signs, survives, and what it refuses is red at the ledger."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from itertools import islice
from pathlib import Path

import httpx
import psycopg
import pytest

from services.evidence.copies.stored import DatabaseLog
from services.evidence.roots.kept import fold_into
from services.evidence.roots.rooting import _publish
from services.evidence.witness.remembered import key_of
from tests.fix_service import ROOT, Service, environment, free_port, new_database, shell
from tests.small_city import events

pytestmark = pytest.mark.long

SIZE = 800
DAY = "2024-12-31"
WAIT_S_MAX = 60.0


def fill(service: Service) -> None:
    assert {each["disposition"] for each in service.publish(list(islice(events(), SIZE)))} == {"accepted"}


@pytest.fixture(scope="module")
def conninfo(postgres: str) -> str:
    return new_database(postgres)


@pytest.fixture(scope="module")
def service(conninfo: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("mirrored"), "--dev", database_url=conninfo) as running:
        fill(running)
        yield running


def arguments(service: Service, folder: Path) -> list[str]:
    trust = service.http.get("/v1/log/key").text.strip()
    return ["mirror", service.url, "--trust", trust, "--folder", str(folder), "--interval", "1"]


@contextmanager
def running(*given: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "services.commands.cli", *given]
    with log.open("ab") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"not within {WAIT_S_MAX} s: {what}")


def test_one_round_copies_all_and_judges_what_is_stated(service: Service, conninfo: str, tmp_path: Path) -> None:
    operator = {"database_url": conninfo, "data": str(service.log.parent / "data")}
    stated = shell("prove", "--commit", "--as-of", DAY, **operator)
    assert stated.returncode == 0, stated.stderr
    once = [*arguments(service, tmp_path / "m"), "--once"]
    found = shell(*once)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "相符 right: folded anew from 800 events" in found.stdout
    verified = shell("verify", str(tmp_path / "m" / "copy"), "--log-key", once[3])
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert shell(*once).returncode == 0


def test_without_an_answer_it_says_so_and_accuses_nobody(service: Service, tmp_path: Path) -> None:
    _, _, *others = arguments(service, tmp_path / "m")
    found = shell("mirror", "http://127.0.0.1:1", *others, "--once")
    assert found.returncode == 3
    assert "日志无应答 silent" in found.stdout


def test_killed_in_mid_copy_it_goes_on_and_a_second_one_on_its_folder_refuses(service: Service, tmp_path: Path) -> None:
    folder, given = tmp_path / "m", arguments(service, tmp_path / "m")
    with running(*given, "--port", str(free_port()), log=tmp_path / "log"):
        wait_for((folder / "copy" / "raw" / "000").exists, "a first tile")
    port = free_port()
    with running(*given, "--port", str(port), log=tmp_path / "log"):
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: httpx.get(f"{address}/health/ready").is_success, (tmp_path / "log").read_text())
        second = shell(*given, "--once")
        assert second.returncode == 2
        assert "another mirror has the folder" in second.stderr
        assert "拒绝 Refusals:\n" in httpx.get(address).text
        origin = service.http.get("/v1/log/checkpoint").text.split("\n")[0]
        head = httpx.get(f"{address}/checkpoint", params={"origin": origin}).text.split("\n")
        assert int(head[1]) >= SIZE


def test_a_key_whose_state_is_gone_does_not_sign(service: Service, tmp_path: Path) -> None:
    key_of(tmp_path / "m", "mirror.example/m", is_new=False)
    found = shell(*arguments(service, tmp_path / "m"), "--once")
    assert found.returncode == 2
    assert "is forgotten" in found.stderr


def test_roots_that_do_not_follow_are_red_at_the_ledger_within_two_intervals(postgres: str, tmp_path: Path) -> None:
    database, port = new_database(postgres), free_port()
    key = key_of(tmp_path / "m", "mirror.example/m", is_new=False)
    witnesses = f"{key.verifier} http://127.0.0.1:{port}"
    settings = {"database_url": database, "witnesses": witnesses, "checkpoint_seconds": "2"}
    with Service(tmp_path, "--dev", **settings) as ledger:
        fill(ledger)

        def part() -> dict[str, object]:
            found: dict[str, object] = ledger.http.get("/health/ready").json()["parts"]["witnesses"]
            return found

        given = [*arguments(ledger, tmp_path / "m"), "--port", str(port), "--new"]
        with running(*given, log=tmp_path / "log"):
            wait_for(lambda: "has signed" in str(part()), "the mirror's cosignature")
            with psycopg.connect(database) as connection:
                (size,) = connection.execute("SELECT max(notification_id) FROM taizhang.log").fetchone() or (0,)
            # Whoever commands the ledger states what its events do not give.
            with closing(DatabaseLog(database)) as log:
                trees = fold_into(tmp_path / "roots", log, date.fromisoformat(DAY), size)
            _publish(database, trees._replace(map_size=trees.map_size + 1))
            wait_for(lambda: "refuses what this log says" in str(part()), "a red part")
            refused = httpx.get(f"http://127.0.0.1:{port}/")
            assert "the number of entities is" in refused.text
            assert httpx.get(f"http://127.0.0.1:{port}/roots/{size + 1}").status_code == 404
