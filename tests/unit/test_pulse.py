"""A process beside the service says by itself whether it goes round and what it misses."""

import threading

import httpx
import pytest

from services.kafka.clients import Outage
from services.kafka.pulse import SILENT_S_MAX, Pulse, answering
from services.serving.serving import AddressInUseError
from services.system.settings import load
from tests.fix_service import free_port


def test_it_tells_what_is_away_and_when_it_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("services.kafka.pulse.time.monotonic", lambda: now[0])
    kafka = Outage("Kafka")
    pulse, port = Pulse("relay", kafka, Outage("PostgreSQL")), free_port()
    threads = threading.active_count()
    with (
        answering(load(health_port=port), pulse),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        assert http.get("/health/ready").json() == {"status": "ready", "process": "relay", "faults": []}
        kafka.begin(ConnectionError("refused"))
        now[0] += 70
        answer = http.get("/health/ready")
        assert (answer.status_code, answer.json()["faults"]) == (503, ["Kafka is away, for 70 s"])
        assert http.get("/health/live").status_code == 200, "what misses Kafka lives, and is not to be ended"
        assert 'taizhang_process_away_seconds{process="relay",what="Kafka"} 70.0' in http.get("/metrics").text
        kafka.end()
        now[0] += SILENT_S_MAX
        assert http.get("/health/live").status_code == 503
        assert "it stands still, for 250 s" in http.get("/health/ready").text
        pulse.beat()
        pulse.records += 3
        assert http.get("/health/live").status_code == 200
        assert http.get("/health/ready").status_code == 200
        assert 'taizhang_process_records_total{process="relay"} 3.0' in http.get("/metrics").text
        assert http.get("/v1/rates").status_code == 404
        with pytest.raises(AddressInUseError, match=f"port {port}"), answering(load(health_port=port), pulse):
            pass
    assert threading.active_count() <= threads


def test_without_a_port_it_listens_nowhere() -> None:
    threads = threading.active_count()
    with answering(load(), Pulse("ingest")):
        assert threading.active_count() == threads
