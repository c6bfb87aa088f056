"""A version built from nothing all at once: what the projector would have written, or nothing."""

from collections.abc import Iterator

import psycopg
import pytest

from domain.events.facts import Event
from projections.ledger.fold.fold import LedgerFold
from services.ledger import bulk_build, rebuild
from services.ledger.ruleset import rules
from services.ledger.versions import Version
from services.postgres.database import connect
from tests.fix_store import Databases, Rows
from tests.small_city import fill
from tests.versions import contents, project

pytestmark = pytest.mark.long


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def store(databases: Databases) -> Iterator[str]:
    """The log of each test here holds the first 3,000 events of the small city."""
    with databases.like("3,000 events", lambda conninfo: fill(conninfo, 3_000)) as conninfo:
        yield conninfo


def at_once(monkeypatch: pytest.MonkeyPatch, batch_events: int) -> None:
    """Build even a short log all at once, in batches of this size."""
    monkeypatch.setattr(rebuild, "AT_ONCE_EVENTS_MIN", 1)
    monkeypatch.setattr(bulk_build, "BATCH_EVENTS", batch_events)


def end_sessions(conninfo: str) -> None:
    """End those of whoever is to be cut off, as a server that goes away does."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taizhang-cut'"
        )


def test_what_is_built_at_once_equals_the_live_tables(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, 700)
    live = project(store)
    with connect(store, "test") as connection:
        rebuilt = rebuild.rebuild(connection, quiet)
        assert rebuilt == (Version(live.number + 1, 3_000, *rules()), 0, 0)
        assert contents(connection, rebuilt.version) == contents(connection, live)


def test_what_is_built_at_once_is_kept_when_it_is_cancelled(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, 500)

    def cancel(position: int, _head: int) -> None:
        if position >= 1_500:
            raise KeyboardInterrupt

    with connect(store, "test") as connection:
        live = project(store)
        with pytest.raises(KeyboardInterrupt):
            rebuild.rebuild(connection, cancel)
        rebuilt = rebuild.rebuild(connection, quiet)
        assert rebuilt == (Version(live.number + 1, 3_000, *rules()), 1_500, 0)
        assert contents(connection, rebuilt.version) == contents(connection, live)


def test_what_memory_cannot_hold_is_built_batch_by_batch(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, 500)
    monkeypatch.setattr(bulk_build, "MEMORY_PART", 0)
    live = project(store)
    with connect(store, "test") as connection:
        rebuilt = rebuild.rebuild(connection, quiet)
        assert rebuilt.version.position == 3_000
        assert contents(connection, rebuilt.version) == contents(connection, live)


def test_a_poison_event_is_held_by_what_is_built_at_once_too(
    store: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch, 500)
    apply = LedgerFold.apply

    def fails_on_one(self: LedgerFold, event: Event) -> None:
        apply(self, event)
        if event.position == 900:
            raise ZeroDivisionError("a fault of the projection's own")

    monkeypatch.setattr(LedgerFold, "apply", fails_on_one)
    # The batch with the poison in it is done again one by one.
    monkeypatch.setattr(rebuild, "BATCH_EVENTS", 100)
    with connect(store, "test") as connection:
        rebuilt = rebuild.rebuild(connection, quiet)
    assert rebuilt.version.position == 3_000
    assert rebuilt.held >= 1
    assert rows("SELECT min(position) FROM taizhang.projection_held") == [(900,)]


def test_a_database_that_goes_away_leaves_nothing_half_built(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, 400)
    live = project(store)

    def cut(position: int, _head: int) -> None:
        if position == 1_200:
            end_sessions(store)

    with connect(store, "cut") as connection, pytest.raises(psycopg.Error):
        rebuild.rebuild(connection, cut)
    with connect(store, "test") as connection:
        again = rebuild.rebuild(connection, quiet)
        assert (again.resumed_at, again.version.position) == (0, 3_000)
        assert contents(connection, again.version) == contents(connection, live)


def test_a_version_cut_off_by_the_database_goes_on_too(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "BATCH_EVENTS", 400)

    def cut(position: int, _head: int) -> None:
        if position >= 800:
            end_sessions(store)

    with connect(store, "cut") as connection, pytest.raises(psycopg.Error):
        rebuild.rebuild(connection, cut)
    with connect(store, "test") as connection:
        again = rebuild.rebuild(connection, quiet)
    assert again.resumed_at == 800
    assert again.version.position == 3_000
