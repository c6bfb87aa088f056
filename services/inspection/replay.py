"""Replay: the events that changed a region, one after the other, with what was so before and after."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.ledger.rates import Counts, Filters, add, unjudged
from projections.ledger.columns.moves import steps
from services.inspection.changes import ChangeEvent, described
from services.ledger.ledger_at import LedgerAt


class Step(NamedTuple):
    """One event that changed a row that the filters mean.

    Attributes:
        event: the event, and why it changes what was known.
        organizations: how many rows it changed.
        before: the counts as known before it.
        after: the counts as known with it.
        previous: the position of the step before, None at the first.
        next: the position of the step after, None at the last.
    """

    event: ChangeEvent
    organizations: int
    before: Counts
    after: Counts
    previous: int | None
    next: int | None


class Replay(NamedTuple):
    """A stretch of what changed: how many steps there are in all, and a page of them."""

    steps_in_all: int
    steps: list[Step]


def replay(ledger: LedgerAt, since: int, filters: Filters, *, after: int | None, backwards: bool, limit: int) -> Replay:
    """Up to `limit` steps from a state of knowledge of the date on, beyond position `after` in their direction."""
    queries, clocks = ledger.queries, ledger.clocks
    # What a body or a basis means now holds for the whole stretch: the steps add up from its beginning to its end.
    filters = queries.meaning(filters, *clocks).filters
    found = steps(ledger.view.snapshot, clocks.day, since, clocks.known_at, filters)
    positions = found.positions.tolist()
    chosen = list(range(len(positions)))
    if backwards:
        chosen.reverse()
    if after is not None:
        chosen = [i for i in chosen if (positions[i] < after if backwards else positions[i] > after)]
    chosen = chosen[:limit]
    begin = ledger.as_known_at(since).rates((), filters).total
    begin = begin._replace(effectively_covered=begin.effectively_covered or 0)
    # sums[i] is what the first i steps have changed.
    sums = np.vstack([np.zeros((1, len(begin)), np.int64), np.cumsum(found.differences, axis=0)]).tolist()
    with queries.connection() as connection:
        events = described(connection, [positions[i] for i in chosen])
    events = ledger.sight.described(events)
    return Replay(
        len(positions),
        [
            Step(
                events[positions[i]],
                int(found.organizations[i]),
                _as_known(ledger, positions[i] - 1, add(begin, Counts(*sums[i]))),
                _as_known(ledger, positions[i], add(begin, Counts(*sums[i + 1]))),
                *_neighbours(positions, i),
            )
            for i in chosen
        ],
    )


def _as_known(ledger: LedgerAt, position: int, counts: Counts) -> Counts:
    """The counts as they are told there: without an activity policy the question who is covered has no answer."""
    return counts if ledger.view.snapshot.is_judged(ledger.clocks.day, position) else unjudged(counts)


def _neighbours(positions: Sequence[int], i: int) -> tuple[int | None, int | None]:
    return positions[i - 1] if i else None, positions[i + 1] if i + 1 < len(positions) else None
