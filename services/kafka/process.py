"""The process of `taizhang ingest`: settings, database, the consumer, and a stop in good order."""

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

from services.intake import Intake
from services.kafka.clients import connection_options
from services.kafka.ingest import Ingest, Outage
from services.kafka.reader import Reader
from services.logs import logger
from services.serving import database
from services.settings import Settings

APPLICATION: Final = "ingest"


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
        ready = _database(stack, settings, stopping)
        if ready is None:
            return
        intake = Intake.open(ready.conninfo, APPLICATION)
        stack.callback(intake.close)
        owner = f"{socket.gethostname()}-{os.getpid()}"
        logger().info("ingesting", topics=ready.kafka_topics, group=ready.kafka_group, owner=owner)
        Ingest(intake, lambda: Reader(ready, owner), owner, stopping).run()
        logger().info("stopped")


@contextlib.contextmanager
def _stopped_by_signals(stopping: threading.Event) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _database(stack: contextlib.ExitStack, settings: Settings, stopping: threading.Event) -> Settings | None:
    """The settings with the address of a database that answers; None if stopped before it did."""
    away = Outage("PostgreSQL")
    while not stopping.is_set():
        try:
            ready = stack.enter_context(database(settings))
        except psycopg.OperationalError as error:
            stopping.wait(away.begin(error))
        else:
            away.end()
            return ready
    return None
