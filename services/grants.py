"""Access as the log has it: who was granted what; keys' hashes, never keys.

Read by type straight from the log, so that a revocation counts within REFRESH_S, whatever the projections do.
"""

import threading
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

import orjson
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from domain.access_events import GRANTED, REVOKED
from domain.grants import Grant, fold
from services.holders import Holder
from services.log_reader import LogReader
from services.settings import SHANGHAI

REFRESH_S: Final = 1.0
SOURCE: Final = "/taizhang/access"
_POSITIONS: Final = """
SELECT notification_id FROM taizhang.log
 WHERE topic IN ('taizhang.access.granted.v1', 'taizhang.access.revoked.v1') AND notification_id > %s
 ORDER BY notification_id
"""


def today() -> date:
    """Today in Asia/Shanghai."""
    return datetime.now(UTC).astimezone(SHANGHAI).date()


class Grants:
    """The grants, followed by asking the log at most once in REFRESH_S; any number of threads may ask."""

    def __init__(self, pool: "ConnectionPool[Connection[TupleRow]]") -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._asked = -REFRESH_S
        self._position = 0
        self._grants: dict[str, Grant] = {}

    def all(self) -> list[Grant]:
        """Every grant there ever was, in order of position.

        Raises:
            psycopg.Error, psycopg_pool.PoolTimeout: the log cannot be read, so nobody is let in by it.
        """
        with self._lock:
            if time.monotonic() - self._asked >= REFRESH_S:
                self._follow()
            grants = self._grants.values()
        return sorted(grants, key=lambda grant: grant.position)

    def _follow(self) -> None:
        with self._pool.connection() as connection:
            positions = [position for (position,) in connection.execute(_POSITIONS, (self._position,))]
            events = sorted(LogReader(connection).events(positions), key=lambda event: event.position)
        if events:
            self._grants = fold(self._grants, events)
            self._position = events[-1].position
        self._asked = time.monotonic()

    def of_key(self, key_sha256: str) -> list[Holder]:
        """What the holder of a key may do today; nothing where the key is nobody's, or no longer."""
        return _holders(grant for grant in self.all() if grant.key_sha256 == key_sha256)

    def of_holder(self, name: str) -> list[Holder]:
        """What a person or machine that proved its name otherwise may do today; grants by a key are not among it."""
        return _holders(grant for grant in self.all() if grant.holder == name and grant.key_sha256 is None)


def _holders(grants: Iterable[Grant]) -> list[Holder]:
    day = today()
    return [Holder(each.holder, each.roles, each.sources, each.scope) for each in grants if each.holds(day)]


def granted(data: dict[str, object]) -> bytes:
    """The event that grants access."""
    return _event(GRANTED, data)


def revoked(access: str, on: date, reason: str) -> bytes:
    """The event that takes a grant back."""
    return _event(REVOKED, {"effective_on": on.isoformat(), "access": access, "reason": reason})


def _event(type_: str, data: dict[str, object]) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0", "id": uuid4().hex, "source": SOURCE, "type": type_,
            "time": datetime.now(UTC).isoformat(), "data": data,
        }
    )  # fmt: skip
