"""The projector: applies the log to the ledger projection, a batch at a time, for as long as it runs.

Rows, records and the position that they are bound to commit together. An event that cannot be
applied is held, and the later events of its entity wait behind it; the others go on.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

import psycopg
from psycopg import Connection

from domain.events.envelope import check_data
from domain.events.facts import Event
from projections.ledger.fold.fold import LedgerFold
from projections.ledger.fold.memory import LedgerMemory
from services.ledger import held, releases, versions
from services.ledger.ruleset import ruleset
from services.ledger.takeover import LOCK, application
from services.ledger.versions import Version
from services.log.reader import LogReader, is_readable
from services.log.recorder import CHANNEL as LOG_CHANNEL
from services.postgres.database import connect
from services.system.logs import logger
from services.system.settings import Settings
from services.system.supervision import Supervisor

BATCH_EVENTS_MAX: Final = 5_000
# A batch ends after this time too: a machine that is busy would else work on one for longer than the server lets a
# transaction stand idle, and on the same one again and again.
BATCH_S_MAX: Final = 3.0
BACK_OFF_S_MIN: Final = 0.5
BACK_OFF_S_MAX: Final = 30.0
# A notification may be lost with its connection; look by oneself this often.
LOOK_S: Final = 2.0
# The fold makes no reference cycles, and a search for them walks through all records remembered: search rarely.
COLLECTION: Final = (50_000, 20, 100)
# SQLSTATE class 54: a value is too large for an index, say.
_LIMIT_EXCEEDED: Final = "54"


def fits(type_: str, data: object) -> bool:
    """Whether a replacement fits a type."""
    return not check_data(type_, data)


class Projector:
    """Advances one version of the ledger projection."""

    def __init__(self, connection: Connection[Any], version: Version) -> None:
        self.version = version
        self._connection = connection
        self._log = LogReader(connection)
        self._held: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """Remember nothing; all is read from the tables anew."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            entry, attributes, org = self.version.tables.next_numbers(cursor)
            self._held = held.entities(cursor, self.version)
        self._memory = LedgerMemory(self.version.tables, self._log, org)
        self._fold = LedgerFold(self._memory, fits, entry, attributes)

    def advance(self, limit: int = BATCH_EVENTS_MAX) -> int:
        """Apply the next events, at most `limit` and no longer than BATCH_S_MAX; give how many there were."""
        try:
            return self._advance(limit)
        except versions.OvertakenError:
            raise
        except Exception as error:
            if _is_the_databases(error):
                raise
            # Whatever an event does to the fold: the database's faults and being overtaken went on above, and what is
            # left is found by applying one event at a time, which holds that event alone and names its fault.
            if limit == 1:
                raise
            logger().exception("batch failed; applying its events one by one", position=self.version.position)
        self._begin()
        return self._advance_singly(limit)

    def _advance_singly(self, limit: int) -> int:
        for done in range(limit):
            try:
                if self._advance(1) == 0:
                    return done
            except versions.OvertakenError:
                raise
            except Exception as error:
                if _is_the_databases(error):
                    raise
                # Whatever it is, it is recorded, and holds one entity only.
                self._begin()
                self._hold(self._log.after(self.version.position, 1)[0], repr(error))
        return limit

    def _advance(self, limit: int) -> int:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            versions.claim(cursor, self.version)
            batch = self._log.after(self.version.position, limit)
            if not batch:
                return 0
            self._memory.prefetch(cursor, list(filter(is_readable, batch)))
            begun = time.monotonic()
            for done, event in enumerate(batch, 1):  # noqa: B007 - how many were applied
                self._memory.now = event.position
                if not is_readable(event):
                    self._held.add(held.hold_unreadable(cursor, self.version, self._log, event))
                    logger().error("event held", position=event.position, fault="unreadable")
                elif self._held and (entity := held.entity_behind(event, self._memory)) in self._held:
                    held.hold(cursor, self.version, event.position, entity, held.WAITS)
                else:
                    self._fold.apply(event)
                if time.monotonic() - begun > BATCH_S_MAX:
                    break
            self._memory.save(cursor, self._fold.take())
            version = versions.advance(cursor, self.version, batch[done - 1].position)
        self._memory.settle()
        self.version = version
        return done

    def _hold(self, event: Event, fault: str) -> None:
        entity = held.entity_behind(event, self._memory)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            versions.claim(cursor, self.version)
            held.hold(cursor, self.version, event.position, entity, fault)
            self.version = versions.advance(cursor, self.version, event.position)
        self._held.add(entity)
        logger().error("event held", position=event.position, fault=type(fault).__name__)


