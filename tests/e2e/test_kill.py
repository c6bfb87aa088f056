"""`kill -9` in the middle of a load, then a start: nothing acknowledged is lost, nothing is doubled."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from domain.events.facts import Event
from domain.ledger.rates import group
from domain.ledger.rows import ledger
from domain.values.instants import parse_instant
from tests.fix_service import BATCH, Service
from tests.histories import fits
from tests.small_city import events

pytestmark = pytest.mark.long

DAY = date(2024, 3, 31)
SENDERS = 3
BATCH_EVENTS = 40
ACKNOWLEDGED_MIN = 1_200
WAIT_S_MAX = 60.0


class Load:
    """Registries that send batches at once until the service is gone; what was acknowledged, by id."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.acknowledged: dict[str, int] = {}
        self.sent: list[list[dict[str, Any]]] = []
        self.faults: list[str] = []
        self._events = events()
        self._lock = threading.Lock()

    def send(self) -> None:
        with httpx.Client(base_url=self.service.url, timeout=30, trust_env=False) as http:
            while True:
                with self._lock:
                    batch = list(islice(self._events, BATCH_EVENTS))
                    self.sent.append(batch)
                try:
                    answer = http.post("/v1/events", json=batch, headers={"content-type": BATCH})
                except httpx.TransportError:
                    return
                if answer.status_code != 200:
                    self.faults.append(answer.text)
                    return
                self.acknowledged |= {each["id"]: each["position"] for each in answer.json()["results"]}


@contextmanager
def loading(service: Service) -> Iterator[Load]:
    """While senders are at work, and enough was acknowledged."""
    load = Load(service)
    threads = [threading.Thread(target=load.send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + WAIT_S_MAX
    while len(load.acknowledged) < ACKNOWLEDGED_MIN and time.monotonic() < deadline:
        time.sleep(0.01)
    yield load
    for thread in threads:
        thread.join(WAIT_S_MAX)
    assert load.faults == []
    assert len(load.acknowledged) >= ACKNOWLEDGED_MIN


def processes(service: Service, *, with_database: bool) -> list[psutil.Process]:
    """The service and all that it started; its PostgreSQL too, if asked for."""
    whole = psutil.Process(service.process.pid)
    found = [whole, *whole.children(recursive=True)]
    if with_database:
        pid = (service.log.parent / "data" / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0]
        postmaster = psutil.Process(int(pid))
        found += [postmaster, *postmaster.children()]
    return list(dict.fromkeys(found))


def wait_for_projections(service: Service) -> int:
    """The position that the projections have reached after the first 500 events."""
    return int(service.get("/v1/rates", min_position=500)["known_at"]["position"])


def known(positions: dict[str, int]) -> list[Event]:
    """What was published, as the events of the log in order of position."""
    by_id = {each["id"]: each for each in islice(events(), len(positions))}
    ordered = sorted((position, by_id[id_]) for id_, position in positions.items())
    return [Event(p, e["source"], e["id"], e["type"], parse_instant(e["time"]), e["data"]) for p, e in ordered]


@pytest.mark.parametrize("with_database", [False, True], ids=["the service", "the service and its PostgreSQL"])
def test_killed_in_the_middle_of_a_load_it_loses_nothing_and_doubles_nothing(
    served_dir: Path,
    with_database: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with Service(served_dir, "--dev") as service, loading(service) as load:
        reached = wait_for_projections(service)
        victims = processes(service, with_database=with_database)
        for victim in victims:
            with suppress(psutil.NoSuchProcess):  # a server's own child may have followed it already
                victim.kill()
        psutil.wait_procs(victims, timeout=WAIT_S_MAX)
    log_before = len(service.log.read_text())
    with Service(served_dir, "--dev") as service:
        positions: dict[str, int] = {}
        for batch in load.sent:
            results = service.publish(batch)
            # A batch is there whole or not at all, and one that was acknowledged is there.
            assert len({each["disposition"] for each in results}) == 1
            positions |= {each["id"]: each["position"] for each in results}
            for each in results:
                assert load.acknowledged.get(each["id"], each["position"]) == each["position"]
                assert each["id"] not in load.acknowledged or each["disposition"] == "duplicate"
        total = sum(map(len, load.sent))
        assert sorted(positions.values()) == list(range(1, total + 1))
        (source,) = service.get("/v1/sources")["sources"]
        assert source["accepted"] == total
        log = known(positions)
        for position in (total, reached, total // 2):
            answer = service.get(
                "/v1/rates", as_of=str(DAY), known_at=position, group_by="region:4", min_position=total
            )
            expected = group(ledger(log[:position], DAY, fits).rows(), ("region:4",))
            found = {each["key"]["region:4"]: each["counts"] for each in answer["groups"]}
            assert found == {key[0]: counts._asdict() for key, counts in expected.items()}
    assert goes_on_at(service, log_before) >= reached


def test_a_service_whose_postgresql_is_killed_goes_on_by_itself(served_dir: Path) -> None:
    stream = events()
    with Service(served_dir, "--dev") as service:
        service.publish(list(islice(stream, 500)))
        postmaster = int((served_dir / "data" / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0])
        psutil.Process(postmaster).kill()
        batch = list(islice(stream, 40))
        deadline = time.monotonic() + 2 * WAIT_S_MAX
        with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as http:
            # 503 until it is back; the batch that a fault has cut off is sent again.
            while (answer := http.post("/v1/events", json=batch, headers={"content-type": BATCH})).status_code == 503:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        positions = sorted(each["position"] for each in answer.json()["results"])
        assert positions == list(range(501, 541))
        while service.get("/v1/rates")["known_at"]["position"] < 540:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def goes_on_at(service: Service, log_before: int) -> int:
    """The position from which the projector went on after the second start."""
    lines = service.log.read_text()[log_before:].splitlines()
    (line,) = [each for each in lines if "projector follows" in each]
    return int(json.loads(line)["position"])
