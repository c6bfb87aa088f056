"""Replay: the events that changed a region or a branch, one after the other, with what was so before and after."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from domain.events.facts import Event
from domain.ledger.branches import Branch
from domain.ledger.rates import Counts, Filters, add, unjudged
from domain.ledger.rows import ledger as fold_ledger
from projections.ledger.columns.moves import steps
from services.inspection.changes import ChangeEvent, described
from services.ledger.ledger_at import LedgerAt
from services.ledger.projector import fits
from services.ledger.traces import events_about
from services.log.reader import LogReader
from services.system.errors import NotFoundError


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


class BranchStep(NamedTuple):
    """One event that speaks of a branch; its state on the date before and after, None while not formed."""

    event: ChangeEvent
    before: Branch | None
    after: Branch | None
    previous: int | None
    next: int | None


def branch_history(ledger: LedgerAt, branch: str, *, after: int, limit: int) -> list[BranchStep]:
    """The events that speak of a branch, in order of position, those after position `after`.

    Raises:
        NotFoundError: none known then does, or the branch never covered an organization in sight.
    """
    view, sight, (as_of, known_at) = ledger.view, ledger.sight, ledger.clocks
    with ledger.queries.connection() as connection, connection.cursor() as cursor:
        positions = view.reading.mentions(cursor, [branch], known_at)
        if not sight.is_whole:
            # Every event of a branch out of sight is looked at too, so that both take the same steps.
            told = LogReader(connection).events(positions)
            positions = sorted(event.position for event in told if sight.sees_any(event))
        if not positions:
            raise NotFoundError(f"no event known at position {known_at} speaks of {branch}; check the identifier")
        about = events_about(connection, view.reading, [branch], known_at)
        chosen = [i for i, position in enumerate(positions) if position > after][:limit]
        events = sight.described(described(connection, [positions[i] for i in chosen]))

    def state(position: int) -> Branch | None:
        found = _branch(about, branch, as_of, position)
        if found is None:
            return None
        covers = frozenset(filter(sight.sees, found.covers))
        return found._replace(covers=covers, pairs=frozenset(pair for pair in found.pairs if pair[0] in covers))

    return [
        BranchStep(
            events[positions[i]],
            state(positions[i] - 1),
            state(positions[i]),
            *_neighbours(positions, i),
        )
        for i in chosen
    ]


def _branch(events: Sequence[Event], branch: str, as_of: date, known_at: int) -> Branch | None:
    known = [event for event in events if event.position <= known_at]
    state = fold_ledger(known, as_of, fits).branches.get(branch)
    return state if state is not None and state.formation is not None else None
