"""What is run by a clock and ends (reminders, backup, verify): noted when it ends, so that readiness can miss it."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Cursor

from services.postgres.database import connect

#: How long after its last good end each is missed: a day and two hours, a week and a day.
MISSED_AFTER_S: Final = {"backup": 26 * 3600.0, "reminders": 26 * 3600.0, "verify": 8 * 86_400.0}
FAULT_CHARACTERS_MAX: Final = 500
_WELL: Final = """
INSERT INTO taizhang.chore AS c (name, ended_at, done) VALUES (%s, clock_timestamp(), %s)
ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at, done = c.done + excluded.done,
       failed_at = NULL, fault = NULL
"""
_FAILED: Final = """
INSERT INTO taizhang.chore (name, failed_at, fault) VALUES (%s, clock_timestamp(), %s)
ON CONFLICT (name) DO UPDATE SET failed_at = excluded.failed_at, fault = excluded.fault
"""
_ALL: Final = """
SELECT name, ended_at, done, extract(epoch FROM clock_timestamp() - ended_at)::float8, fault
  FROM taizhang.chore ORDER BY name
"""


class Chore(NamedTuple):
    """One chore: when it last ended well, how long ago (seconds), what it has done in all, and its fault since."""

    name: str
    ended_at: datetime | None
    done: int
    age_s: float | None
    fault: str | None

    @property
    def told(self) -> str | None:
        """What is wrong with it, in words; None where nothing is."""
        if self.fault is not None:
            return f"{self.name} failed ({self.fault}): run it again, taizhang {self.name}"
        if self.age_s is not None and self.age_s > MISSED_AFTER_S[self.name]:
            return f"{self.name} has not been run for {self.age_s / 3600:.0f} h: look at its timer"
        return None


class Run:
    """What a run says of itself: how much it has done, and what it found wrong, though it came to its end."""

    done = 0
    fault: str | None = None


@contextlib.contextmanager
def noted(conninfo: str, name: str) -> Iterator[Run]:
    """Note how the run inside ends.

    A server that takes no rows (a standby that is backed up) is no fault of the run.
    """
    run = Run()
    try:
        yield run
    except Exception as error:
        _note(conninfo, _FAILED, name, f"{type(error).__name__}: {error}"[:FAULT_CHARACTERS_MAX])
        raise
    if run.fault is None:
        _note(conninfo, _WELL, name, run.done)
    else:
        _note(conninfo, _FAILED, name, run.fault[:FAULT_CHARACTERS_MAX])


def _note(conninfo: str, statement: str, *words: object) -> None:
    with contextlib.suppress(psycopg.Error), connect(conninfo, "chore") as connection:
        connection.execute(statement.encode(), words)


def chores(cursor: Cursor[Any]) -> list[Chore]:
    """Those that have ever been run, by name."""
    return [Chore(*row) for row in cursor.execute(_ALL).fetchall()]
