"""A Kafka record as a message: the protocol binding for CloudEvents, and whatever else a record may be."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events.envelope import read_event
from services.kafka.cloudevents import KEY_LENGTH_MAX, Headers, publisher_of, to_message
from services.log.messages import Message, arrive
from tests.sending import MARKET, as_bytes, removed

JSON_EVENT = ("content-type", b"application/cloudevents+json; charset=UTF-8")
DATA = b'{"effective_on": "2024-05-01", "member": "member:m1"}'
BINARY: Headers = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"a"),
    ("ce_source", MARKET.encode()),
    ("ce_type", b"taizhang.member.removed.v1"),
    ("ce_time", b"2024-05-01T09:00:00+08:00"),
    ("content-type", b"application/json"),
]


class Given(NamedTuple):
    """A record as the client gives it."""

    value: bytes | None
    headers: Headers
    key: bytes | None = None
    topic: str = "registry"
    partition: int = 3
    offset: int = 41


def message(value: bytes | None, *headers: tuple[str, bytes | None], key: bytes | None = None) -> Message:
    return to_message(Given(value, list(headers), key), publisher_of("registry"))


def rules(given: Message) -> list[str]:
    return [reason.rule for reason in arrive(given).reasons]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [JSON_EVENT],
        [("Content-Type", b"Application/CloudEvents+JSON")],
        [("traceparent", b"00-1")],
        [JSON_EVENT, ("ce_id", b"another, which structured mode ignores")],
    ],
)
def test_structured_mode_takes_the_value_as_the_whole_event(headers: Headers) -> None:
    raw = as_bytes(removed("a"))
    taken = message(raw, *headers)
    assert (taken.raw, taken.attributes, rules(taken)) == (raw, None, [])
    assert taken.intake == {"channel": "kafka", "topic": "registry", "partition": 3, "offset": 41}


def test_binary_mode_says_the_same_as_structured_mode() -> None:
    taken = message(DATA, *BINARY)
    assert rules(taken) == []
    assert read_event(DATA, taken.attributes) == read_event(as_bytes(removed("a")))


@pytest.mark.parametrize("media_type", [b"application/json; charset=utf-8", b"Application/JSON", None])
def test_binary_mode_knows_json_however_it_is_written(media_type: bytes | None) -> None:
    assert rules(message(DATA, *BINARY[:-1], ("content-type", media_type))) == []


@pytest.mark.parametrize("name", [header.removeprefix("ce_") for header, _ in BINARY[:-1]])
def test_a_binary_record_without_one_of_its_headers_is_set_aside(name: str) -> None:
    taken = message(DATA, *[each for each in BINARY if each[0] != f"ce_{name}"])
    assert [(reason.rule, reason.at) for reason in arrive(taken).reasons] == [("attribute_missing", f"/{name}")]


@pytest.mark.parametrize(
    ("value", "headers", "rule"),
    [
        (None, [JSON_EVENT], "null_value"),
        (None, BINARY, "null_value"),
        (b"[]", [("content-type", b"application/cloudevents-batch+json")], "content_mode"),
        (b"\x00\x01", [("content-type", b"application/cloudevents+avro")], "content_mode"),
        (DATA, [*BINARY, ("ce_id", b"b")], "header_repeated"),
        (DATA, [*BINARY[:-1], ("ce_note", b"\xff\xfe")], "header_not_utf8"),
        (DATA, [*BINARY, ("ce_data", b"{}")], "header_data"),
        (DATA, [*BINARY[:-1], ("content-type", b"application/avro")], "datacontenttype"),
        (DATA, [*BINARY[:-1], ("ce_note", b"\x00")], "attributes_not_text"),
        (DATA, [("content-type", b"application/json")], "attribute_missing"),
        (as_bytes(removed("a")).decode().encode("utf-16"), [JSON_EVENT], "not_json"),
        (b"", [], "not_json"),
    ],
)
def test_what_is_wrong_with_a_record_becomes_a_reason(value: bytes | None, headers: Headers, rule: str) -> None:
    taken = message(value, *headers)
    assert rule in rules(taken)
    assert taken.raw == (value or b"")


def test_a_key_that_the_event_does_not_name_stays_in_the_coordinates() -> None:
    raw = as_bytes(removed("a"))
    assert "key" not in message(raw, key=b"member:m1").intake
    assert message(raw, key=b"member:m2").intake["key"] == "member:m2"
    assert message(raw, key=b"\xff\x00k").intake["key"] == r"\xff\x00k"
    assert len(message(raw, key=b"k" * 1000).intake["key"]) == KEY_LENGTH_MAX
    assert "key" not in message(DATA, *BINARY, ("ce_subject", b"s"), key=b"s").intake


NAMES = st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_time", "ce_x", "content-type", "other"])
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=30)), max_size=6)


@given(st.none() | st.binary(max_size=200), st.none() | st.binary(max_size=50), HEADERS)
def test_no_record_is_too_odd_to_be_read(value: bytes | None, key: bytes | None, headers: Headers) -> None:
    arrival = arrive(message(value, *headers, key=key))
    assert arrival.reasons
    assert arrival.message.raw == (value or b"")
