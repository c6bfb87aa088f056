"""The published topics: a copy kept by them is the ledger, and a dead letter says why it is one."""

import json
import signal
from itertools import islice
from pathlib import Path

import pytest

from tests.fix_kafka import WAIT_S_MAX, Record, Stage, end, wait_until
from tests.fix_service import Service
from tests.kafka.published import copy_of, listed, read
from tests.sending import as_bytes
from tests.small_city import event, events

pytestmark = pytest.mark.kafka
# What the last event says may change no row, and then no record bears its position.
_REACHED = "SELECT position FROM taizhang.relay WHERE kind = 'ledger'"


def test_what_is_published_to_kafka_comes_back_as_the_ledger(
    stage: Stage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = {
        "TAIZHANG_KAFKA_LEDGER_TOPIC": f"{stage.topic}.ledger",
        "TAIZHANG_KAFKA_DEAD_LETTER_TOPIC": f"{stage.topic}.dead",
    }
    ledger, dead = names.values()
    file = tmp_path / "events.jsonl"
    source = events()
    file.write_bytes(b"\n".join([*map(as_bytes, islice(source, 80)), b"{broken", b""]))
    with Service(tmp_path, "--dev", database_url=stage.conninfo) as service:
        assert stage.spawn("-m", "services.commands.cli", "publish", str(file), "--kafka").wait(WAIT_S_MAX) == 0
        ingest = stage.spawn()
        relay = stage.spawn("-m", "services.commands.cli", "relay", **names)
        try:
            stage.wait_caught_up()
            # The topic's grant stands at position 1.
            assert stage.tally() == (81, 80, 0, 1)
            wait_until(lambda: stage.query(_REACHED) == [(81,)], "80 are out")
            assert copy_of(stage.broker, ledger) == listed(service, 81)

            end(relay, signal.SIGKILL)
            gone = event("gone", "organization.deregistered", org="group:g-1", reason="dissolved")
            stage.send([Record(as_bytes(each)) for each in (gone, *islice(source, 9))])
            stage.wait_caught_up()
            relay = stage.spawn("-m", "services.commands.cli", "relay", **names)
            wait_until(lambda: stage.query(_REACHED) == [(91,)], "90 are out")
            rows = copy_of(stage.broker, ledger)
            assert rows == listed(service, 91)
            assert "group:g-1" not in rows
            assert end(relay) == end(ingest) == 0
            ((sent,),) = stage.query("SELECT sent FROM taizhang.relay WHERE kind = 'ledger'")
            relay = stage.spawn("-m", "services.commands.cli", "relay", "--from-start", **names)
            wait_until(
                # One more for the organization that is gone.
                lambda: stage.query("SELECT sent FROM taizhang.relay ORDER BY kind") == [(2,), (sent + len(rows) + 1,)],
                "all is out again",
            )
            assert copy_of(stage.broker, ledger) == rows
            assert end(relay) == 0
        finally:
            relay.kill()
            ingest.kill()
        letter, again = read(stage.broker, dead)
        assert (letter.key, letter.value) == (again.key, again.value)
        headers = {name: value.decode() for name, value in letter.headers}
        assert letter.value == b"{broken"
        assert (headers["quarantine_id"], headers["rules"]) == ("1", "not_json")
        assert json.loads(headers["intake"])["topic"] == stage.topic
        accounts = service.get("/v1/sources")["partitions"]
        assert {each["partition"]: each["next_offset"] for each in accounts} == stage.stored()
        assert sum(each["received"] for each in accounts) == 91
        assert {each["lag"] for each in accounts} == {0}
        metrics = service.http.get("/metrics").text
        assert f'taizhang_kafka_lag{{partition="0",topic="{stage.topic}"}} 0.0' in metrics
        assert 'taizhang_messages_total{disposition="quarantined",source=""} 1.0' in metrics
        assert_missing_offsets_are_told(stage, service)
    del capfd


def assert_missing_offsets_are_told(stage: Stage, service: Service) -> None:
    """Offsets that never came are told, by partition, wherever one looks."""
    stage.query("UPDATE taizhang.kafka_partition SET expired = 20, compacted = 300 WHERE partition = 0 RETURNING 1")
    first, *rest = service.get("/v1/sources")["partitions"]
    assert (first["expired"], first["compacted"]) == (20, 300)
    assert {(each["expired"], each["compacted"]) for each in rest} == {(0, 0)}
    metrics = service.http.get("/metrics").text
    for why, count in (("expired", 20), ("compacted", 300)):
        labels = f'partition="0",topic="{stage.topic}",why="{why}"'
        assert f"taizhang_kafka_missing_offsets_total{{{labels}}} {count}.0" in metrics
    page = service.http.get("/intake", params={"lang": "en"}, headers={"accept": "text/html"}).text
    for title, count in (("Gone unread", 20), ("Compacted away", 300)):
        assert f'data-label="{title}">{count}</td>' in page
