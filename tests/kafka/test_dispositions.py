"""Whatever a record is, it gets one disposition, and its partition moves on."""

import json
from typing import Any

import pytest

from services.intake.intake import Intake
from services.intake.quarantine import Filters, Quarantine
from services.intake.quarantine_groups import redrive_group
from tests.access.attacks import HERE, THERE, registered
from tests.fix_kafka import STRUCTURED, Broker, Record, Stage
from tests.sending import MARKET, STEWARD, as_bytes, granted, removed, retracted

pytestmark = pytest.mark.kafka

GOOD = as_bytes(removed("good"))
BINARY = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"binary"),
    ("ce_source", MARKET.encode()),
    ("ce_type", b"taizhang.member.removed.v1"),
    ("ce_time", b"2024-05-01T09:00:00+08:00"),
    ("content-type", b"application/json"),
]
DATA = as_bytes(removed("x")["data"])

# Each record and the rule that it breaks; None: it is accepted.
ODDITIES: list[tuple[Record, str | None]] = [
    (Record(GOOD, b"member:m1"), None),
    (Record(DATA, b"member:m1", BINARY), None),
    (Record(as_bytes(removed("bare")), None, []), None),
    (Record(as_bytes(removed("wrong key")), b"member:m9"), None),
    (Record(as_bytes(removed("地区")).decode().encode("gb18030")), "not_json"),
    (Record(GOOD[:-5]), "not_json"),
    (Record(b""), "not_json"),
    (Record(None, b"member:m1"), "null_value"),
    (Record(None, b"member:m1", []), "null_value"),
    (Record(as_bytes({**removed("large"), "note": "x" * (2 << 20)})), "event_size"),
    (Record(DATA, b"member:m1", BINARY[1:]), "attribute_missing"),
    (Record(DATA, b"member:m1", [("content-type", b"application/json")]), "attribute_missing"),
    (Record(as_bytes(removed("type") | {"type": "taizhang.member.expelled.v1"})), "type_unknown"),
    (Record(as_bytes(removed("field") | {"data": {"effective_on": "2024-05-01", "membre": "member:m1"}})), "missing"),
    (Record(as_bytes(removed("good") | {"time": "2025-01-01T00:00:00Z"})), "conflict"),
    (Record(b"[]", None, [("content-type", b"application/cloudevents-batch+json")]), "content_mode"),
    (Record(as_bytes(removed("a\x00b"))), "json_not_kept"),
    (Record(json.dumps(removed("half \ud800")).encode()), "json_not_kept"),
    (Record(as_bytes(removed("after all of these"))), None),
]


def in_partition(records: list[Record], partition: int = 0) -> list[Record]:
    return [each._replace(partition=partition) for each in records]


def test_each_oddity_is_set_aside_with_its_reason_and_bytes_and_the_partition_moves_on(stage: Stage) -> None:
    with stage.ingesting():
        stage.send(in_partition([record for record, _ in ODDITIES]), max_request_size=8 << 20)
        stage.wait_caught_up()
    accepted = [n for n, (_, rule) in enumerate(ODDITIES) if rule is None]
    aside = {n: (record.value or b"", rule) for n, (record, rule) in enumerate(ODDITIES) if rule is not None}
    assert stage.query(
        "SELECT (intake->>'offset')::int FROM taizhang.log WHERE notification_id > 1 ORDER BY notification_id"
    ) == [(offset,) for offset in accepted]
    rows = stage.query("SELECT (intake->>'offset')::int, raw, rules FROM taizhang.quarantine ORDER BY id")
    assert {offset: bytes(raw) for offset, raw, _ in rows} == {n: raw for n, (raw, _) in aside.items()}
    for offset, _, rules in rows:
        assert aside[offset][1] in rules
    assert stage.tally() == (len(ODDITIES), len(accepted), 0, len(aside))


def test_a_key_that_is_not_the_subject_is_kept_with_the_event(stage: Stage) -> None:
    with stage.ingesting():
        stage.send(in_partition([Record(as_bytes(removed("a")), b"member:m9"), Record(GOOD, b"member:m1")]))
        stage.wait_caught_up()
    assert stage.query(
        "SELECT intake->>'key' FROM taizhang.log WHERE notification_id > 1 ORDER BY notification_id"
    ) == [("member:m9",), (None,)]


