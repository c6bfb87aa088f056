"""Intake over HTTP beside the library's own ways to store events."""

import time
from collections.abc import Callable, Sequence

from services.intake.intake import Intake
from services.postgres.database import migrate
from tests.bench.clients import BATCH, SINGLE, Posted, post
from tests.bench.library import Registry, environment
from tests.bench.tables import median, ms, per_second, percentile, table, times
from tests.bench.workshop import Workshop, caught_up, messages, say
from tests.fix_service import Service

CLIENTS = 32
ROUNDS = 3
# A way that stores one event in each commit gets this many in a round; the others share the city.
SINGLES = 1_500

Contestant = Callable[[Sequence[bytes]], float]


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Three rounds in which each way takes its turn; the median counts."""
    with (
        workshop.database() as served,
        workshop.database() as direct,
        workshop.database() as stock,
        workshop.service(served) as service,
        Registry(environment(stock)) as registry,
    ):
        http = _Http(service)
        migrate(direct)
        intake = Intake.open(direct, "bench")
        ways: dict[str, tuple[Contestant, int]] = {
            f"HTTP, single requests, {CLIENTS} clients": (http.singles, SINGLES * 2),
            "HTTP, batches of 500, one client": (lambda part: http.batches(part, 500), 10_000),
            "HTTP, batches of 1,000, one client": (lambda part: http.batches(part, 1000), 10_000),
            "`Intake.admit` in batches of 1,000, no HTTP": (lambda part: _admit(intake, part), 20_000),
            "library: `app.save`, one by one": (lambda part: _timed(registry.save_each, part), SINGLES),
            "library: `app.save` of 500": (lambda part: _timed_parts(registry.save_batch, part, 500), 10_000),
            "library: `insert_events` of 1,000": (lambda part: _timed_parts(registry.insert_batch, part, 1000), 20_000),
        }
        rates = _rounds(ways, lines)
        intake.close()
    return _table(rates, http.latencies)


def _rounds(ways: dict[str, tuple[Contestant, int]], lines: Sequence[bytes]) -> dict[str, float]:
    """Events a second of each way: the median of the rounds, each on lines of its own."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    shares = sum(count for name, (_, count) in ways.items() if name.startswith("HTTP"))
    for number in range(ROUNDS):
        say(f"intake, round {number + 1} of {ROUNDS}")
        begin, size = number * (len(lines) // ROUNDS), len(lines) // ROUNDS
        at = begin
        for name, (way, count_max) in ways.items():
            if name.startswith("HTTP"):  # one log takes the lines of all three
                part = lines[at : at + min(count_max, size * count_max // shares)]
                at += len(part)
            else:
                part = lines[begin : begin + min(count_max, size)]
            rates[name].append(len(part) / way(part))
    return {name: median(values) for name, values in rates.items()}


class _Http:
    """The ways over HTTP, to one service with its projector at work."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._accepted = 0
        self.latencies: dict[str, list[float]] = {"singles": [], "500": [], "1000": []}

    def singles(self, part: Sequence[bytes]) -> float:
        return self._done("singles", post(self._service.port, part, SINGLE, CLIENTS), len(part))

    def batches(self, part: Sequence[bytes], size: int) -> float:
        bodies = [b"[" + b",".join(part[at : at + size]) + b"]" for at in range(0, len(part), size)]
        return self._done(str(size), post(self._service.port, bodies, BATCH, 1), len(part))

    def _done(self, name: str, posted: Posted, sent: int) -> float:
        assert posted.accepted + posted.others == sent
        # A few corrections arrive before what they speak of is known to be a fact, and are set aside.
        assert posted.accepted > sent * 0.99
        self._accepted += posted.accepted
        self.latencies[name] += posted.latencies
        caught_up(self._service, self._accepted)
        return posted.seconds


def _admit(intake: Intake, part: Sequence[bytes]) -> float:
    return _timed_parts(lambda batch: intake.admit(messages(batch)), part, 1000)


def _timed(way: Callable[[Sequence[bytes]], object], part: Sequence[bytes]) -> float:
    began = time.perf_counter()
    way(part)
    return time.perf_counter() - began


def _timed_parts(way: Callable[[Sequence[bytes]], object], part: Sequence[bytes], size: int) -> float:
    began = time.perf_counter()
    for at in range(0, len(part), size):
        way(part[at : at + size])
    return time.perf_counter() - began


def _table(rates: dict[str, float], latencies: dict[str, list[float]]) -> str:
    one_by_one = rates["library: `app.save`, one by one"]
    bare = rates["library: `insert_events` of 1,000"]
    of = dict(zip(rates, latencies.values(), strict=False))
    rows = [
        [
            name, per_second(int(rate), 1), times(rate / one_by_one), times(rate / bare),
            *((ms(percentile(of[name], p)) for p in (50, 99)) if name in of else ("", "")),
        ]
        for name, rate in rates.items()
    ]  # fmt: skip
    return table(
        "Intake to durable facts",
        ("way", "events/s", "to `app.save`", "to `insert_events`", "p50 of a request, ms", "p99, ms"),
        rows,
        f"Median of {ROUNDS} rounds. Over HTTP every event is checked, named, hashed into the tree and "
        "counted, and the projector works beside it on the same cores; the library stores what it is given.",
    )
