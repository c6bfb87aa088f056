"""`taizhang notify`: finds what offices are to be told, and sends it on every channel, until stopped.

What is to be told follows from the ledger; what was told stands in the outbox. A process that is killed, at whatever
moment, leaves there what was not noted as taken: the next one sends it under the same id. Of several processes each
channel has one, by a lock that ends with its connection.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg
from psycopg import Connection

from services.ledger.queries import Queries
from services.notices import outbox
from services.notices.channels import Channel, channels
from services.notices.delivery import Delivery
from services.notices.occasions import occasions
from services.notices.sender import Sender
from services.postgres.database import connect
from services.serving.serving import database, stopped_by_signals
from services.system.logs import logger
from services.system.settings import SHANGHAI, Settings

POLL_S: Final = 0.5
COLLECT_S: Final = 5.0
AWAY_S: Final = 5.0
# What a look at the ledger takes of the time between two.
COLLECT_SHARE: Final = 10
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('taizhang notify ' || %s, 0))"
_LAST_SET_ASIDE: Final = "SELECT coalesce(max(id), 0) FROM taizhang.quarantine"


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def notify(settings: Settings, as_of: date | None, clock: Callable[[], datetime] = utc_now) -> None:
    """Send notices until SIGTERM or SIGINT, through outages of the database and of every receiver.

    Args:
        settings: they name the file of channels.
        as_of: the date at whose end the ledger is looked at; None: today by `clock`, in Asia/Shanghai.
        clock: by what attempts are counted and what is signed is dated.

    Raises:
        ChannelsError: the file of channels, or a secret, cannot be used.
        TaizhangError: the database cannot be used.
    """
    found = channels(settings)
    with (
        stopped_by_signals(),
        database(settings) as ready,
        Queries.open(ready.conninfo, cubes=False) as queries,
    ):
        Worker(ready, queries, found, as_of, clock).run()


class Worker:
    """One process's threads: one that looks at the ledger, and one for each channel."""

    def __init__(
        self, settings: Settings, queries: Queries, found: list[Channel], as_of: date | None,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._settings, self._queries, self._channels = settings, queries, found
        self._as_of, self._clock = as_of, clock
        self._stopping = threading.Event()

    def run(self) -> None:
        """Go on until the thread that calls is told to stop."""
        threads = [
            threading.Thread(target=self._sending, args=(each,), name=f"notify-{each.name}") for each in self._channels
        ]
        logger().info("notifying", channels=[each.name for each in self._channels])
        try:
            for each in threads:
                each.start()
            self._collecting()
        finally:
            self._stopping.set()
            for each in threads:
                each.join()

    def _collecting(self) -> None:
        while not self._queries.view.loaded.wait(POLL_S):
            pass
        known: tuple[object, ...] = ()
        while True:
            began = time.monotonic()
            try:
                with connect(self._settings.conninfo, "notify") as connection:
                    known = self._collected(connection, known)
            except psycopg.OperationalError as error:
                logger().warning("PostgreSQL is away", retry_in_s=AWAY_S, error=str(error))
            time.sleep(max(COLLECT_S, COLLECT_SHARE * (time.monotonic() - began)))

    def _collected(self, connection: Connection[Any], known: tuple[object, ...]) -> tuple[object, ...]:
        """Look at the ledger, where anything came since; what it was looked at by."""
        pinned = self._queries.pinned()
        position = pinned.view.current.snapshot.position
        day = self._as_of or self._clock().astimezone(SHANGHAI).date()
        row = connection.execute(_LAST_SET_ASIDE).fetchone()
        begun = [each.name for each in outbox.standings(connection) if each.began_at is not None]
        now = (position, pinned.view.current.version.number, day, row, begun)
        if now == known:
            return known
        found = occasions(pinned, day, position)
        for channel in self._channels:
            of_channel = [each for each in found if channel.is_for(each.office)]
            added, held = outbox.collect(connection, channel.name, of_channel, position, self._clock())
            if added:
                logger().info("notices found", channel=channel.name, number=added, held=held, position=position)
        return (*now[:-1], sorted({*begun, *(each.name for each in self._channels)}))

    def _sending(self, channel: Channel) -> None:
        with Delivery(channel, self._settings.public_url, self._clock) as delivery:
            while not self._stopping.is_set():
                try:
                    with connect(self._settings.conninfo, "notify") as connection:
                        self._in_turn(connection, channel, delivery)
                except psycopg.OperationalError as error:
                    logger().warning("PostgreSQL is away", channel=channel.name, error=str(error))
                except Exception:  # noqa: BLE001 - see below
                    # What one channel stumbles over keeps no other from sending; it is tried again.
                    logger().exception("a channel failed", channel=channel.name)
                self._stopping.wait(AWAY_S)

    def _in_turn(self, connection: Connection[Any], channel: Channel, delivery: Delivery) -> None:
        """Send while the channel is ours; the lock ends with the connection, without which nothing is begun."""
        if connection.execute(_LOCK, (channel.name,)).fetchone() != (True,):
            return
        sender = Sender(channel, delivery, self._clock, self._stopping)
        while not self._stopping.is_set():
            sender.turn(connection)
            self._stopping.wait(POLL_S)
