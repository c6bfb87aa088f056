"""A rebuild takes the place of the version in use in a moment, whatever delays its work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from domain.events.facts import Event
from projections.ledger.fold.fold import LedgerFold
from services.ledger import projector, rebuild, ruleset, versions
from services.ledger.projector import Projector
from services.ledger.ruleset import Rules
from services.ledger.versions import Version
from services.postgres.database import connect, migrate
from tests.fix_store import Databases, Rows
from tests.fix_turn import Trials
from tests.small_city import fill
from tests.versions import project

pytestmark = pytest.mark.long

EVENTS = 20


def quiet(_position: int, _head: int) -> None:
    """Nobody looks at the progress."""


def test_a_rebuild_that_works_slowly_is_not_cut_off_while_the_version_in_use_goes_on(
    databases: Databases, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch takes longer than the server lets a transaction stand idle, and another one comes meanwhile."""
    advance = Projector.advance
    for _ in trials:
        batches = iter(range(2))
        # A log of each trial's own: one that grew would be folded for longer than a transaction may stand idle.
        with databases.like("migrated", migrated) as store, connect(store, "rebuild") as connection:
            more(store, 0)

            def slowly(
                each: Projector, limit: int = EVENTS, batches: Iterator[int] = batches, store: str = store
            ) -> int:
                done = advance(each, limit)
                monkeypatch.setattr(Projector, "advance", advance)
                if (number := next(batches, None)) is not None:
                    more(store, number + 1)
                monkeypatch.setattr(Projector, "advance", slowly)
                time.sleep(0.8)
                return done

            connection.execute("SET idle_in_transaction_session_timeout = '600ms'")
            connection.commit()
            monkeypatch.setattr(Projector, "advance", slowly)
            rebuilt = rebuild.rebuild(connection, quiet)
            monkeypatch.setattr(Projector, "advance", advance)
            assert rebuilt.version.position == 3 * EVENTS
            with connection.cursor() as cursor:
                assert versions.in_use(cursor) == rebuilt.version


def migrated(store: str) -> None:
    migrate(store)


def more(store: str, number: int) -> None:
    """The next events, and what the version in use makes of them."""
    fill(store, EVENTS, skip=number * EVENTS)
    project(store)


@pytest.fixture
def folds_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so busy that all the events at hand take longer than a transaction may stand idle."""
    apply = LedgerFold.apply

    def slowly(fold: LedgerFold, event: Event) -> None:
        time.sleep(0.1)
        apply(fold, event)

    monkeypatch.setattr(LedgerFold, "apply", slowly)


@pytest.mark.usefixtures("folds_slowly")
def test_a_batch_that_is_applied_slowly_ends_before_the_server_ends_its_transaction(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, EVENTS)
    monkeypatch.setattr(projector, "BATCH_S_MAX", 0.2)
    with impatient(store) as connection:
        following = Projector(connection, versions.ensure(connection))
        batches = list(iter(following.advance, 0))
        assert sum(batches) == following.version.position == EVENTS
        assert len(batches) > 1


@pytest.mark.usefixtures("folds_slowly")
def test_a_version_that_is_built_at_once_slowly_is_not_cut_off(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, EVENTS)
    monkeypatch.setattr(rebuild, "AT_ONCE_EVENTS_MIN", 1)
    with impatient(store) as connection:
        rebuilt = rebuild.rebuild(connection, quiet)
        assert (rebuilt.version.position, rebuilt.held) == (EVENTS, 0)


@contextmanager
def impatient(store: str) -> Iterator[Connection[Any]]:
    """A connection to a server that soon ends a transaction that stands idle."""
    with connect(store, "projector") as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '1s'")
        connection.commit()
        yield connection


@pytest.mark.parametrize("begin", [versions.ensure, lambda connection: rebuild.rebuild(connection, quiet).version])
def test_the_rules_are_reckoned_before_a_transaction_stands_idle(
    begin: Callable[[Connection[Any]], Version], store: str, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has just begun, on a machine that is so busy that reading its own code takes long."""
    rules_of = ruleset.rules_of

    def slowly(root: Path) -> Rules:
        time.sleep(0.8)
        return rules_of(root)

    monkeypatch.setattr(ruleset, "rules_of", slowly)
    fill(store, 1)
    for _ in trials:
        ruleset.rules.cache_clear()
        with connect(store, "fresh") as connection:
            connection.execute("SET idle_in_transaction_session_timeout = '600ms'")
            connection.commit()
            assert begin(connection).is_own


def test_a_rebuild_of_a_log_whose_end_was_cut_off_ends(store: str, rows: Rows) -> None:
    fill(store, 30)
    project(store)
    rows("UPDATE taizhang.projection SET position = 40")
    with connect(store, "rebuild") as connection:
        assert rebuild.rebuild(connection, quiet).version.position == 30
    assert rows("SELECT version FROM taizhang.projection WHERE state = 'in_use'") == [(2,)]
