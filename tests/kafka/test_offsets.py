"""The offsets in PostgreSQL decide where reading goes on; Kafka's own are for show."""

import psycopg
import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

from services.intake.intake import Intake
from services.kafka import ingest
from services.kafka.partitions import FencedError, Partition, Partitions, advance
from services.kafka.reader import Reader
from tests.fix_kafka import Record, Stage, end, wait_until
from tests.sending import as_bytes, kafka, removed

pytestmark = pytest.mark.kafka


def events(first: int, count: int, partition: int = 0) -> list[Record]:
    return [Record(as_bytes(removed(f"e{n}")), None, partition=partition) for n in range(first, first + count)]


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


def test_a_topic_made_anew_is_read_from_its_beginning(stage: Stage) -> None:
    with stage.ingesting():
        stage.send(events(0, 20))
        stage.wait_caught_up()
    stage.broker.delete(stage.topic)
    wait_until(lambda: not stage.broker.ends(stage.topic), "the topic is gone")
    stage.broker.create(stage.topic, 4)
    stage.send(events(15, 10))
    with stage.ingesting():
        stage.wait_caught_up()
    assert stage.tally() == (30, 25, 5, 0)


def test_records_that_expired_unread_are_counted(stage: Stage) -> None:
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


def test_a_process_that_lost_a_partition_cannot_write_it(intake: Intake, store: str) -> None:
    partition = Partition("registry", 0)
    slow, quick = Partitions(intake.recorder, "slow"), Partitions(intake.recorder, "quick")
    first = slow.claim([partition])
    second = quick.claim([partition])
    with pytest.raises(FencedError, match="registry 0"):
        intake.admit([kafka(removed("a"), 0)], within=lambda cursor: advance(cursor, first, {partition: 1}))
    intake.admit([kafka(removed("a"), 0)], within=lambda cursor: advance(cursor, second, {partition: 1}))
    with pytest.raises(FencedError):  # its offset has moved on
        intake.admit([kafka(removed("b"), 0)], within=lambda cursor: advance(cursor, second, {partition: 2}))
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
        advance(cursor, claims, {partition: 7})
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


def test_a_process_told_to_stop_leaves_the_group_and_ends_well(stage: Stage) -> None:
    first, second = stage.spawn(), stage.spawn()
    try:
        stage.send(events(0, 50))
        stage.wait_caught_up()
        assert end(first) == 0
        stage.send([*events(50, 50), *events(100, 50, partition=3)])
        stage.wait_caught_up(seconds_max=8)  # shorter than a session, so the first has said farewell
        assert end(second) == 0
    finally:
        for process in (first, second):
            process.kill()
    assert stage.tally() == (150, 150, 0, 0)
