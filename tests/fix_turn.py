"""Delays where they hurt: the gate held, the projector stopped, and how often each is tried."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.fix_service import Service, new_database

_WAITING = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
 WHERE d.datname = current_database() AND l.relation = 'taizhang.log_gate'::regclass AND NOT l.granted
"""
_DOING = """
SELECT application_name, state, wait_event_type, wait_event, left(query, 60), now() - query_start
  FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
"""
WAIT_S_MAX = 60.0


# How often a race is run: a few times in the suite, a hundred times by `make test-turn`.
Trials = range


@pytest.fixture(scope="session")
def trials() -> Trials:
    return range(int(os.environ.get("TURN_TRIALS", "2")))


class Delays:
    """What stands in the way of one database's service, for as long as a test wants."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    @contextmanager
    def before_the_gate(self, waiting: int = 1) -> Iterator[Callable[[int], None]]:
        """Within, nobody's turn comes; it ends only once so many wait for theirs, with all decided that is before.

        What it gives waits until so many do: whoever came first is first afterwards.
        """
        with psycopg.connect(self._conninfo) as holder, psycopg.connect(self._conninfo, autocommit=True) as beside:
            holder.execute("LOCK TABLE taizhang.log_gate IN EXCLUSIVE MODE")

            def wait_for(waiting: int) -> None:
                deadline = time.monotonic() + WAIT_S_MAX
                while (came := _count(beside)) < waiting:
                    if time.monotonic() > deadline:
                        doing = beside.execute(_DOING).fetchall()
                        pytest.fail(f"{came} came to wait for the gate, not {waiting}; the server's sessions: {doing}")
                    # Who holds the gate for long and says nothing is ended (services/log/gate.py): nobody waits then.
                    holder.execute("SELECT")
                    time.sleep(0.005)

            yield wait_for
            wait_for(waiting)

    @contextmanager
    def projector_stopped(self) -> Iterator[None]:
        """Within, the projector applies nothing."""
        with psycopg.connect(self._conninfo) as holder:
            holder.execute("SELECT FROM taizhang.projection FOR UPDATE")
            yield


def _count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_WAITING).fetchone()
    return int(row[0]) if row else 0


class Two(NamedTuple):
    """Two processes that serve one ledger, each with a projector, and what delays them."""

    here: Service
    there: Service
    delays: Delays

    def reach(self, position: int) -> None:
        """Wait until both answer what was learned at a position: what is tried next rests on it in both."""
        deadline = time.monotonic() + WAIT_S_MAX
        for service in self[:2]:
            while service.http.get("/v1/rates", params={"min_position": position}).status_code != 200:
                assert time.monotonic() < deadline, f"position {position} is not reached"


@pytest.fixture(scope="session")
def two(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Two services on one database, with one folder of keys; tests take names of their own."""
    folder: Path = tmp_path_factory.mktemp("two")
    database = new_database(postgres)
    given = {"database_url": database, "wait_seconds_max": "2"}
    with Service(folder, "--dev", **given) as here, Service(folder, "--dev", **given) as there:
        yield Two(here, there, Delays(database))
