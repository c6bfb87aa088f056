"""A Prometheus scrapes a service and its ingest; each fault is made, and its alert fires, and none that is not made.

How long a fault has to last before somebody is woken stands in rules_test.yml; here nothing has to last.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import psycopg
import pytest
import yaml

from tests.fix_proxy import Proxy
from tests.fix_service import ROOT, Service, environment, free_port, new_database, shell
from tests.sending import removed
from tests.witnessing import WITNESS

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
FIRES_S_MAX = 120.0
DISK_MIB = 64
# There from the start: a witness that nobody runs, and an ingest whose brokers are not there.
OF_A_BUSY_MACHINE = {"TaizhangSlow", "TaizhangProjectionsBehind"}
FROM_THE_START = {"TaizhangWitnessAway", "TaizhangProcessWaits", "TaizhangProcessSilent"}


class Watch:
    """A Prometheus of the test's own with the project's rules, at once where they wait."""

    def __init__(self, folder: Path, targets: dict[str, int]) -> None:
        text = re.sub(r"for: \w+", "for: 0s", RULES.read_text())
        # On a busy machine one scrape may take too long.
        text = re.sub(r"(alert: TaizhangDown\n.*\n +for:) 0s", r"\1 15s", text)
        text = text.replace("timestamp_seconds > 180", "timestamp_seconds > 2").replace(
            "away_seconds > 120", "away_seconds > 2"
        )
        (folder / "rules.yml").write_text(text)
        self._folder = folder
        self._configure(targets)
        port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        self.fired = set[str]()
        self._log = (folder / "prometheus.log").open("wb")
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/series",
                   f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def _configure(self, targets: dict[str, int]) -> None:
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]} for job, port in targets.items()
        ]
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = {"global": every, "rule_files": ["rules.yml"], "scrape_configs": jobs}
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    def turn_to(self, targets: dict[str, int]) -> None:
        """Scrape others from now on."""
        self._configure(targets)
        self._process.send_signal(signal.SIGHUP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()
        self.http.close()

    def look(self) -> set[str]:
        """What fires now; all that ever did is kept."""
        with contextlib.suppress(httpx.TransportError, KeyError, ValueError):
            alerts = self.http.get("/api/v1/alerts").json()["data"]["alerts"]
            now = {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}
            self.fired |= now
            return now
        return set()

    def until(self, *names: str, doing: Callable[[], object] = lambda: None) -> None:
        """Until each of them has fired."""
        deadline = time.monotonic() + FIRES_S_MAX
        while not set(names) <= self.look() | self.fired:
            assert time.monotonic() < deadline, f"{set(names) - self.fired} did not fire"
            doing()
            time.sleep(0.2)

    def samples(self) -> int:
        """How many scrapes of the service there have been."""
        answer = self.http.get("/api/v1/query", params={"query": 'count_over_time(up{job="taizhang"}[1h])'})
        # While it begins it answers 503, in words.
        found = answer.raise_for_status().json()
        return int(found["data"]["result"][0]["value"][1]) if found["data"]["result"] else 0

    def scraped(self) -> None:
        """Until what stands now has been seen twice."""
        before, deadline = 0, time.monotonic() + FIRES_S_MAX
        with contextlib.suppress(httpx.HTTPError):
            before = self.samples()
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if self.samples() >= before + 3:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """The data folder on a small disk of its own."""
    assert os.geteuid() == 0, "a disk of a size is mounted as root"
    folder = tmp_path / "data"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def ingest(conninfo: str, port: int, folder: Path) -> Iterator[None]:
    """Its brokers are not there."""
    given = {"database_url": conninfo, "kafka_bootstrap": "127.0.0.1:1", "health_port": str(port)}
    with (folder / "ingest.log").open("wb") as log:
        command = [sys.executable, "-m", "services.commands.cli", "ingest"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(**given), stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def test_each_alert_fires_when_its_fault_is_made(postgres: str, tmp_path: Path, data: Path) -> None:
    direct, elsewhere = new_database(postgres), tmp_path / "elsewhere"
    elsewhere.mkdir()
    proxy, health = Proxy(direct), free_port()
    given = {
        "witnesses": f"{WITNESS} http://127.0.0.1:1", "checkpoint_seconds": "5", "wait_seconds_max": "3",
        "backup_passphrase": "of this test",
    }  # fmt: skip
    service = Service(tmp_path, "--dev", database_url=proxy.conninfo, **given)

    def sql(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(direct, autocommit=True) as connection:
            done = connection.execute(statement.encode(), parameters or None)
            return done.fetchall() if done.description else []

    with ingest(direct, health, tmp_path):
        with service, Watch(tmp_path, {"taizhang": service.port, "taizhang-ingest": health}) as watch:
            service.publish([removed(f"e{number}") for number in range(3)])
            service.http.post(
                "/v1/events", content=b"no event", headers={"content-type": "application/cloudevents+json"}
            )
            sql(
                "INSERT INTO taizhang.kafka_partition (topic, partition, epoch, owner, claimed_at, next_offset,"
                " end_offset, seen_at) VALUES ('t', 0, 1, 'o', now(), 3, 3, now() + interval '1 day')"
            )
            service.get("/v1/rates", min_position=3)
            watch.scraped()
            watch.until(*FROM_THE_START)
            assert watch.fired <= FROM_THE_START | OF_A_BUSY_MACHINE, "nothing else is wrong yet"
            kafka(watch, sql)
            intake(watch, sql, service, direct)
            beside(watch, sql, service, direct, data)
            the_ledger(watch, sql, service)
            proxy.silent = True
            try:
                watch.until("TaizhangDatabaseAway")
            finally:
                proxy.silent = False
            assert "TaizhangDown" not in watch.fired
            service.kill()
            watch.until("TaizhangDown")
            # Another host goes on, without the log's key.
            with Service(elsewhere, "--dev", database_url=direct, checkpoint_seconds="1") as keyless:
                watch.turn_to({"elsewhere": keyless.port})
                watch.until("TaizhangLogUnsigned")
        names = {each["alert"] for each in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
        assert watch.fired == names


Sql = Callable[..., list[tuple[Any, ...]]]


def kafka(watch: Watch, sql: Sql) -> None:
    """What ingest writes of its partitions when nobody reads, when much waits, when offsets or a whole log are gone."""
    sql(
        "UPDATE taizhang.kafka_partition SET end_offset = 20000, expired = 5, generation = 2,"
        " seen_at = now() - interval '1 h'"
    )
    watch.until("TaizhangKafkaLag", "TaizhangKafkaUnread", "TaizhangKafkaOffsetsMissing", "TaizhangKafkaLogReplaced")


def intake(watch: Watch, sql: Sql, service: Service, direct: str) -> None:
    """A source that sends what nobody can take, then a database that takes nothing."""
    kind = {"content-type": "application/cloudevents+json"}

    def send() -> None:
        for number in range(40):
            service.http.post("/v1/events", content=b"no event %d" % number, headers=kind)

    watch.until("TaizhangQuarantineGrows", doing=send)
    (name,) = sql("SELECT current_database()")[0]
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    sql(others, name)

    def ask() -> None:
        service.http.post("/v1/events", json=removed("refused"), headers=kind)

    watch.until("TaizhangTakesNothingIn", "TaizhangErrors", doing=ask)
    with psycopg.connect(direct, autocommit=True, options="-c default_transaction_read_only=off") as own:
        own.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
    sql(others, name)


def beside(watch: Watch, sql: Sql, service: Service, direct: str, data: Path) -> None:
    """A backup that fails, answers that wait, a full disk, a relay and a notifier that are not there."""
    given = {"database_url": direct, "data": str(data), "backup_passphrase": "of this test"}
    assert shell("backup", str(data), **given).returncode != 0, "the folder is there"
    watch.until("TaizhangChoreMissed")
    ballast = data / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(0.97 * (DISK_MIB << 20)))
    watch.until("TaizhangDiskFull")
    ballast.unlink()
    ahead = {"min_position": 10**9}
    watch.until("TaizhangSlow", doing=lambda: service.http.get("/v1/rates", params=ahead))
    sql(
        "INSERT INTO taizhang.relay (topic, kind, position, as_of, relayed_at)"
        " VALUES ('ledger', 'ledger', 0, '2025-01-01', now())"
    )
    sql("INSERT INTO taizhang.notice_channel (name, began_at) VALUES ('offices', now() - interval '1 day')")
    sql(
        "INSERT INTO taizhang.notice (id, channel, occasion, subject, on_day, known_at, found_at, state) VALUES"
        " ('n', 'offices', 'overdue', 'measure:1', '2025-01-01', 1, now() - interval '1 day', 'waiting')"
    )
    watch.until("TaizhangRelayBehind", "TaizhangNoticesWait")


def the_ledger(watch: Watch, sql: Sql, service: Service) -> None:
    """A projector that ends again and again, bytes that are no event, a clock that was ahead."""
    service.publish(removed("waits"))

    def kill() -> None:
        for child in psutil.Process(service.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if "projector" in child.cmdline():
                    child.kill()

    watch.until("TaizhangProjectionsBehind", doing=kill)
    sql("ALTER TABLE taizhang.log DISABLE TRIGGER USER")
    last = sql("SELECT max(notification_id) FROM taizhang.log")[0][0]
    sql("UPDATE taizhang.log SET state = 'no json' WHERE notification_id = %s", last)
    sql("UPDATE taizhang.log SET recorded_at = recorded_at + interval '1 day' WHERE notification_id = %s", last)
    sql("ALTER TABLE taizhang.log ENABLE TRIGGER USER")
    watch.until("TaizhangClockWrong", "TaizhangEventsHeld")