@pytest.mark.parametrize("codec", ["gzip", None])
def test_a_header_name_that_is_not_utf_8_stops_nothing(stage: Stage, codec: str | None) -> None:
    class Latin(str):
        __slots__ = ()

        def encode(self, *_: str) -> bytes:
            return super().encode("latin-1")

    odd = Record(GOOD, None, [*STRUCTURED, (Latin("tr\xe4ger"), b"x")])
    others = [Record(as_bytes(removed(f"e{n}"))) for n in range(3)]
    with stage.ingesting():
        stage.send(in_partition([others[0], odd, *others[1:]]), compression_type=codec)
        stage.wait_caught_up()
    assert stage.query("SELECT id FROM taizhang.log WHERE notification_id > 1 ORDER BY notification_id") == [
        ("e0",),
        ("good",),
        ("e1",),
        ("e2",),
    ]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_batches_of_every_codec_are_read(stage: Stage, codec: str) -> None:
    with stage.ingesting():
        stage.send((Record(as_bytes(removed(f"e{n}")), str(n).encode()) for n in range(500)), compression_type=codec)
        stage.wait_caught_up()
    assert stage.tally() == (500, 500, 0, 0)


def test_a_repeat_is_a_duplicate_and_counted(stage: Stage) -> None:
    events = [Record(as_bytes(removed(f"e{n}"))) for n in range(20)]
    with stage.ingesting():
        stage.send(in_partition(events, 0) + in_partition(events, 1))
        stage.wait_caught_up()
    assert stage.tally() == (40, 20, 20, 0)


def test_aborted_transactions_are_not_read_and_their_markers_leave_no_lag(stage: Stage) -> None:
    def send(producer: Any, id_: str) -> None:  # noqa: ANN401 - the client has no types
        sent = producer.send(stage.topic, value=as_bytes(removed(id_)), headers=STRUCTURED, partition=0)
        producer.flush()
        assert sent.succeeded()

    with stage.ingesting():
        with stage.broker.producer(transactional_id=stage.topic) as producer:
            producer.init_transactions()
            for id_, commit in (("a", True), ("b", False), ("c", True), ("d", False)):
                producer.begin_transaction()
                send(producer, id_)
                (producer.commit_transaction if commit else producer.abort_transaction)()
        stage.wait_caught_up()
    assert stage.query("SELECT id FROM taizhang.log WHERE notification_id > 1 ORDER BY notification_id") == [
        ("a",),
        ("c",),
    ]
    assert stage.tally() == (2, 2, 0, 0)
    assert stage.stored()[0] == 8


def test_a_topic_says_what_was_granted_to_it_and_nothing_without(broker: Broker, store: str, topic: str) -> None:
    broker.create(topic, 1)
    stage, intake = Stage(broker, store, topic), Intake.open(store, "test")
    other = "https://registry.example/other"
    with stage.ingesting():
        stage.send([Record(as_bytes(removed("a"))), Record(as_bytes(removed("b", other)))])
        stage.wait_caught_up()
        narrow = {"sources": [MARKET], "types": ["taizhang.member.removed.v1"]}
        intake.admit([granted(f"kafka:{topic}", "access:topic", **narrow)])
        told = (removed("c"), removed("d", other), retracted("e", "c"))
        stage.send([Record(as_bytes(event)) for event in told])
        stage.wait_caught_up()
    assert stage.query("SELECT id FROM taizhang.log WHERE notification_id > 1 ORDER BY notification_id") == [("c",)]
    assert stage.query("SELECT event_id, rules[1] FROM taizhang.quarantine ORDER BY id") == [
        ("a", "no_grant_in_force"), ("b", "no_grant_in_force"), ("d", "source_of_another_publisher"),
        ("e", "type_not_granted"),
    ]  # fmt: skip
    # Of a topic's other grant, limited to a county, what lies in it.
    with stage.ingesting():
        intake.admit([granted(f"kafka:{topic}", "access:county", regions=[HERE])])
        stage.send([Record(as_bytes(registered(f"group:{place}", place))) for place in (HERE, THERE)])
        stage.wait_caught_up()
    assert stage.query("SELECT id FROM taizhang.log ORDER BY notification_id DESC LIMIT 1") == [(f"r group:{HERE}",)]
    assert stage.query("SELECT rules[1] FROM taizhang.quarantine ORDER BY id DESC LIMIT 1") == [
        ("region_of_another_office",)
    ]
    # A redrive takes in what has been granted since, and leaves the rest.
    assert redrive_group(Quarantine(intake.writer), intake.recorder, Filters(), STEWARD).accepted == 1
    intake.close()
