"""`taizhang reminders`: what is due soon or overdue, on a topic of Kafka, each reminder once.

What was sent is remembered after the brokers have acknowledged it, a part at a time. A stop in between sends that part
again, under the same ids; whoever reads the topic can leave out an id that it has.
"""

import contextlib
import logging
from datetime import date
from typing import Any, Final

import psycopg
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from domain.ledger.rates import ANY
from services.fieldwork.reminders import Reminder, note_told, reminders, untold
from services.kafka.clients import connection_options, producer_options
from services.kafka.publishing import HEADERS, NotPublishedError
from services.ledger.queries import Queries
from services.postgres.chores import noted
from services.serving.serving import database
from services.system.errors import TaizhangError
from services.system.settings import Settings

PARTITIONS: Final = 8
SENT_AT_ONCE: Final = 1_000
FLUSH_TIMEOUT_S: Final = 60
LOADED_TIMEOUT_S: Final = 120
# Of several that run at once, one tells and the others wait; then nothing is left for them.
_LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('taizhang reminders ' || %s, 0))"


def tell(settings: Settings, as_of: date) -> tuple[int, int]:
    """Send the reminders of a date that were not sent yet: how many there are, and how many of them were sent.

    Raises:
        KafkaSettingsError: no brokers are named.
        NotPublishedError: the brokers did not take them; what they took is remembered.
        TaizhangError: the database cannot be used, or no projection is there.
    """
    connection_options(settings)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    with (
        database(settings) as ready,
        noted(ready.conninfo, "reminders") as run,
        Queries.open(ready.conninfo, cubes=False) as queries,
    ):
        if not queries.view.loaded.wait(LOADED_TIMEOUT_S):
            raise TaizhangError("the ledger is not projected yet; start `taizhang serve` on this database first")
        with psycopg.connect(ready.conninfo, autocommit=True) as connection:
            connection.execute(_LOCK, (settings.kafka_reminder_topic,))
            pinned = queries.pinned()
            found = reminders(pinned, as_of, pinned.view.current.snapshot.position, ANY)
            left = untold(connection, settings.kafka_reminder_topic, found)
            if left:
                _send(settings, connection, left)
            run.done = len(left)
    return len(found), len(left)


def _send(settings: Settings, connection: psycopg.Connection[Any], left: list[Reminder]) -> None:
    topic = settings.kafka_reminder_topic
    sent = 0
    try:
        admin = KafkaAdminClient(**connection_options(settings))
        with contextlib.closing(admin), contextlib.suppress(TopicAlreadyExistsError):
            admin.create_topics([NewTopic(topic, PARTITIONS, -1)])
        with contextlib.closing(KafkaProducer(**producer_options(settings, "taizhang-reminders"))) as producer:
            for first in range(0, len(left), SENT_AT_ONCE):
                part = left[first : first + SENT_AT_ONCE]
                for future in [
                    producer.send(topic, key=each.key.encode(), value=each.event, headers=HEADERS) for each in part
                ]:
                    future.get(timeout=FLUSH_TIMEOUT_S)
                note_told(connection, topic, part)
                sent += len(part)
    except KafkaError as error:
        raise NotPublishedError(
            f"topic {topic} took {sent} of {len(left)} reminders and then no more ({error}); run the command again"
        ) from error
