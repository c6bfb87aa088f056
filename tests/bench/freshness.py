"""Freshness: from the answer to a publish until a rate shows it, at steady rates of publishing."""

import json
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from http.client import HTTPConnection
from itertools import accumulate

from tests.bench.clients import BATCH, Getter
from tests.bench.tables import ms, per_second, percentile, table
from tests.bench.workshop import Workshop, caught_up, load, say
from tests.fix_service import Service

RATES = (200, 1_000, 2_000)
REQUESTS_PER_S = 20
SECONDS = 3.0
LOOK_S = 0.002


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """The last events of the city are published onto the others."""
    needed = sum(int(rate * SECONDS) for rate in RATES)
    base = max(len(lines) // 2, len(lines) - needed)
    with workshop.database() as database:
        say("freshness: filling the log")
        head = load(database, lines[:base])
        with workshop.service(database) as service:
            caught_up(service, head)
            rows = measure(service, lines[base:])
    return table(
        "Freshness",
        ("events/s asked for", "events/s published", "p50, ms", "p99, ms"),
        rows,
        f"From the answer to a publish until `/v1/rates` is known at its last position, with {head:,} events before. "
        f"{REQUESTS_PER_S} requests a second; one reader asks again every {LOOK_S * 1000:.0f} ms.",
    )


def measure(service: Service, lines: Sequence[bytes]) -> list[list[str]]:
    """One row for each rate; the lines are shared out among the rates."""
    rows, at = [], 0
    for rate in RATES:
        say(f"freshness at {rate:,} events/s")
        count = len(lines) * rate // sum(RATES)
        published, waits = at_rate(service, lines[at : at + count], rate)
        at += count
        rows.append([f"{rate:,}", per_second(1, 1 / published), ms(percentile(waits, 50)), ms(percentile(waits, 99))])
    return rows


class _Reader(threading.Thread):
    """Asks for the total again and again, and notes when which position showed first."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._client = Getter(port)
        self._stopping = threading.Event()
        self.instants: list[float] = []
        self.positions: list[int] = []

    def run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            _, answer = self._client.get("/v1/rates")
            self.instants.append(time.perf_counter())
            self.positions.append(answer["known_at"]["position"])

    def wait_for(self, position: int) -> None:
        """Return once the position has been seen; end the thread."""
        while not self.positions or self.positions[-1] < position:
            time.sleep(LOOK_S)
        self._stopping.set()
        self.join()
        self._client.close()

    def first_seen(self, position: int) -> float:
        # A reader never sees the past again, so the positions are in order.
        return self.instants[bisect_left(list(accumulate(self.positions, max)), position)]


def at_rate(service: Service, lines: Sequence[bytes], rate: int) -> tuple[float, list[float]]:
    """Events a second that were published, and the wait of each request's last event."""
    size = rate // REQUESTS_PER_S
    bodies = [b"[" + b",".join(lines[at : at + size]) + b"]" for at in range(0, len(lines), size)]
    reader = _Reader(service.port)
    reader.start()
    connection = HTTPConnection("127.0.0.1", service.port, timeout=60)
    answered: list[tuple[float, int]] = []
    began = time.perf_counter()
    for number, body in enumerate(bodies):
        time.sleep(max(0.0, began + number / REQUESTS_PER_S - time.perf_counter()))
        connection.request("POST", "/v1/events", body, {"content-type": BATCH})
        answer = connection.getresponse()
        results = json.loads(answer.read())["results"]
        answered.append((time.perf_counter(), max(result.get("position") or 0 for result in results)))
    seconds = max(len(bodies) / REQUESTS_PER_S, time.perf_counter() - began)
    connection.close()
    reader.wait_for(answered[-1][1])
    return len(lines) / seconds, [max(0.0, reader.first_seen(position) - at) for at, position in answered]
