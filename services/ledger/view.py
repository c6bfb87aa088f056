"""The ledger in memory: the columns of the version in use, kept up to date by a thread of its own."""

import hashlib
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import Connection, Cursor, IsolationLevel

from projections.ledger.bridge import UnreadableError, bridge
from projections.ledger.columns.columns import Columns, Snapshot
from projections.ledger.columns.rows import LedgerReading
from services.ledger import releases, versions
from services.ledger.next_version import CubeShelf, NextLedger
from services.ledger.ruleset import rules, ruleset
from services.ledger.versions import CHANNEL, Version
from services.postgres.database import connect
from services.system.logs import logger

BACK_OFF_S: Final = 0.5
LOOK_S: Final = 2.0
# Digits of a hash that a label has.
_LABEL: Final = 12


class Lease:
    """As long as this lives, the tables of a version are not dropped: every view of that version has it."""

    __slots__ = ("__weakref__", "number")

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass(frozen=True, slots=True)
class View:
    """What one answer is read from: one version's tables and its columns at one position."""

    version: Version
    reading: LedgerReading
    snapshot: Snapshot
    cubes: CubeShelf
    lease: Lease

    @property
    def label(self) -> str:
        """What marks and cursors name: the version's number, and the rules that made and that read it as one hash."""
        return label_of(self.version)

    @property
    def read_by(self) -> str | None:
        """The rules by which this program reads rows that other rules made; None where both are the same there."""
        return None if self.version.reading == rules().reading else ruleset()


def label_of(version: Version) -> str:
    """The label of a version's views in this process."""
    made_and_read = f"{version.ruleset} {rules().reading}".encode()
    return f"{version.number}.{hashlib.sha256(made_and_read).hexdigest()[:_LABEL]}"


class PinnedView:
    """One view that stays, for one answer from its first read to its last, whatever is put in use meanwhile."""

    def __init__(self, live: "LedgerView | PinnedView") -> None:
        # Whether a figure that was asked of it is of a single organization, which is then read as by its name.
        self.told_of_one = False
        self.live: LedgerView = live.live
        self.current: View = live.current
        self.loaded = self.live.loaded

    @property
    def fault(self) -> str | None:
        """Why the view that goes on cannot be trusted to do so; None while all is well."""
        return self.live.fault

    @property
    def position(self) -> int:
        """The position up to which answers are complete."""
        return self.current.snapshot.position

    def renew(self) -> None:
        """Begin anew from what is in use: for who waited, and has read nothing of the answer yet."""
        self.current = self.live.current


