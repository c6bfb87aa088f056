"""What goes wrong with the evidence is red in readiness, measures and page, of a service and a witness that run.

Killed is the witness's process; restored and rewritten is the database below the service; the key is moved away. That a
signature counts as missing after two intervals, and not before, is in tests/integration/test_notary.py; roots that do
not follow from the log are in tests/e2e/test_mirror.py.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from tests.fix_service import ROOT, Service, environment, free_port, new_database, shell
from tests.small_city import events

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

COUNT = 30
WAIT_S = 120.0
GREEN = ("log", "witnesses")


class Witnessed:
    """A service of some events, asking a witness that is a process of its own each second."""

    def __init__(self, postgres: str, folder: Path) -> None:
        self.database, self.folder, self.port = new_database(postgres), folder, free_port()
        made = self._arguments("--new", "--once")
        with Service(folder, "--dev", database_url=self.database) as service:
            service.publish(list(islice(events(), COUNT)))
            self.log_key = service.http.get("/v1/log/key").text.strip()
            first = shell(*made, "--trust", self.log_key, "--ledger", service.url)
            assert first.returncode == 0, first.stderr
        self.key = next(line for line in (first.stdout + first.stderr).split() if line.startswith("office.example/w1+"))

    def _arguments(self, *more: str) -> list[str]:
        return ["witness", "--folder", str(self.folder / "w"), "--name", "office.example/w1", *more]

    @contextmanager
    def witness(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The witness's process; killed at the end."""
        command = [
            sys.executable, "-m", "services.commands.cli", *self._arguments("--port", str(self.port)), "--trust",
            self.log_key,
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def service(self) -> Service:
        given = {"witnesses": f"{self.key} http://127.0.0.1:{self.port}", "checkpoint_seconds": "1"}
        return Service(self.folder, "--dev", database_url=self.database, **given)


@pytest.fixture
def witnessed(postgres: str, tmp_path: Path) -> Witnessed:
    return Witnessed(postgres, tmp_path)


def told(service: Service, part: str) -> tuple[bool, str, bool, str]:
    """Of a part: readiness and its words, the measure, and the page."""
    found = service.http.get("/health/ready").json()["parts"][part]
    measures = service.http.get("/metrics").text
    page = service.http.get("/inspection/evidence", params={"lang": "en"}).text
    return found["ready"], found["detail"], f'taizhang_part_ready{{part="{part}"}} 1.0' in measures, page


def wait_for(service: Service, part: str, holds: Callable[[tuple[bool, str, bool, str]], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds(found := told(service, part)):
        assert time.monotonic() < deadline, (part, found)
        time.sleep(0.2)


def green(service: Service) -> None:
    for part in GREEN:
        wait_for(service, part, lambda found: found[0] and found[2])


def red(service: Service, part: str, words: str, on_page: str) -> None:
    wait_for(service, part, lambda f: not f[0] and not f[2] and words in f[1] and on_page in f[3])


def test_a_witness_that_is_killed_is_red_and_green_again_once_it_is_there(witnessed: Witnessed) -> None:
    with witnessed.service() as service:
        with witnessed.witness():
            green(service)
        red(service, "witnesses", "office.example/w1 is silent", "Somebody")
        with witnessed.witness():
            green(service)


def test_a_database_that_was_restored_to_an_earlier_day_is_red(witnessed: Witnessed) -> None:
    """Whoever restores it has the folder of keys as well: only the witness remembers."""
    with witnessed.witness():
        with witnessed.service() as service:
            green(service)
        cut(witnessed.database)
        with witnessed.service() as service:
            red(service, "log", "are gone", "not signed")
        for each in (witnessed.folder / "data" / "keys").glob("log.key.*checkpoint*"):
            each.unlink()
        with witnessed.service() as service:
            red(service, "witnesses", f"it signed {COUNT} events, the log has {COUNT - 10}", "Somebody")


def test_a_rewritten_log_is_a_fork_and_red(witnessed: Witnessed) -> None:
    with witnessed.witness():
        with witnessed.service() as service:
            green(service)
        cut(witnessed.database)
        for each in (witnessed.folder / "data" / "keys").glob("log.key.*checkpoint*"):
            each.unlink()
        with Service(witnessed.folder, "--dev", database_url=witnessed.database) as alone:
            alone.publish(list(islice(events(), COUNT + 20, COUNT + 40)))
        with witnessed.service() as service:
            red(service, "witnesses", "does not extend", "Somebody")


def test_a_key_that_is_lost_is_red(witnessed: Witnessed) -> None:
    with witnessed.witness(), witnessed.service() as service:
        green(service)
        key = witnessed.folder / "data" / "keys" / "log.key"
        key.rename(key.with_name("gone"))
        red(service, "log", "taizhang log-key begin --because lost", "not signed")
        key.with_name("gone").rename(key)
        green(service)


def cut(database: str) -> None:
    """The log as it was ten events ago."""
    tables = {"log": "notification_id", "blinding": "position"}
    with psycopg.connect(database, autocommit=True) as connection:
        for table, position in tables.items():
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
            connection.execute(f"DELETE FROM taizhang.{table} WHERE {position} > %s", (COUNT - 10,))  # noqa: S608
            connection.execute(f"ALTER TABLE taizhang.{table} ENABLE TRIGGER USER")
