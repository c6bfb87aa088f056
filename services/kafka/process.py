"""The processes of `taizhang ingest` and `taizhang relay`: settings, database, and a stop in good order."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

import psycopg

from services.intake.intake import Intake
from services.kafka.clients import DATABASE_AWAY, Outage, connection_options
from services.kafka.ingest import Ingest
from services.kafka.pulse import answering
from services.kafka.reader import Reader
from services.kafka.relay import Relay
from services.ledger.queries import Queries
from services.serving import ending
from services.serving.serving import database
from services.system.logs import logger
from services.system.settings import Settings

APPLICATION: Final = "ingest"


def relay(settings: Settings, *, from_start: bool = False) -> None:
    """Publish the ledger's changes until SIGTERM or SIGINT; the whole ledger first, where `from_start` says so.

    Raises:
        KafkaSettingsError: no brokers are named.
        TaizhangError: the database cannot be used.
    """
    connection_options(settings)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    stopping = threading.Event()
    with (
        _stopped_by_signals(stopping),
        database(settings) as ready,
        Queries.open(ready.conninfo, cubes=False) as queries,
    ):
        logger().info("relaying", ledger=ready.kafka_ledger_topic, dead_letters=ready.kafka_dead_letter_topic)
        relaying = Relay(ready, queries, stopping, from_start=from_start)
        with answering(settings, relaying.pulse):
            relaying.run()
        logger().info("stopped")


def run(settings: Settings) -> None:
    """Ingest until SIGTERM or SIGINT, through outages of Kafka and of PostgreSQL.

    Raises:
        KafkaSettingsError: no brokers are named.
        TaizhangError: the database cannot be used, whether it answers or not.
    """
    connection_options(settings)  # what is wrong there is told before anything starts
    # The client tells of every lost connection and every attempt; what matters of it is told once, in our own words.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    stopping = threading.Event()
    with _stopped_by_signals(stopping), contextlib.ExitStack() as stack:
        intake = open_intake(stack, settings, stopping)
        if intake is None:
            return
        owner = f"{socket.gethostname()}-{os.getpid()}"
        logger().info("ingesting", topics=settings.kafka_topics, group=settings.kafka_group, owner=owner)
        ingest = Ingest(intake, lambda: Reader(settings, owner), owner, stopping)
        with answering(settings, ingest.pulse):
            ingest.run()
        logger().info("stopped")


@contextlib.contextmanager
def _stopped_by_signals(stopping: threading.Event) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        ending.begin()
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_intake(stack: contextlib.ExitStack, settings: Settings, stopping: threading.Event) -> Intake | None:
    """The intake of a database that answers, closed by `stack`; None if stopped before it did."""
    away = Outage("PostgreSQL")
    while not stopping.is_set():
        try:
            with contextlib.ExitStack() as opening:
                ready = opening.enter_context(database(settings))
                intake = Intake.open(ready.conninfo, APPLICATION)
                opening.callback(intake.close)
                stack.push(opening.pop_all())
        except (psycopg.OperationalError, *DATABASE_AWAY) as error:
            stopping.wait(away.begin(error))
        else:
            away.end()
            return intake
    return None