def _is_the_databases(error: Exception) -> bool:
    """Whether a fault is the database's own, so that the same may succeed later, and not what an event does to it."""
    if not isinstance(error, psycopg.Error):
        return False
    of_values = isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(_LIMIT_EXCEEDED)
    return not of_values


class Follower:
    """Runs a projector until told to stop, through faults of the database."""

    def __init__(self, conninfo: str, rebuild: Callable[[], None]) -> None:
        """Follow the log of a database; `rebuild` is called again and again for as long as one is due."""
        self._conninfo = conninfo
        self._rebuild = rebuild
        self._told = 0
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let `run` end after the batch at hand."""
        self._stopping.set()

    def run(self) -> None:
        """Follow the log; after a fault of the database try again, ever later."""
        back_off = BACK_OFF_S_MIN
        while not self._stopping.is_set():
            try:
                with connect(self._conninfo, application(os.getpid())) as connection:
                    back_off = BACK_OFF_S_MIN
                    self._follow(connection)
            except (psycopg.Error, versions.OvertakenError) as error:
                logger().warning("projector interrupted", fault=type(error).__name__, retry_in_s=back_off)
                self._stopping.wait(back_off)
                back_off = min(back_off * 2, BACK_OFF_S_MAX)

    def _follow(self, connection: Connection[Any]) -> None:
        """Follow the version in use while this program's rules made it; build one of them where that is due."""
        connection.execute(f"LISTEN {LOG_CHANNEL}")
        releases.stand_by(connection)
        while not self._stopping.is_set():
            version = versions.ensure(connection)
            if version.is_own and self._take_turn(connection):
                try:
                    self._advance(connection, version)
                finally:
                    if not connection.broken:
                        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
            elif releases.is_due(connection, version):
                if self._told != version.number:
                    logger().warning("the rules have changed: rebuilding", made_by=version.ruleset, now=ruleset())
                    self._told = version.number
                self._rebuild()
                self._stopping.wait(LOOK_S)
            else:
                self._stopping.wait(LOOK_S)

    @staticmethod
    def _take_turn(connection: Connection[Any]) -> bool:
        return connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() == (True,)

    def _advance(self, connection: Connection[Any], version: Version) -> None:
        """Apply the log to a version until another takes its place."""
        logger().info("projector follows", version=version.number, position=version.position)
        projector = Projector(connection, version)
        while not self._stopping.is_set():
            try:
                if projector.advance() > 0:
                    continue
            except versions.RetiredError:
                return
            for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                break


class Rebuilding:
    """The rebuild that is due, in a child process: started again after a failure, and whenever one is due again."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._child: Supervisor | None = None

    def start(self) -> None:
        """Let it run; where it runs already, this changes nothing."""
        if self._child is None or self._child.done:
            self._child = Supervisor("rebuild", self._command, until_done=True)
            self._child.start()

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop()


def main(settings: Settings) -> None:
    """Run as a process of its own until SIGTERM; a rebuild that is due runs in a child process."""
    gc.set_threshold(*COLLECTION)
    command = [sys.executable, "-m", "services.commands.cli", "rebuild", "--if-due", "--parent", str(os.getpid())]
    rebuild = Rebuilding(command)
    follower = Follower(settings.conninfo, rebuild.start)
    numbers = (signal.SIGTERM, signal.SIGINT)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in numbers:  # one that is repeated must not break into the stopping
            signal.signal(each, signal.SIG_IGN)
        follower.stop()
        raise SystemExit(0)

    for number in numbers:
        signal.signal(number, stop)
    try:
        follower.run()
    finally:
        rebuild.stop()
