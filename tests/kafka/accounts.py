"""A crowd's messages, and what log and ledger must have made of them."""

import time
from collections import Counter
from datetime import date
from itertools import islice
from random import Random

from domain.events.envelope import read_event
from domain.events.facts import Event, EventKey
from domain.events.types import CORRECTED
from domain.ledger.rows import Row, ledger
from services.demo_city.world import events
from services.kafka.publishing import key_of
from tests.aftermath import assert_nothing_lost, logged
from tests.fix_kafka import STRUCTURED, Stage
from tests.histories import fits

PARTITIONS = 8
AS_OF = (date(2024, 12, 31), date(2026, 6, 30))


def lines(count: int) -> list[bytes]:
    return [line.strip() for line in islice(events(0.5, 7), count)]


def send(stage: Stage, messages: list[bytes], pause_s: float) -> None:
    """Keyed by subject; what has none goes by its number."""
    with stage.broker.producer(linger_ms=20, retries=1000, delivery_timeout_ms=300_000) as producer:
        for number, raw in enumerate(messages):
            producer.send(stage.topic, key=key_of(raw) or str(number).encode(), value=raw, headers=STRUCTURED)
            if number % 1000 == 0:
                time.sleep(pause_s)


def expected(messages: list[bytes]) -> dict[EventKey, Event]:
    """What a log holds that took these in order: the first of each name that can be read."""
    known: dict[EventKey, Event] = {}
    for raw in messages:
        event = read_event(raw).event
        if event is not None:
            known.setdefault(event.key, event)
    return known


def rows_of(known: dict[EventKey, Event], as_of: date) -> list[Row]:
    return sorted(ledger(known.values(), as_of, fits).rows())


def assert_accounted(stage: Stage, messages: int) -> None:
    """Received = accepted + duplicate + quarantined, for each partition and in total; offsets at the end."""
    ends = stage.broker.ends(stage.topic)
    assert stage.stored() == ends
    by_partition = stage.query(
        "SELECT partition, sum(received)::int, sum(accepted + duplicate + quarantined)::int"
        " FROM taizhang.tally WHERE topic = %s GROUP BY partition",
        stage.topic,
    )
    assert {partition: received for partition, received, _ in by_partition} == ends
    assert all(received == disposed for _, received, disposed in by_partition)
    assert stage.tally()[0] == messages
    coordinates = Counter(
        row
        for table in ("log", "duplicate", "quarantine")
        for row in stage.query(f"SELECT (intake->>'partition')::int, (intake->>'offset')::int FROM taizhang.{table}")  # noqa: S608 - a fixed list
        if row != (None, None)  # the grant to the topic
    )
    assert set(coordinates.values()) == {1}, "a message with two dispositions"
    assert len(coordinates) == messages


def assert_right(stage: Stage, messages: list[bytes], rng: Random) -> None:
    """What is stored is what was sent, and so is what the ledger answers, by the fold from scratch."""
    assert_nothing_lost(stage.conninfo, rng, messages)
    grant, *facts = logged(stage.conninfo)
    assert grant.type == "taizhang.access.granted.v1"
    sent, stored = expected(messages), {event.key: event for event in facts}
    # A correction that does not fit its target is quarantined after it and held before it: it has no effect in either.
    assert {key for key in sent.keys() ^ stored.keys() if {**sent, **stored}[key].type != CORRECTED} == set()
    for as_of in AS_OF:
        right = rows_of(sent, as_of)
        assert len(right) > 100
        assert rows_of(stored, as_of) == right


def without_conflicts(messages: list[bytes]) -> list[bytes]:
    """Only one content under each name: of two, the first to arrive is the fact."""
    first: dict[EventKey, bytes | None] = {}
    kept = []
    for raw in messages:
        reading = read_event(raw)
        if reading.identity is None or first.setdefault(reading.identity, reading.content_sha256) == (
            reading.content_sha256
        ):
            kept.append(raw)
    return kept
