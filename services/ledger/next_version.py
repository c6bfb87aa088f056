"""The version that is about to take the place of the one in use, loaded before it does.

Memory is bounded: the cube that was asked for longest ago goes first.

So that readers need not wait for millions of rows at the moment of the swap, nor for the cubes over them.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import psycopg
from psycopg import Connection, IsolationLevel

from domain.ledger.policy import DEFAULT_POLICY
from domain.ledger.rates import ANY, Counts, Key
from projections.ledger.columns.columns import Columns, Snapshot
from projections.ledger.columns.cubes import BLOCK, Cube, Shape, covers, narrowed
from projections.ledger.columns.rows import LedgerReading
from services.ledger import versions
from services.postgres.database import connect
from services.system.logs import logger

# All cubes together; a cube that would not fit alone is not built.
BYTES_MAX: Final = 256 << 20
# A scan of this many entries is as quick as a cube.
ENTRIES_MIN: Final = 64 * BLOCK
# A shape is worth a cube from its second question on; shapes asked for once are soon forgotten.
ASKED_MIN: Final = 2
ASKED_SHAPES_MAX: Final = 1_000
# A cube of more groups answers slower than a cube of the question's own would.
GROUPS_MAX: Final = 500
ALWAYS: Final = ((), ("kind",), ("kind", "region:6"))


class CubeShelf:
    """The cubes over the columns of one version of the projection."""

    def __init__(self, shapes: Iterable[Shape] = ()) -> None:
        """Make an empty shelf; `shapes` are wanted from the beginning, beside those that always are."""
        self._cubes: dict[Shape, Cube] = {}
        self._asked: dict[Shape, int] = {}
        self._used: dict[Shape, float] = {}
        self._refused: set[Shape] = set()
        self._snapshot: Snapshot | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cubes", daemon=True)
        for shape in (*(Shape(group_by, ANY, DEFAULT_POLICY) for group_by in ALWAYS), *shapes):
            self._asked[shape] = ASKED_MIN

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the cubes at hand."""
        return list(self._cubes)

    def start(self) -> None:
        """Begin to build."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def grow(self, snapshot: Snapshot) -> None:
        """Let the cubes follow the columns."""
        self._snapshot = snapshot
        self._wake.set()

    def counts(self, snapshot: Snapshot, shape: Shape, day: int, known_at: int) -> dict[Key, Counts] | None:
        """The counts by a cube, its own or one that covers it, or None where there is none yet."""
        cube = self._cubes.get(shape) or self._covering(shape)
        if cube is not None:
            self._used[cube.shape] = time.monotonic()
            found = cube.counts(snapshot, day, known_at)
            return found if cube.shape == shape else narrowed(found, cube.shape, shape)
        if len(snapshot.entries["position"]) >= ENTRIES_MIN:
            self._ask(shape)
        return None

    def _covering(self, shape: Shape) -> Cube | None:
        """The smallest cube that covers a shape, of those that are quick enough to be asked in its place."""
        able = [each for each in list(self._cubes.values()) if each.groups <= GROUPS_MAX and covers(each.shape, shape)]
        return min(able, key=lambda each: each.groups, default=None)

    def _ask(self, shape: Shape) -> None:
        asked = self._asked.get(shape, 0) + 1
        self._asked[shape] = asked
        if asked >= ASKED_MIN:
            self._wake.set()
        elif len(self._asked) > ASKED_SHAPES_MAX:
            self._asked = {s: n for s, n in self._asked.items() if n >= ASKED_MIN}

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            snapshot = self._snapshot
            if snapshot is not None and len(snapshot.entries["position"]) >= ENTRIES_MIN:
                self._tend(snapshot)

    def _tend(self, snapshot: Snapshot) -> None:
        for cube in list(self._cubes.values()):
            self._complete(cube, snapshot)
        wanted = [s for s, n in list(self._asked.items()) if n >= ASKED_MIN and s not in self._cubes]
        for shape in wanted:
            if shape in self._refused:
                continue
            began = time.monotonic()
            cube = Cube(shape)
            if self._complete(cube, snapshot):
                self._used[shape] = time.monotonic()
                self._cubes[shape] = cube
                took = round(time.monotonic() - began, 2)
                logger().info("cube built", group_by=shape.group_by, mib=cube.size_bytes >> 20, seconds=took)
                self._shed(shape)
            else:
                self._refused.add(shape)

    def _complete(self, cube: Cube, snapshot: Snapshot) -> bool:
        """Extend to the last whole block; whether the cube stayed within the memory of all."""
        blocks = len(snapshot.entries["position"]) // BLOCK
        while cube.blocks < blocks and not self._stopping.is_set():
            cube.extend(snapshot)
            if cube.size_bytes > BYTES_MAX:
                return False
        return True

    def _shed(self, newest: Shape) -> None:
        """Give up the cubes not asked for longest, until all fit; never the newest."""
        while sum(c.size_bytes for c in self._cubes.values()) > BYTES_MAX:
            oldest = min((s for s in self._cubes if s != newest), key=lambda s: self._used[s], default=None)
            if oldest is None:
                return
            del self._cubes[oldest]
            self._asked.pop(oldest, None)


# A version that lacks no more than these is about to be swapped. An earlier start would only hold memory longer.
NEARLY_EVENTS: Final = 20_000
LOOK_S: Final = 1.0


class NextLedger:
    """Follows the version that is being built, once it has nearly caught up, in a thread of its own."""

    def __init__(self, conninfo: str, shapes: Callable[[], list[Shape]], *, cubes: bool) -> None:
        """Look in this database; `shapes` tells which cubes the version in use has, `cubes` whether any are built."""
        self._conninfo = conninfo
        self._shapes = shapes
        self._cubed = cubes
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._columns, self._cubes = Columns(), CubeShelf()
        self._thread = threading.Thread(target=self._run, name="ledger-next", daemon=True)

    def start(self) -> None:
        """Begin to look for a version that is being built."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()
        self._cubes.close()

    def take(self, number: int) -> tuple[Columns, CubeShelf]:
        """What is loaded of a version, and the cubes over it, handed over; empty ones if it is not this one."""
        with self._lock:
            if number != self._number:
                self._forget()
                self._begin(number)
            taken = self._columns, self._cubes
            self._number, self._columns, self._cubes = 0, Columns(), CubeShelf()
        return taken

    def _begin(self, number: int) -> None:
        self._number, self._columns, self._cubes = number, Columns(), CubeShelf(self._shapes())
        if self._cubed:
            self._cubes.start()

    def _forget(self) -> None:
        self._cubes.close()
        self._number, self._columns, self._cubes = 0, Columns(), CubeShelf()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._conninfo, "ledger-next") as connection:
                    connection.isolation_level = IsolationLevel.REPEATABLE_READ
                    while not self._stopping.wait(LOOK_S):
                        self._load(connection)
            except psycopg.Error as error:
                # Only time is lost: what is not loaded ahead is loaded at the swap.
                logger().debug("next ledger version not loaded ahead", fault=type(error).__name__)
                self._stopping.wait(LOOK_S)

    def _load(self, connection: Connection[Any]) -> None:
        while not self._stopping.is_set() and self._load_part(connection):
            pass

    def _load_part(self, connection: Connection[Any]) -> bool:
        """Load some of what is to be loaded, by a short transaction; whether there may be more."""
        with self._lock, connection.transaction(), connection.cursor() as cursor:
            used, building = versions.in_use(cursor), versions.building(cursor)
            if used is not None and used.number == self._number:
                return False  # it has just taken its place, and the reader is about to take what is loaded
            if used is None or not building or used.position - building[0].position > NEARLY_EVENTS:
                self._forget()
                return False
            if building[0].number != self._number:
                self._forget()
                self._begin(building[0].number)
            more = LedgerReading(building[0].tables.schema).grow(cursor, self._columns)
            if not more:
                self._cubes.grow(self._columns.snapshot(building[0].position))
        return more
