"""`taizhang relay`: the ledger's changes, and copies of what was quarantined, as topics of Kafka.

What was sent is stored after the brokers have acknowledged it, so a stop in between sends it again. That does no harm:
a change is a whole row under its organization's key, and a dead letter carries its quarantine id. A topic that was
deleted is made again with its settings, and gets everything.
"""

import contextlib
import threading
import time
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
import psycopg
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from psycopg.rows import TupleRow

from services.kafka.clients import Outage, connection_options, never_make_topics, producer_options
from services.kafka.identity import Identity, Topics
from services.ledger.ledger_stream import Mark, changes
from services.ledger.queries import Queries
from services.system.logs import logger
from services.system.settings import SHANGHAI, Settings

POLL_S: Final = 0.5
DEAD_LETTERS_MAX: Final = 500
FLUSH_TIMEOUT_S: Final = 60
# A relay that hangs lets another one have its turn after this.
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('taizhang relay ' || %s, 0))"
_READ: Final = """
SELECT position, as_of, version, cluster_id, topic_id FROM taizhang.relay WHERE topic = %s AND kind = %s
"""
_STORE: Final = """
INSERT INTO taizhang.relay AS r (topic, kind, position, as_of, version, relayed_at, cluster_id, topic_id)
VALUES (%s, %s, %s, %s, %s, clock_timestamp(), %s, %s)
ON CONFLICT (topic, kind) DO UPDATE SET
       position = excluded.position, as_of = excluded.as_of, version = excluded.version,
       relayed_at = excluded.relayed_at, cluster_id = coalesce(excluded.cluster_id, r.cluster_id),
       topic_id = coalesce(excluded.topic_id, r.topic_id)
"""
_DEAD_LETTERS: Final = """
SELECT id, raw, rules, reasons, source, event_id, topic, partition, intake
  FROM taizhang.quarantine WHERE id > %s ORDER BY id LIMIT %s
"""


