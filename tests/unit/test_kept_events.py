"""Events kept decoded: the same as read anew, and never more than the limit."""

from collections.abc import Sequence

import pytest

from domain.events.facts import Event
from services.log import reader
from services.log.reader import KeptEvents, LogReader


class Counting(LogReader):
    """A log of three events, of which the second covers many organizations; counts what is read of it."""

    def __init__(self) -> None:  # asks no database
        self.read: list[int] = []

    def events(self, positions: Sequence[int]) -> list[Event]:
        self.read += positions
        covers = {1: 0, 2: 60, 3: 0}
        type_ = "taizhang.branch.formed.v1"
        return [Event(p, "/s", str(p), type_, p, {"covers": ["group:a"] * covers[p]}) for p in positions]


def test_what_was_read_is_not_read_again() -> None:
    log = Counting()
    kept = KeptEvents()
    assert [event.position for event in kept.at(log, [3, 1])] == [3, 1]
    assert kept.at(log, [1, 2, 3]) == log.events([1, 2, 3])
    assert log.read == [3, 1, 2, 1, 2, 3]


def test_long_lists_count_as_many_and_nothing_is_kept_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Counting()
    monkeypatch.setattr(reader, "KEPT_EVENTS_MAX", 7)
    kept = KeptEvents()
    kept.at(log, [2])  # counts as 7
    kept.at(log, [2])
    assert log.read == [2]
    kept.at(log, [1])  # nothing else fits beside it
    kept.at(log, [2])
    assert log.read == [2, 1, 2]
    assert kept.at(log, [1, 2, 3]) == log.events([1, 2, 3])  # too much together: answered, not kept
