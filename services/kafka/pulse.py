"""Health and measures of `taizhang ingest` and `taizhang relay`, each on a port of its own (TAIZHANG_HEALTH_PORT).

What they have stored, a running service tells of too; whether the process itself goes round, only it can tell.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from services.kafka.clients import Outage
from services.serving.serving import AddressInUseError
from services.system.logs import logger
from services.system.settings import Settings, variable

# Longer than anything that a round waits for: brokers that take no records, a database that does not answer.
SILENT_S_MAX: Final = 180.0
REQUEST_S_MAX: Final = 5.0


class Pulse:
    """When a process last came round, what is away for it, and what it has done; its own loop feeds it.

    `holds` is what it has of the common work: partitions of ingest, the turn (1 or 0) of a relay.
    """

    def __init__(self, process: str, *outages: Outage) -> None:
        self.process = process
        self.records = 0
        self.holds = 0
        self._outages = outages
        self._round, self._round_at = time.monotonic(), time.time()

    def beat(self) -> None:
        """The loop has come round."""
        self._round, self._round_at = time.monotonic(), time.time()

    @property
    def silent_s(self) -> float:
        """Seconds since the last round."""
        return time.monotonic() - self._round

    @property
    def faults(self) -> list[str]:
        """What keeps it from its work, in words."""
        found = [f"{each.what} is away, for {each.away_s:.0f} s" for each in self._outages if each.away_s is not None]
        if self.silent_s > SILENT_S_MAX:
            found.append(f"it stands still, for {self.silent_s:.0f} s: end it, another one goes on at what is stored")
        return found

    def collect(self) -> Iterator[Metric]:
        """The families, as prometheus_client wants them."""
        label = ["process"]
        round_ = GaugeMetricFamily(
            "taizhang_process_round_timestamp_seconds", "When the process last came round, Unix time", labels=label
        )
        round_.add_metric([self.process], self._round_at)
        records = CounterMetricFamily(
            "taizhang_process_records", "Records stored by ingest, sent by relay", labels=label
        )
        records.add_metric([self.process], self.records)
        holds = GaugeMetricFamily(
            "taizhang_process_holds", "Of the common work: partitions of ingest, the turn of relay", labels=label
        )
        holds.add_metric([self.process], self.holds)
        away = GaugeMetricFamily(
            "taizhang_process_away_seconds", "For how long it has missed Kafka or PostgreSQL; 0: it does not",
            labels=[*label, "what"],
        )  # fmt: skip
        for each in self._outages:
            away.add_metric([self.process, each.what], each.away_s or 0.0)
        yield from (round_, records, holds, away)


@contextlib.contextmanager
def answering(settings: Settings, pulse: Pulse) -> Iterator[None]:
    """Answer `/health/live`, `/health/ready` and `/metrics` of this process meanwhile, where the settings say so.

    Raises:
        AddressInUseError: the port is another program's.
    """
    if settings.health_port is None:
        yield
        return
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(pulse)
    try:
        server = ThreadingHTTPServer((settings.host, settings.health_port), _handler(pulse, registry))
    except OSError as error:
        raise AddressInUseError(
            f"cannot listen on {settings.host} port {settings.health_port} ({error.strerror}): choose another with "
            f"{variable('health_port')}"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    logger().info("health is told", address=f"http://{settings.host}:{server.server_port}/health/ready")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(pulse: Pulse, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Three paths, and not a word of what is in the ledger."""

        timeout = REQUEST_S_MAX

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._tell(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif self.path == "/health/live":
                lives = pulse.silent_s <= SILENT_S_MAX
                self._say(200 if lives else 503, {"status": "live" if lives else "stands still"})
            elif self.path == "/health/ready":
                faults = pulse.faults
                told = {"status": "not ready" if faults else "ready", "process": pulse.process, "faults": faults}
                self._say(503 if faults else 200, told)
            else:
                self._say(404, {"detail": "there are /health/live, /health/ready and /metrics"})

        def _say(self, status: int, told: Mapping[str, object]) -> None:
            self._tell(status, json.dumps(told).encode(), "application/json")

        def _tell(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
            """Monitoring asks every few seconds; nothing of it is worth a line."""

    return Handler