class LedgerView:
    """Follows the version in use; `current` is replaced whole, so that a reader sees one state."""

    def __init__(self, conninfo: str, *, cubes: bool = True) -> None:
        """Follow it in this database; `cubes` are for who is asked for rates, and cost who is not a core's time."""
        self._conninfo = conninfo
        self._stopping = threading.Event()
        # What is loaded: of the version in use, or of the one that is about to be.
        self._number, self._columns, self._cubes = 0, Columns(), CubeShelf()
        nothing = Version(0, 0, *rules())
        self.current = View(nothing, LedgerReading("ledger_0"), self._columns.snapshot(0), self._cubes, Lease(0))
        # The versions whose tables this process holds.
        self._leases: dict[int, weakref.ref[Lease]] = {}
        self._bridged = 0
        self.loaded = threading.Event()
        self.fault: str | None = "not loaded yet"
        self._next = NextLedger(conninfo, lambda: self.current.cubes.shapes, cubes=cubes)
        self._thread = threading.Thread(target=self._run, name="ledger-view", daemon=True)

    @property
    def live(self) -> "LedgerView":
        """Itself: the view that goes on."""
        return self

    def renew(self) -> None:
        """Nothing to do: it goes on by itself."""

    def start(self) -> None:
        """Begin to follow."""
        self._next.start()
        self._thread.start()

    def close(self) -> None:
        """End the threads."""
        self._stopping.set()
        self._next.close()
        self._thread.join()
        self.current.cubes.close()
        self._cubes.close()

    @property
    def position(self) -> int:
        """The position up to which answers are complete."""
        return self.current.snapshot.position

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._conninfo, "ledger-view") as connection:
                    connection.isolation_level = IsolationLevel.REPEATABLE_READ
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._follow(connection)
            except (psycopg.Error, UnreadableError) as error:
                self.fault = _fault(error)
                logger().warning("ledger view interrupted", fault=type(error).__name__, retry_in_s=BACK_OFF_S)
                self._stopping.wait(BACK_OFF_S)

    def _follow(self, connection: Connection[Any]) -> None:
        for number in self._leases:
            versions.hold(connection, number)
        while not self._stopping.is_set():
            began = time.monotonic()
            if self._catch_up(connection):
                logger().debug("ledger view", position=self.position, seconds=round(time.monotonic() - began, 3))
            if self._stopping.is_set():
                return  # it may have been told so in the midst of loading
            self.fault = None
            self.loaded.set()
            self._let_go(connection)
            for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                break

    def _catch_up(self, connection: Connection[Any]) -> bool:
        """Grow the columns to what is committed, by short transactions; anew where another version is in use."""
        shown = self.current.version
        while not self._stopping.is_set():
            with connection.transaction(), connection.cursor() as cursor:
                version = versions.in_use(cursor)
                if version is None or (version.number, version.position) == (shown.number, shown.position):
                    return False
                is_other = version.number != self._number
                lacks = is_other and self._lacks(cursor, version)
                if is_other and not lacks:
                    self._hold(connection, version.number)
                    self._begin(version.number)
                more = lacks or LedgerReading(version.tables.schema).grow(cursor, self._columns)
            if lacks:
                self._bridge(version)
            elif not more:
                self._show(version)
                return True
        return False

    def _begin(self, number: int) -> None:
        """Load another version from now on."""
        if self._cubes is not self.current.cubes:
            self._cubes.close()  # of one that was followed by this one before it was loaded
        self._columns, self._cubes = self._next.take(number)
        self._number = number

    def _show(self, version: Version) -> None:
        """Answer from what is loaded from now on; it is the version at its position."""
        view = self.current
        same = version.number == view.version.number
        snapshot = self._columns.snapshot(version.position)
        lease = view.lease if same else Lease(version.number)
        self._leases[version.number] = weakref.ref(lease)
        reading = LedgerReading(version.tables.schema)
        self.current = View(version, reading, snapshot, self._cubes, lease)
        self._cubes.grow(snapshot)
        if not same:
            view.cubes.close()

    def _lacks(self, cursor: Cursor[Any], version: Version) -> bool:
        """Whether tables of a release before may lack what this one asks for."""
        return (
            version.number != self._bridged
            and version.tables_hash != rules().tables
            and releases.is_upgrade(cursor, version)
        )

    def _bridge(self, version: Version) -> None:
        """Make the tables of a release before readable, once."""
        with connect(self._conninfo, "ledger-bridge") as other, other.transaction(), other.cursor() as cursor:
            bridge(cursor, version.tables)
        self._bridged = version.number

    def _hold(self, connection: Connection[Any], number: int) -> None:
        if number not in self._leases:
            versions.hold(connection, number)
            self._leases[number] = weakref.ref(Lease(number))  # until the view is made

    def _let_go(self, connection: Connection[Any]) -> None:
        for number in [number for number, lease in self._leases.items() if lease() is None]:
            versions.let_go(connection, number)
            del self._leases[number]


def _fault(error: Exception) -> str:
    if isinstance(error, psycopg.OperationalError):
        return f"the database is away ({type(error).__name__})"
    return (
        "the ledger's tables in use were made by another release and cannot be read by this one "
        f"({str(error).splitlines()[0]}); a rebuild by this release, or its end, ends this"
    )


def first_day(view: View) -> int | None:
    """The earliest day on which the ledger's rows begin, as an ordinal; None while there is none."""
    days = view.snapshot.entries["day_from"]
    return int(days.min()) if len(days) else None


def last_day(view: View) -> int | None:
    """The latest day on which a row begins, as an ordinal: after it all stays as it is. None while there is none."""
    days = view.snapshot.entries["day_from"]
    return int(days.max()) if len(days) else None