class Relay:
    """One process's turn at publishing; of several, one at a time sends."""

    def __init__(self, settings: Settings, queries: Queries, stopping: threading.Event) -> None:
        self._settings = settings
        self._queries = queries
        self._stopping = stopping
        self._kafka = Outage("Kafka")
        self._database = Outage("PostgreSQL")
        named = (settings.kafka_ledger_topic, settings.kafka_dead_letter_topic)
        self._topics = {topic for topic in named if topic is not None}

    def run(self) -> None:
        """Relay until stopped, through outages of either side."""
        while not self._stopping.is_set() and not self._queries.view.loaded.wait(POLL_S):
            pass
        while not self._stopping.is_set():
            try:
                self._relay()
            except KafkaError as error:
                self._stopping.wait(self._kafka.begin(error))
            except psycopg.OperationalError as error:
                self._stopping.wait(self._database.begin(error))

    def _relay(self) -> None:
        self._ensure_topics()
        producing = KafkaProducer(**producer_options(self._settings, "taizhang-relay"))
        with contextlib.closing(producing) as producer, contextlib.closing(Topics(self._settings)) as topics:
            never_make_topics(producer._metadata)  # noqa: SLF001 - it would not have our settings
            self._kafka.end()
            while not self._stopping.is_set():
                found = topics.identities(self._topics)
                if found.keys() != self._topics:
                    logger().warning("a topic is gone: it is made again", topics=sorted(self._topics - found.keys()))
                    self._ensure_topics()
                    self._stopping.wait(POLL_S)
                    continue
                ledger, dead_letters = self._settings.kafka_ledger_topic, self._settings.kafka_dead_letter_topic
                sent = self._ledger(producer, ledger, found[ledger])
                if dead_letters is not None:
                    sent += self._dead_letters(producer, dead_letters, found[dead_letters])
                self._database.end()
                if not sent:
                    self._stopping.wait(POLL_S)

    def _ensure_topics(self) -> None:
        """Make the topics where they are missing; a topic that is there is left as it is."""
        with contextlib.closing(KafkaAdminClient(**connection_options(self._settings))) as admin:
            ledger = NewTopic(self._settings.kafka_ledger_topic, 8, -1, topic_configs={"cleanup.policy": "compact"})
            topics = [ledger]
            if self._settings.kafka_dead_letter_topic is not None:
                topics.append(NewTopic(self._settings.kafka_dead_letter_topic, 1, -1))
            for topic in topics:
                with contextlib.suppress(TopicAlreadyExistsError):
                    admin.create_topics([topic])

    def _ledger(self, producer: Any, topic: str, identity: Identity) -> int:  # noqa: ANN401 - the client has no types
        with self._queries.connection() as connection, connection.transaction():
            since = self._turn(connection, topic, "ledger", identity)
            if since is None:
                return 0
            now, anew, is_whole, parts = changes(self._queries, since, _today())
            if now == since:
                return 0
            if anew is not None:
                logger().info(
                    "another version is relayed", version=now.version, rules=anew.version.ruleset, whole=is_whole
                )
            began, sent = time.monotonic(), _Sent(producer)
            for part in parts:
                for change in part:
                    value = None if change.row is None else orjson.dumps(change.as_json(now))
                    sent.send(topic, change.org.encode(), value, _ledger_headers(now))
            count = sent.settle()
            connection.execute(_STORE, (topic, "ledger", *now, *identity))
        logger().debug("relayed", topic=topic, changes=count, mark=str(now), seconds=round(time.monotonic() - began, 3))
        return count

    def _dead_letters(self, producer: Any, topic: str, identity: Identity) -> int:  # noqa: ANN401 - the client has no types
        with self._queries.connection() as connection, connection.transaction():
            since = self._turn(connection, topic, "dead_letter", identity)
            if since is None:
                return 0
            rows = connection.execute(_DEAD_LETTERS, (since.position, DEAD_LETTERS_MAX)).fetchall()
            sent = _Sent(producer)
            for number, raw, rules, reasons, source, event_id, *_, intake in rows:
                headers = {
                    "quarantine_id": str(number), "rules": ",".join(rules), "source": source, "id": event_id,
                    "reasons": orjson.dumps(reasons).decode(), "intake": orjson.dumps(intake).decode(),
                }  # fmt: skip
                sent.send(topic, str(number).encode(), bytes(raw), _headers(headers))
            count = sent.settle()
            if rows:
                connection.execute(_STORE, (topic, "dead_letter", rows[-1][0], _today(), "", *identity))
        return count

    def _turn(self, connection: psycopg.Connection[TupleRow], topic: str, kind: str, identity: Identity) -> Mark | None:
        """How far the topic with this identity has come; None while another process sends to it."""
        held = connection.execute(_LOCK, (topic,)).fetchone()
        if held is None or not held[0]:
            return None
        row = connection.execute(_READ, (topic, kind)).fetchone()
        if row is None:
            return Mark.beginning()
        mark, stored = Mark(*row[:3]), Identity(*row[3:])
        if identity.differs(stored):
            logger().warning("the topic was made anew: everything is sent to it", topic=topic, **identity._asdict())
            mark = Mark.beginning()
        if identity.completed(stored) != stored:
            connection.execute(_STORE, (topic, kind, *mark, *identity))
        return mark


class _Sent:
    """Records on their way, acknowledged together."""

    def __init__(self, producer: Any) -> None:  # noqa: ANN401 - the client has no types
        self._producer = producer
        self._futures: list[Any] = []

    def send(self, topic: str, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self._futures.append(self._producer.send(topic, key=key, value=value, headers=headers))

    def settle(self) -> int:
        """Wait until the brokers have all of them.

        Raises:
            KafkaError: they do not.
        """
        for future in self._futures:
            future.get(timeout=FLUSH_TIMEOUT_S)
        return len(self._futures)


def _today() -> date:
    return datetime.now(UTC).astimezone(SHANGHAI).date()


def _ledger_headers(mark: Mark) -> list[tuple[str, bytes]]:
    return _headers(
        {
            "content-type": "application/json",
            "position": str(mark.position),
            "as_of": mark.as_of.isoformat(),
            "version": mark.version,
        }
    )


def _headers(texts: dict[str, str | None]) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in texts.items() if text is not None]
