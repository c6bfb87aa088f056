"""The offsets in PostgreSQL decide where reading goes on; Kafka's own are for show."""

import shutil
import time
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import NewTopic

from services.intake.intake import Intake
from services.kafka import ingest
from services.kafka.partitions import FencedError, Partition, Partitions, Step, advance
from services.kafka.reader import Reader
from tests import small_city
from tests.aftermath import assert_nothing_lost
from tests.fix_kafka import Broker, Record, Stage, allowed, end, wait_until
from tests.sending import as_bytes, kafka, removed

pytestmark = pytest.mark.kafka


def events(first: int, count: int, partition: int = 0) -> list[Record]:
    found = islice(small_city.events(), first, first + count)
    return [Record(as_bytes(each), None, partition=partition) for each in found]


def values(records: list[Record]) -> list[bytes]:
    return [each.value for each in records if each.value is not None]


def commit_to_kafka(stage: Stage, offset: int) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=stage.broker.address, group_id=f"group-of-{stage.topic}", enable_auto_commit=False
    )
    partition = TopicPartition(stage.topic, 0)
    consumer.assign([partition])
    consumer.commit({partition: OffsetAndMetadata(offset, "", -1)})
    consumer.close()


@pytest.mark.parametrize("committed", [0, 10_000])
def test_a_restart_goes_on_at_the_stored_offset_whatever_kafka_holds(stage: Stage, committed: int) -> None:
    stage.send(events(0, 30))
    with stage.ingesting():
        stage.wait_caught_up()
    commit_to_kafka(stage, committed)
    stage.send(events(30, 30))
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (60, 60, 0, 0)


def test_partitions_added_later_are_read_from_their_beginning(stage: Stage) -> None:
    with stage.ingesting():
        stage.send(events(0, 5))
        stage.wait_caught_up()
        stage.broker.widen(stage.topic, 6)
        stage.send(events(5, 5, partition=5))
        stage.wait_caught_up()
    assert stage.tally() == (10, 10, 0, 0)


def made_anew(stage: Stage, records: int) -> None:
    """Another topic under the same name, with events from 15 on."""
    with stage.broker.admin() as admin:  # it alone asks; a consumer's question would make the topic
        admin.delete_topics([stage.topic])
        wait_until(lambda: stage.topic not in admin.list_topics(), "the topic is gone")
        admin.create_topics([NewTopic(stage.topic, 4, 1)])
    stage.send(events(15, records))


def of_partition(stage: Stage, columns: str) -> tuple[int, ...]:
    ((row),) = stage.query(f"SELECT {columns} FROM taizhang.kafka_partition WHERE partition = 0")  # noqa: S608 - ours
    return tuple(row)


