"""Streams, cursors and marks across a swap to a version by other rules: the consumer is told, and gets what differs."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from domain.ledger.rows import Row
from services.ledger.ledger_stream import Mark, changes, going_on, mark_now
from services.ledger.queries import Queries
from services.ledger.view import View
from tests.small_city import fill
from tests.versions import ONLY_BEFORE, by_other_rules, project, swapped, wait_until

pytestmark = pytest.mark.long

AS_OF = date(2024, 3, 31)
WAIT_S_MAX = 60.0
Copy = dict[str, Row | None]


@pytest.fixture
def queries(store: str) -> Iterator[Queries]:
    """Questions to a version that other rules made."""
    fill(store, 300)
    project(store)
    by_other_rules(store)
    with Queries.open(store) as opened:
        assert opened.view.loaded.wait(WAIT_S_MAX)
        yield opened


def rebuilt(store: str, queries: Queries) -> None:
    number = queries.view.current.version.number
    swapped(store)
    wait_until(lambda: queries.view.current.version.number > number, "the new version is not followed")


def take(queries: Queries, since: Mark, copy: Copy, as_of: date = AS_OF) -> tuple[Mark, set[str]]:
    """Apply what changed since a mark to a copy; the mark reached, and what was sent."""
    found, sent = changes(queries, since, as_of), set[str]()
    for part in found.parts:
        for change in part.changes:
            copy[change.org] = change.row
            sent.add(change.org)
    return found.mark, sent


def ledger(queries: Queries, as_of: date = AS_OF) -> Copy:
    copy: Copy = {}
    take(queries, Mark.beginning(), copy, as_of)
    return copy


def held(copy: Copy) -> Copy:
    return {org: row for org, row in copy.items() if row is not None}


@pytest.mark.race
def test_what_differs_between_two_versions_is_sent_and_nothing_else(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    named = [queries.view.current.snapshot.orgs[number] for number in (2, 3, 4)]
    assert ONLY_BEFORE in copy
    rebuilt(store, queries)
    renamed = queries.view.current.snapshot.orgs[5]
    found = changes(queries, mark, AS_OF)
    assert found.anew is not None
    assert not found.is_whole
    after, sent = take(queries, mark, copy)
    assert sent == {*named, ONLY_BEFORE, renamed}
    assert copy[ONLY_BEFORE] is None
    assert held(copy) == ledger(queries)
    assert (after.position, after.version) == (300, queries.view.current.label)
    assert take(queries, after, copy) == (after, set())
    rebuilt(store, queries)  # by the same rules: told, and nothing to send
    assert take(queries, after, copy)[1] == set()


@pytest.mark.race
def test_a_copy_goes_on_over_midnight_and_a_swap(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    rebuilt(store, queries)
    tomorrow = date(2024, 4, 1)
    take(queries, mark, copy, tomorrow)
    assert held(copy) == ledger(queries, tomorrow)


def test_where_nothing_is_left_to_compare_with_the_whole_ledger_is_sent(store: str, queries: Queries) -> None:
    copy: Copy = {}
    mark, _ = take(queries, Mark.beginning(), copy)
    for _ in range(3):
        rebuilt(store, queries)
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS ledger_1 CASCADE")
    for unknown in (mark, mark._replace(version=""), mark._replace(version="1.000000000000")):
        found = changes(queries, unknown, AS_OF)
        assert found.is_whole
        assert {change.org for part in found.parts for change in part.changes} >= ledger(queries).keys()


def test_a_view_that_has_not_come_to_a_mark_sends_nothing_even_over_midnight(queries: Queries) -> None:
    """Another process was further; rows of this one would be older than what the consumer has."""
    view = queries.view.current
    assert isinstance(view, View)
    ahead = Mark(400, AS_OF, view.label)
    tomorrow = date(2024, 4, 1)
    assert mark_now(view, ahead, tomorrow) == ahead
    found = changes(queries, ahead, tomorrow)
    assert (found.mark, list(found.parts)) == (ahead, [])


def test_a_mark_says_what_it_is_of(queries: Queries) -> None:
    label = queries.view.current.label
    mark = Mark(7, AS_OF, label)
    assert Mark.parse(str(mark), queries, 1_000_000, date(2199, 12, 31)) == mark
    assert Mark.parse("0", queries, 1_000_000, date(2199, 12, 31)) == Mark.beginning()
    assert Mark.parse("7", queries, 1_000_000, date(2199, 12, 31)).version == label
    assert Mark.parse("7@2024-03-31", queries, 1_000_000, date(2199, 12, 31)) == Mark(7, AS_OF, "")
    for text in ("7@2024-03-31@x", "7@2024-03-31@1.zz", "x", "7@yesterday"):
        with pytest.raises(ValueError, match=r"mark|date"):
            Mark.parse(text, queries, 1_000_000, date(2199, 12, 31))


@pytest.fixture
def own(store: str) -> Iterator[Queries]:
    """Questions to a version that this program's rules made."""
    fill(store, 300)
    project(store)
    with Queries.open(store) as opened:
        assert opened.view.loaded.wait(WAIT_S_MAX)
        yield opened


@pytest.mark.parametrize("since", [Mark.beginning(), Mark(120, date(2024, 1, 1), "")])
def test_a_way_that_was_cut_anywhere_goes_on_to_the_same_copy(
    store: str, own: Queries, since: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ledger.ledger_stream.CHUNK", 7)
    found = changes(own, since, AS_OF)
    whole = list(found.parts)
    assert len(whole) > 10
    fill(store, 60, skip=300)  # the ledger goes on meanwhile
    project(store)
    wait_until(lambda: own.position > found.mark.position, "what came is not seen")
    for cut in (0, 3, len(whole) - 1):
        rest = going_on(own, since, found.mark, whole[cut].upto)
        assert rest is not None
        assert rest.mark == found.mark
        copy = {change.org: change.row for part in (*whole[: cut + 1], *rest.parts) for change in part.changes}
        right = {change.org: change.row for part in whole for change in part.changes}
        assert copy == right
    rebuilt(store, own)
    assert going_on(own, since, found.mark, 5) is None


def test_a_day_that_was_published_too_early_is_taken_back(own: Queries) -> None:
    right, copy = ledger(own, date(2024, 2, 29)), ledger(own)
    assert held(copy)
    mark = mark_now(own.view.current, Mark.beginning(), AS_OF)
    reached, sent = take(own, mark, copy, date(2024, 2, 29))  # before anything became effective
    assert reached.as_of == date(2024, 2, 29)
    assert sent
    assert held(copy) == held(right) == {}
