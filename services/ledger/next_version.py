"""The version that is about to take the place of the one in use, loaded before it does.

So that readers need not wait for millions of rows at the moment of the swap, nor for the cubes over them.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg import Connection, IsolationLevel

from projections.ledger.columns.columns import Columns
from projections.ledger.columns.cubes import Shape
from projections.ledger.columns.rows import LedgerReading
from services.ledger import versions
from services.ledger.cube_cache import CubeShelf
from services.postgres.database import connect
from services.system.logs import logger

# A version that lacks no more than these is about to be swapped. An earlier start would only hold memory longer.
NEARLY_EVENTS: Final = 20_000
LOOK_S: Final = 1.0


class NextLedger:
    """Follows the version that is being built, once it has nearly caught up, in a thread of its own."""

    def __init__(self, conninfo: str, shapes: Callable[[], list[Shape]]) -> None:
        """Look in this database; `shapes` tells which cubes the version in use has."""
        self._conninfo = conninfo
        self._shapes = shapes
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
        with self._lock, connection.transaction(), connection.cursor() as cursor:
            used, building = versions.in_use(cursor), versions.building(cursor)
            if used is not None and used.number == self._number:
                return  # it has just taken its place, and the reader is about to take what is loaded
            if used is None or not building or used.position - building[0].position > NEARLY_EVENTS:
                self._forget()
                return
            if building[0].number != self._number:
                self._forget()
                self._begin(building[0].number)
            LedgerReading(building[0].tables.schema).grow(cursor, self._columns)
            self._cubes.grow(self._columns.snapshot(building[0].position))