@pytest.mark.parametrize(("records", "running"), [(10, ""), (30, ""), (30, "while it is read")])
def test_a_topic_made_anew_is_read_from_its_beginning_however_far_it_has_grown(
    stage: Stage, records: int, running: str, rng: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    with stage.ingesting():
        stage.send(events(0, 20))
        stage.wait_caught_up()
        if running:
            made_anew(stage, records)
            wait_until(lambda: stage.tally()[1] == 15 + records, "every event is in")
    if not running:
        made_anew(stage, records)
    with stage.ingesting():
        stage.wait_caught_up()
    received, accepted, duplicate, quarantined = stage.tally()
    assert (accepted, quarantined) == (15 + records, 0)
    assert received == accepted + duplicate
    # The partition was two logs: each was read once, in whole. A running reader may have met the second in its midst.
    assert of_partition(stage, "generation, expired, compacted, next_offset") == (2, 0, 0, records)
    assert running or received == 20 + records
    assert "another log under the same name" in capsys.readouterr().out
    assert_nothing_lost(stage.conninfo, rng, values(events(0, 15 + records)))


def test_a_topic_that_goes_before_it_was_read_is_counted(stage: Stage, rng: Random) -> None:
    with stage.ingesting():
        stage.send(events(0, 20))
        stage.wait_caught_up()
    # The reader saw five more than it could store before it stopped.
    stage.query("UPDATE taizhang.kafka_partition SET end_offset = 25 WHERE partition = 0 RETURNING 1")
    made_anew(stage, 40)
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (60, 55, 5, 0)
    assert of_partition(stage, "expired") == (5,)
    assert_nothing_lost(stage.conninfo, rng, values(events(0, 55)))


@pytest.mark.parametrize("fault", ["disk lost", "backup restored"])
def test_a_broker_with_another_past_is_read_from_its_beginning(  # noqa: PLR0917 - fixtures
    store: str, tmp_path: Path, topic: str, rng: Random, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Broker(tmp_path / "broker")
    own.do("start")
    try:
        own.create(topic, 1)
        stage = allowed(own, store, topic)
        stage.send(events(0, 10))
        own.do("stop")
        shutil.copytree(tmp_path / "broker" / "data", tmp_path / "backup")
        own.do("start")
        with stage.ingesting():
            stage.send(events(10, 10))
            stage.wait_caught_up()
        own.do("kill")
        shutil.rmtree(tmp_path / "broker" / "data")
        if fault == "backup restored":
            (tmp_path / "backup").rename(tmp_path / "broker" / "data")
        own.do("start")
        if fault == "disk lost":
            own.create(topic, 1)
        stage.send(events(20, 30))
        with stage.ingesting():
            stage.wait_caught_up()
    finally:
        own.do("stop")
    # The ten that the backup holds come again; with the disk they are gone, and the ledger has them.
    repeated = 10 if fault == "backup restored" else 0
    assert stage.tally() == (50 + repeated, 50, repeated, 0)
    assert of_partition(stage, "generation") == (2,)
    assert "another log under the same name" in capsys.readouterr().out
    assert_nothing_lost(stage.conninfo, rng, values(events(0, 50)))


def test_gaps_of_a_compacted_topic_are_counted_and_warned_of(
    broker: Broker, store: str, topic: str, rng: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    rolled = {"segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "200"}
    broker.create(topic, 1, **{"cleanup.policy": "compact", **rolled})
    stage = allowed(broker, store, topic)
    stage.send([Record(each.value, b"one key", partition=0) for each in events(0, 20)])
    time.sleep(0.5)
    stage.send([Record(each.value, b"another", partition=0) for each in events(21, 1)])
    wait_until(lambda: len(readable(stage)) < 21, "the broker has compacted")
    left = len(readable(stage))
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (left, left, 0, 0)
    assert of_partition(stage, "compacted, expired, next_offset") == (21 - left, 0, 21)
    assert "cleanup.policy=delete" in capsys.readouterr().out
    assert_nothing_lost(stage.conninfo, rng)


def test_a_retention_shorter_than_the_pause_is_warned_of(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with stage.ingesting():
        stage.send(events(0, 5))
        stage.wait_caught_up()
    assert "raise retention.ms" not in capsys.readouterr().out
    stage.query("UPDATE taizhang.kafka_partition SET read_at = read_at - interval '8 days' RETURNING 1")
    with stage.ingesting():
        stage.send(events(5, 5))
        stage.wait_caught_up()
    assert "raise retention.ms" in capsys.readouterr().out
    assert stage.tally() == (10, 10, 0, 0)


def readable(stage: Stage) -> list[Any]:
    consumer = KafkaConsumer(bootstrap_servers=stage.broker.address, group_id=None, auto_offset_reset="earliest")
    try:
        consumer.assign([TopicPartition(stage.topic, 0)])
        found = []
        while consumer.position(TopicPartition(stage.topic, 0)) < stage.broker.ends(stage.topic)[0]:
            found += [each for batch in consumer.poll(timeout_ms=500).values() for each in batch]
        return found
    finally:
        consumer.close()


def test_records_that_expired_unread_are_counted(stage: Stage, rng: Random) -> None:
    with stage.ingesting():
        stage.send(events(0, 20))
        stage.wait_caught_up()
    stage.send(events(20, 20))
    with stage.broker.admin() as admin:
        admin.delete_records({TopicPartition(stage.topic, 0): 30})
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (30, 30, 0, 0)
    assert stage.query("SELECT expired FROM taizhang.kafka_partition WHERE partition = 0") == [(10,)]
    assert_nothing_lost(stage.conninfo, rng, values([*events(0, 20), *events(30, 10)]))


def test_a_process_that_lost_a_partition_cannot_write_it(intake: Intake, store: str) -> None:
    partition = Partition("registry", 0)
    slow, quick = Partitions(intake.recorder, "slow"), Partitions(intake.recorder, "quick")
    first = slow.claim([partition])
    second = quick.claim([partition])
    with pytest.raises(FencedError, match="registry 0"):
        intake.admit([kafka(removed("a"), 0)], within=lambda cursor: advance(cursor, first, {partition: Step(1)}))
    intake.admit([kafka(removed("a"), 0)], within=lambda cursor: advance(cursor, second, {partition: Step(1)}))
    with pytest.raises(FencedError):  # its offset has moved on
        intake.admit([kafka(removed("b"), 0)], within=lambda cursor: advance(cursor, second, {partition: Step(2)}))
    with psycopg.connect(store) as connection:
        assert connection.execute("SELECT id FROM taizhang.log").fetchall() == [("a",)]
        assert connection.execute("SELECT next_offset, owner FROM taizhang.kafka_partition").fetchall() == [
            (1, "quick")
        ]


def test_a_claim_waits_for_the_batch_that_is_being_stored(intake: Intake, store: str) -> None:
    partition = Partition("registry", 0)
    one, other = Partitions(intake.recorder, "one"), Partitions(intake.recorder, "other")
    claims = one.claim([partition])
    with intake.recorder.transaction() as cursor:
        advance(cursor, claims, {partition: Step(7)})
        with psycopg.connect(store) as connection:
            connection.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("UPDATE taizhang.kafka_partition SET epoch = epoch + 1")
    assert other.claim([partition])[partition].next_offset == 7


def test_partitions_that_the_group_leaves_to_nobody_are_taken_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "UNREAD_S_MAX", 1.0)
    real, asked = Reader.assignment, set[int]()

    def assignment(reader: Reader) -> tuple[int, frozenset[Partition]]:
        asked.add(id(reader))
        return real(reader) if len(asked) > 1 else (1, frozenset())

    monkeypatch.setattr(Reader, "assignment", assignment)
    stage.send(events(0, 20))
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (20, 20, 0, 0)


def members(stage: Stage) -> int:
    """How many processes the brokers know of in the group."""
    group = f"group-of-{stage.topic}"
    with stage.broker.admin() as admin:
        return len(admin.describe_groups([group])[group]["members"])


def test_a_process_told_to_stop_leaves_the_group_and_ends_well(stage: Stage) -> None:
    first, second = stage.spawn(), stage.spawn()
    try:
        stage.send(events(0, 50))
        stage.wait_caught_up()
        wait_until(lambda: members(stage) == 2, "both are in the group")
        assert end(first) == 0
        assert members(stage) == 1  # the first has said farewell, and was not only missed
        stage.send([*events(50, 50), *events(100, 50, partition=3)])
        stage.wait_caught_up()
        assert end(second) == 0
    finally:
        for process in (first, second):
            process.kill()
    assert stage.tally() == (150, 150, 0, 0)
