"""`taizhang ingest` tells of itself on a port of its own: what it has, what it has stored, what it misses."""

import httpx
import pytest

from tests.fix_kafka import Record, Stage, end, wait_until
from tests.fix_service import free_port
from tests.sending import as_bytes, removed

pytestmark = pytest.mark.kafka


def test_ingest_has_health_and_measures_of_its_own(stage: Stage) -> None:
    port = free_port()
    process = stage.spawn(TAIZHANG_HEALTH_PORT=str(port))
    try:
        stage.send([Record(as_bytes(removed(f"e{n}")), None, partition=n % 4) for n in range(20)])
        stage.wait_caught_up()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

            def counted() -> bool:
                said = http.get("/metrics").text
                return all(f'{name}{{process="ingest"}} {number}' in said for name, number in expected.items())

            expected = {"taizhang_process_records_total": "20.0", "taizhang_process_holds": "4.0"}
            wait_until(counted, "20 records stored, of four partitions")
            assert http.get("/health/ready").json()["status"] == "ready"
    finally:
        assert end(process) == 0
