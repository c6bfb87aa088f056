"""A new version of the ledger projection, built from the log alone beside the one in use, and swapped for it.

The version in use is left to the projector; nobody but the holder of the rebuild's lock touches the one that is
being built. Its tables are bound to a position at every moment, so one that was cut off goes on where it stands.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Connection

from services.ledger import bulk_build, releases, versions
from services.ledger.projector import Projector
from services.ledger.ruleset import rules
from services.ledger.versions import Version
from services.system.errors import TaizhangError
from services.system.logs import logger

# One rebuild at a time: any number, as long as no other advisory lock of the database has it.
_LOCK: Final = 0x7461697A52454255
# The server may need a moment to see that the holder of the lock was killed.
LOCK_WAIT_S_MAX: Final = 3.0
LOCK_LOOK_S: Final = 0.1
# Versions that are no longer in use but still there, to tell a consumer what differs (`ledger_stream.py`). Older
# ones stay as long as an answer under way is read from them.
RETIRED_KEPT: Final = 1
# A version that lacks no more than these is as good as caught up: one batch more, and it may take its place.
SWAP_EVENTS_MAX: Final = 1_000
# Larger than live batches: a record that many events change is written less often.
BATCH_EVENTS: Final = 10_000
# A shorter log is projected before the process that reads ahead has started.
AT_ONCE_EVENTS_MIN: Final = 50_000
# What PostgreSQL may take for sorting an index's keys.
INDEX_MEMORY: Final = "128MB"

_HEAD: Final = "SELECT coalesce(max(notification_id), 0) FROM taizhang.log"
_HELD: Final = "SELECT count(*) FROM taizhang.projection_held WHERE version = %s"

# Called with the position reached and the log's last position.
Progress = Callable[[int, int], None]


class RebuildRunningError(TaizhangError):
    """Another process rebuilds the projection."""


class NotDueError(TaizhangError):
    """The rebuild that was due is not so any more: another program has seen to it."""


class Rebuilt(NamedTuple):
    """A version that has taken the place of the one in use.

    Attributes:
        version: the new one, in use now.
        resumed_at: the position at which it went on; 0 if it began anew.
        held: events that could not be applied, with those that wait behind them.
    """

    version: Version
    resumed_at: int
    held: int


def rebuild(connection: Connection[Any], progress: Progress, *, if_due: bool = False) -> Rebuilt:
    """Build, or go on building, a new version until it has caught up, and put it in use.

    Args:
        connection: to the database.
        progress: told how far it is.
        if_due: build only where the rules of this program are to take the place of those in use (releases.py).

    Raises:
        RebuildRunningError: another process is at it.
        NotDueError: `if_due`, and it is not, or no longer.
        psycopg.Error: the database is away; called again, it goes on.
    """
    with _turn(connection):
        if if_due:
            _require_due(connection)
        version = _begin(connection)
        logger().info("rebuild begins", version=version.number, position=version.position, ruleset=version.ruleset)
        with _without_collection():
            projector = Projector(connection, _from_nothing(connection, version, progress))
            _catch_up(connection, projector, progress)
            _index(connection, version)
            _catch_up(connection, projector, progress)
            if if_due:
                _require_due(connection)
            _swap(connection, projector)
        logger().info("rebuild in use", version=projector.version.number, position=projector.version.position)
        _drop_retired(connection)
        held = connection.execute(_HELD, (version.number,)).fetchone()
    return Rebuilt(projector.version, version.position, held[0] if held else 0)


def _require_due(connection: Connection[Any]) -> None:
    with connection.cursor() as cursor:
        used = versions.in_use(cursor)
    if not releases.is_due(connection, used):
        raise NotDueError(f"version {0 if used is None else used.number} stays in use: no rebuild is due")


def abandon(connection: Connection[Any]) -> int:
    """Drop what a rebuild that was cut off has left; give the number of versions dropped.

    Raises:
        RebuildRunningError: a rebuild is under way.
    """
    with _turn(connection), connection.transaction(), connection.cursor() as cursor:
        left = versions.building(cursor)
        for version in left:
            versions.drop(cursor, version.number)
    return len(left)


@contextmanager
def _turn(connection: Connection[Any]) -> Iterator[None]:
    """Be the only rebuild of this database."""
    deadline = time.monotonic() + LOCK_WAIT_S_MAX
    while connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise RebuildRunningError(
                "a rebuild of this database is under way in another process, and there is never more than one: "
                "let it end, or end that process, and call this again"
            )
        time.sleep(LOCK_LOOK_S)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _begin(connection: Connection[Any]) -> Version:
    """The version to go on with; a new one if there is none that was begun under these rules."""
    rules()  # before the transaction begins, as `versions.ensure`
    with connection.transaction(), connection.cursor() as cursor:
        found = None
        for version in versions.building(cursor):
            if found is None and version.is_own:
                found = version
            else:
                logger().info("unfinished version dropped", version=version.number, ruleset=version.ruleset)
                versions.drop(cursor, version.number)
        return found or versions.create(cursor, "building")


def _head(connection: Connection[Any]) -> int:
    row = connection.execute(_HEAD).fetchone()
    return row[0] if row else 0


def _from_nothing(connection: Connection[Any], version: Version, progress: Progress) -> Version:
    """Build a version that stands at the log's beginning all at once, where the log is long enough to gain by it.

    What cannot be built so is left to the projector, which holds an event that cannot be applied and goes on.
    """
    head = _head(connection)
    if version.position > 0 or head < AT_ONCE_EVENTS_MIN:
        return version
    stopped: list[BaseException] = []

    def reached(position: int) -> bool:
        try:
            progress(position, head)
        except BaseException as fault:  # noqa: BLE001 - raised again below, once what was built is kept
            stopped.append(fault)
        return bool(stopped)

    try:
        built = bulk_build.build(connection, version, head, reached)
    except psycopg.Error:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the projector meets it again
        logger().exception("not built at once; applying the log batch by batch", version=version.number)
        return version
    if stopped:
        raise stopped[0]
    return built


def _catch_up(connection: Connection[Any], projector: Projector, progress: Progress) -> None:
    """Apply the log until so little is missing that it can be swapped."""
    head = _head(connection)
    progress(projector.version.position, head)
    while head - projector.version.position > SWAP_EVENTS_MAX:
        projector.advance(BATCH_EVENTS)
        head = _head(connection)
        progress(projector.version.position, head)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Within: no search for reference cycles.

    The fold makes none, and a search walks through all records remembered: it took a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _index(connection: Connection[Any], version: Version) -> None:
    """Create the readers' indexes, in bulk: several times as fast as row by row.

    The tables are analyzed too: without that, readers would get plans for empty tables in the minute after the swap.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('maintenance_work_mem', %s, true)", (INDEX_MEMORY,))
        version.tables.index(cursor)
        version.tables.analyze(cursor)


def _swap(connection: Connection[Any], projector: Projector) -> None:
    """Apply the log to its end and take the place of the version in use; again, where that one has come further.

    No reader is ever taken back to an earlier position. Nothing is worked out while the version in use stands still:
    the server ends a transaction that stands idle, and under load a little work takes long.
    """
    while True:
        head = _head(connection)
        while projector.version.position < head and projector.advance(BATCH_EVENTS):
            pass
        with connection.transaction(), connection.cursor() as cursor:
            used = versions.stop(cursor)
            # One that is ahead of the log, whose end was cut off, need not be reached.
            due = head if used is None else min(used.position, _head(connection))
            if projector.version.position >= due:
                versions.swap(cursor, projector.version)
                return


def _drop_retired(connection: Connection[Any]) -> None:
    """Drop the retired versions but the newest, one by one; what a reader still holds is left to the next rebuild."""
    with connection.cursor() as cursor:
        retired = versions.retired(cursor)
    for number in retired[RETIRED_KEPT:]:
        dropped = False
        with (
            suppress(psycopg.errors.LockNotAvailable),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            dropped = versions.drop_unread(cursor, number)
        if not dropped:
            logger().warning("retired version still read, kept until the next rebuild", version=number)
