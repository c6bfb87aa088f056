"""`taizhang relay`: the ledger's changes, and copies of what was quarantined, as topics of Kafka.

A ledger of any size goes out in parts of some thousand records. Each part is one transaction of Kafka's, and what it
came to is stored after the brokers have acknowledged it: a stop in between sends that part again. That does no harm: a
change is a whole row under its organization's key, and a dead letter carries its quarantine id. Of several relays one
has its turn (`relay_turn.py`); one that stood still meanwhile cannot send what has become old, since the next one's
transactions fence its own. A topic that was deleted is made again with its settings, and gets everything.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import psycopg
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from services.kafka.clients import Outage, connection_options, never_make_topics, producer_options
from services.kafka.identity import Identity, Topics
from services.kafka.pulse import Pulse
from services.kafka.relay_turn import LostTurnError, Stand, Turn, today
from services.kafka.sending import Sending
from services.ledger.ledger_stream import Change, Changes, Mark, changes, going_on
from services.ledger.queries import Queries
from services.system.logs import logger
from services.system.settings import SHANGHAI, Settings

POLL_S: Final = 0.5
# Changes in one part, at least, where so many are there: one transaction of Kafka's and one of the database's.
PART_MIN: Final = 10_000
DEAD_LETTERS_MAX: Final = 500
_DEAD_LETTERS: Final = """
SELECT id, raw, rules, reasons, source, event_id, topic, partition, intake
  FROM taizhang.quarantine WHERE id > %s ORDER BY id LIMIT %s
