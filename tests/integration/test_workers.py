"""`serve --workers 2`: two processes answer on one socket as one service."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.fix_service import Service, new_database
from tests.sending import envelope
from tests.versions import wait_until

pytestmark = pytest.mark.long

WAIT_S_MAX = 60.0


def processes(service: Service) -> list[int]:
    """The numbers of the processes that answer."""
    found = subprocess.run(
        ["ps", "--ppid", str(service.process.pid), "-o", "pid=,args="], check=True, capture_output=True, text=True
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "cli worker" in line]


def until_two(service: Service, *without: int) -> list[int]:
    deadline = time.monotonic() + WAIT_S_MAX
    while len(found := [each for each in processes(service) if each not in without]) < 2:
        assert time.monotonic() < deadline, "no second worker came"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def service(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("workers")
    with Service(folder, "--dev", "--workers", "2", database_url=new_database(postgres)) as running:
        yield running


@contextmanager
def connections(service: Service, number: int) -> Iterator[list[httpx.Client]]:
    """So many connections of their own: whichever worker takes one keeps it."""
    clients = [httpx.Client(base_url=service.url, timeout=30, trust_env=False) for _ in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def registered(number: int) -> dict[str, object]:
    return envelope(
        f"w-{number}",
        "organization.registered",
        {
            "effective_on": "2024-01-05",
            "org": f"group:w-{number}",
            "kind": "new_employment_group",
            "category": "courier",
            "name": f"第{number}站",
            "region": "990101",
        },
    )


def test_what_one_worker_took_in_the_other_answers(service: Service) -> None:
    with connections(service, 8) as clients:
        for number, client in enumerate(clients):
            sent = client.post(
                "/v1/events", json=registered(number), headers={"content-type": "application/cloudevents+json"}
            )
            position = sent.json()["results"][0]["position"]
            for other in clients:
                asked = {"min_position": position, "kind": "new_employment_group", "as_of": "2024-12-31"}
                answer = other.get("/v1/rates", params=asked).json()
                assert answer["total"]["counts"]["organizations"] == number + 1


def test_both_answer_and_what_they_count_is_added_up(service: Service) -> None:
    with connections(service, 24) as clients:
        for client in clients:
            assert client.get("/health/live").is_success
        shown = {client.get("/metrics").text for client in clients}
        counts = sorted(
            float(found[1])
            for text in shown
            if (found := re.search(r'taizhang_http_requests_total\{.*route="/health/live".*\} (\S+)', text))
        )
        # Whichever worker is asked, it speaks of all.
        assert counts[0] >= len(clients)


def test_a_worker_that_is_killed_takes_nothing_with_it(service: Service) -> None:
    before = service.get("/v1/rates", as_of="2024-12-31")["known_at"]["position"]
    acknowledged: list[int] = []
    stopping = threading.Event()

    def publish(first: int) -> None:
        number = first
        while not stopping.is_set():
            with (
                suppress(httpx.TransportError),
                httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client,
            ):
                sent = client.post(
                    "/v1/events", json=registered(number), headers={"content-type": "application/cloudevents+json"}
                )
                if sent.is_success:
                    acknowledged.append(sent.json()["results"][0]["position"])
            number += 1

    publishers = [threading.Thread(target=publish, args=(1000 * (n + 1),)) for n in range(3)]
    for each in publishers:
        each.start()
    victim = until_two(service)[0]
    wait_until(lambda: len(acknowledged) >= 10, "nothing is acknowledged")
    os.kill(victim, signal.SIGKILL)
    until_two(service, victim)
    stopping.set()
    for each in publishers:
        each.join()
    assert len(set(acknowledged)) == len(acknowledged) > 0
    answer = service.get("/v1/rates", min_position=max(acknowledged), as_of="2024-12-31")
    assert answer["total"]["counts"]["organizations"] == answer["known_at"]["position"] >= before + len(acknowledged)


def test_one_signal_ends_all(postgres: str, tmp_path: Path) -> None:
    with Service(tmp_path, "--dev", "--workers", "3", database_url=new_database(postgres)) as running:
        of_it = processes(running)
        assert len(of_it) == 3
        assert running.stop() == 0
        for each in of_it:
            with pytest.raises(ProcessLookupError):
                os.kill(each, 0)
    assert "Traceback" not in running.log.read_text()
