"""Access as the log has it: who was granted what; keys' hashes, never keys.

Read by type straight from the log each time that somebody asks, so that each grant and each revocation counts from
its own position on, one after the other, in every process and whatever the projections do.
"""

import secrets
import string
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

from domain.access.grants import Grant
from domain.access.in_force import Access
from domain.access.signing_keys import SigningKey
from domain.events.access import GRANTED, KEY_REGISTERED, REVOKED
from services.access.callers import Holder, held
from services.log.reader import LogReader
from services.system.settings import SHANGHAI

SOURCE: Final = "/taizhang/access"
# 75 bits.
_LETTERS: Final = 16
_POSITIONS: Final = """
SELECT notification_id FROM taizhang.log
 WHERE topic IN ('taizhang.access.granted.v1', 'taizhang.access.revoked.v1', 'taizhang.access.key_registered.v1')
   AND notification_id > %s ORDER BY notification_id
"""


def today() -> date:
    """Today in Asia/Shanghai."""
    return datetime.now(UTC).astimezone(SHANGHAI).date()


class Grants:
    """The grants, followed in the log; any number of threads may ask, and those who wait share one look."""

    def __init__(self, pool: "ConnectionPool[Connection[TupleRow]]") -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._looked = -1.0
        self._position = 0
        self._access = Access()

    def all(self) -> list[Grant]:
        """Every grant there ever was, in order of position.

        Raises:
            psycopg.Error, psycopg_pool.PoolTimeout: the log cannot be read, so nobody is let in by it.
        """
        return sorted(self._follow().grants.values(), key=lambda grant: grant.position)

    def signing_keys(self) -> list[SigningKey]:
        """Every key that was ever registered for a source, in order of position; raises as `all`."""
        return sorted(self._follow().keys.values(), key=lambda each: each.position)

    def is_in_force(self, access: str) -> bool:
        """Whether there is a grant or a key of this identifier that was not revoked; raises as `all`."""
        told = self._follow()
        found = told.grants.get(access) or told.keys.get(access)
        return found is not None and found.revoked_on is None

    def _follow(self) -> Access:
        """The grants and the keys at one position of the log, no older than this call."""
        called = time.monotonic()
        with self._lock:
            if self._looked < called:
                looked = time.monotonic()
                with self._pool.connection() as connection:
                    positions = [position for (position,) in connection.execute(_POSITIONS, (self._position,))]
                    events = sorted(LogReader(connection).events(positions), key=lambda event: event.position)
                if events:
                    self._access = self._access.after(events)
                    self._position = events[-1].position
                self._looked = looked
            return self._access

    def of_key(self, key_sha256: str) -> list[Holder]:
        """What the holder of a key may do today; nothing where the key is nobody's, or no longer."""
        return _holders(grant for grant in self.all() if grant.key_sha256 == key_sha256)

    def of_holder(self, name: str) -> list[Holder]:
        """What a person or machine that proved its name otherwise may do today; grants by a key are not among it."""
        return _holders(grant for grant in self.all() if grant.holder == name and grant.key_sha256 is None)


def _holders(grants: Iterable[Grant]) -> list[Holder]:
    day = today()
    return [held(each.holder, each.right) for each in grants if each.holds(day)]


def new_access() -> str:
    """An identifier that no grant or key has; of letters, since digits might spell a number of a person."""
    return f"access:{''.join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))}"


def granted(data: dict[str, object]) -> bytes:
    """The event that grants access."""
    return _event(GRANTED, data)


def key_registered(data: dict[str, object]) -> bytes:
    """The event that registers a key for a source."""
    return _event(KEY_REGISTERED, data)


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