"""


class Relay:
    """One process's turns at publishing; of several, one at a time sends."""

    def __init__(
        self, settings: Settings, queries: Queries, stopping: threading.Event, *, from_start: bool = False
    ) -> None:
        self._settings = settings
        self._queries = queries
        self._stopping = stopping
        self._from_start = from_start
        self._kafka = Outage("Kafka")
        self._database = Outage("PostgreSQL")
        self.pulse = Pulse("relay", self._kafka, self._database)
        named = (settings.kafka_ledger_topic, settings.kafka_dead_letter_topic)
        self._topics = {topic for topic in named if topic is not None}
        owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._turn = Turn(settings.kafka_ledger_topic, owner)

    def run(self) -> None:
        """Relay until stopped, through outages of either side."""
        while not self._stopping.is_set() and not self._queries.view.loaded.wait(POLL_S):
            self.pulse.beat()
        while not self._stopping.is_set():
            try:
                if self._ours():
                    self._relay()
            except LostTurnError:
                logger().warning("another relay has taken over")
            except KafkaError as error:
                self._stopping.wait(self._kafka.begin(error))
            except psycopg.OperationalError as error:
                self._stopping.wait(self._database.begin(error))
            self._stopping.wait(POLL_S)
        with contextlib.suppress(psycopg.OperationalError), self._queries.connection() as connection:
            self._turn.leave(connection)

    def _ours(self) -> bool:
        with self._queries.connection() as connection:
            ours = self._turn.take(connection)
        self._database.end()
        self.pulse.beat()
        self.pulse.holds = int(ours)
        return ours

    @contextlib.contextmanager
    def _producer(self) -> Iterator[Sending]:
        """A producer that fences every relay before it; what it did not commit is undone."""
        named = {"transactional_id": f"taizhang-relay-{self._settings.kafka_ledger_topic}"}
        producer = KafkaProducer(**producer_options(self._settings, "taizhang-relay"), **named)
        try:
            never_make_topics(producer._metadata)  # noqa: SLF001 - it would not have our settings
            producer.init_transactions()
            yield Sending(producer, self._stopping)
        finally:
            producer.close(timeout=1)

    def _relay(self) -> None:
        self._ensure_topics()
        with self._producer() as sending, contextlib.closing(Topics(self._settings)) as topics:
            self._kafka.end()
            while not self._stopping.is_set():
                found = topics.identities(self._topics)
                if found.keys() != self._topics:
                    logger().warning("a topic is gone: it is made again", topics=sorted(self._topics - found.keys()))
                    self._ensure_topics()
                    self._stopping.wait(POLL_S)
                    continue
                if not self._ours():
                    raise LostTurnError
                sent = self._ledger(sending, topics, found[self._settings.kafka_ledger_topic])
                dead_letters = self._settings.kafka_dead_letter_topic
                if dead_letters is not None:
                    sent += self._dead_letters(sending, dead_letters, found[dead_letters])
                self._from_start = False
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

    def _ledger(self, sending: Sending, topics: Topics, identity: Identity) -> int:
        """Send the ledger's changes up to now, a part at a time; how many there were."""
        topic = self._settings.kafka_ledger_topic
        with self._queries.connection() as connection:
            stand = self._turn.stand(connection, topic, "ledger", identity)
            as_of = today(connection, datetime.now(UTC).astimezone(SHANGHAI).date())
        if self._from_start:
            # Of no known version: everything is sent, and a null for whatever is no longer active.
            stand = Stand(stand.mark._replace(version=""))
        found, since = self._transfer(stand, as_of)
        if found.mark == since:
            return 0
        began, total, headers = time.monotonic(), 0, _ledger_headers(found.mark)
        for upto, part in _gathered(found):
            if self._stopping.is_set():
                return total
            for change in part:
                value = None if change.row is None else orjson.dumps(change.as_json(found.mark))
                sending.send(topic, change.org.encode(), value, headers)
            total += (committed := sending.commit())
            self.pulse.records += committed
            self.pulse.beat()
            if topics.identities([topic]).get(topic) != identity:
                return total  # it was deleted meanwhile: what it got is not stored
            self._keep(identity, Stand(since, found.mark, upto), len(part))
        self._keep(identity, Stand(found.mark), 0)
        seconds = round(time.monotonic() - began, 3)
        logger().debug("relayed", topic=topic, changes=total, mark=str(found.mark), seconds=seconds)
        return max(total, 1)

    def _keep(self, identity: Identity, stand: Stand, sent: int) -> None:
        with self._queries.connection() as connection:
            self._turn.store(connection, self._settings.kafka_ledger_topic, "ledger", identity, stand, sent)

    def _transfer(self, stand: Stand, as_of: Any) -> tuple[Changes, Mark]:  # noqa: ANN401
        """What is to be sent and since when: the rest of what was under way, or what came since the last mark."""
        if stand.toward is None:
            found, since = changes(self._queries, stand.mark, as_of), stand.mark
        else:
            rest = going_on(self._queries, stand.mark, stand.toward, stand.done_to)
            if rest is not None:
                logger().info("the relay goes on where it stood", mark=str(stand.toward), organization=stand.done_to)
                return rest, stand.mark
            # Some rows went out by the version of that way, others by the one before: none of them is relied on.
            since = stand.mark._replace(version="")
            found = changes(self._queries, since, as_of)
        if found.anew is not None:
            version = found.anew.version
            logger().info(
                "another version is relayed", version=found.mark.version, rules=version.ruleset, whole=found.is_whole
            )
        return found, since

    def _dead_letters(self, sending: Sending, topic: str, identity: Identity) -> int:
        with self._queries.connection() as connection:
            stand = self._turn.stand(connection, topic, "dead_letter", identity)
            since = 0 if self._from_start else stand.mark.position
            with connection.transaction():
                rows = connection.execute(_DEAD_LETTERS, (since, DEAD_LETTERS_MAX)).fetchall()
        for number, raw, rules, reasons, source, event_id, *_, intake in rows:
            headers = {
                "quarantine_id": str(number), "rules": ",".join(rules), "source": source, "id": event_id,
                "reasons": orjson.dumps(reasons).decode(), "intake": orjson.dumps(intake).decode(),
            }  # fmt: skip
            sending.send(topic, str(number).encode(), bytes(raw), _headers(headers))
        if rows:
            self.pulse.records += sending.commit()
            reached = Stand(Mark.beginning()._replace(position=rows[-1][0]))
            with self._queries.connection() as connection:
                self._turn.store(connection, topic, "dead_letter", identity, reached, len(rows))
        return len(rows)


def _gathered(found: Changes) -> Iterator[tuple[int, list[Change]]]:
    """The parts, several together where they are small: up to which organization, and the changes."""
    upto, gathered = 0, list[Change]()
    for part in found.parts:
        upto = part.upto
        gathered += part.changes
        if len(gathered) >= PART_MIN:
            yield upto, gathered
            gathered = []
    if gathered:
        yield upto, gathered


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
