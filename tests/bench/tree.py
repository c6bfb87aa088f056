"""What the evidence costs intake and catch-up: the same events with the log's tree and blinding, and without.

Seconds of a CPU, of the process and of its sessions at the server (`cost.py`). Both ledgers take each batch one after
the other; of each batch the cheapest of several rounds counts.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from unittest.mock import patch

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.tree.merkle import Frontier, TileRoot
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from tests.bench.cost import BATCH_EVENTS, EVENTS, NANOSECONDS, ROUNDS, WARM_EVENTS, Ledger, Spent, ledger, note
from tests.bench.tables import table
from tests.bench.workshop import Workshop, messages, say


class _NoTree(Frontier):
    """Counts leaves and hashes nothing."""

    def __post_init__(self) -> None:
        self.roots = []

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[TileRoot]:
        self.size += sum(1 for _ in leaf_hashes)
        return []


class _Bare(LogRecorder):
    """Keeps no tree and no blinding values."""

    def look(self, cursor: Cursor[TupleRow]) -> Turn:
        return super().look(cursor)._replace(blinded=False)

    def _frontier_at(self, _: Cursor[TupleRow], turn: Turn) -> Frontier:
        return _NoTree(turn.position)


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Admission and projection of the same batches, with everything and bare."""
    part = lines[:EVENTS]
    admitted: dict[bool, dict[int, Spent]] = {True: {}, False: {}}
    applied: dict[bool, dict[int, Spent]] = {True: {}, False: {}}
    for number in range(ROUNDS):
        say(f"the evidence's share, round {number + 1} of {ROUNDS}")
        with ExitStack() as stack:
            whole = stack.enter_context(ledger(workshop))
            bare = stack.enter_context(ledger(workshop, _Bare))
            for at in range(0, len(part), BATCH_EVENTS):
                batch = messages(part[at : at + BATCH_EVENTS])
                for has_evidence in (number % 2 == 0, number % 2 == 1):
                    taken = whole if has_evidence else bare
                    spent = taken.spent(lambda: taken.intake.admit(batch)) if has_evidence else _bare(taken, batch)  # noqa: B023 - called at once
                    note(admitted[has_evidence], at, spent)
                    note(applied[has_evidence], at, taken.spent(lambda: list(iter(taken.projector.advance, 0))))  # noqa: B023 - as above
    rows = [
        _row("decided in turn and stored, `Intake.admit`", admitted),
        _row("applied, `Projector.advance`", applied),
        _row("both: an event's way", {each: _sum(admitted[each], applied[each]) for each in (True, False)}),
    ]
    events = len(part) - WARM_EVENTS
    return table(
        "What the evidence costs",
        ("in batches of 500", "with, s of CPU per 10,000 events", "without", "it adds"),
        rows,
        f"With: each event's record, leaf, blinding value and hash, the tree and its tiles. Without: none of them. "
        f"{events:,} events after the first {WARM_EVENTS:,}, each batch at its cheapest of {ROUNDS} rounds, in turns. "
        "What has no part in either: the roots of reports, which a process of its own folds after a report is sealed, "
        "and what only repeated or refused messages cost.",
    )


def _bare(taken: Ledger, batch: Sequence[object]) -> Spent:
    with (
        patch("services.intake.decisions.record_of", lambda *_: b""),
        patch("services.intake.decisions.leaf_of", lambda *_: b""),
        patch("services.intake.decisions.leaf_hash", lambda _: bytes(32)),
        patch("services.intake.decisions.secrets.token_bytes", lambda _: b""),
    ):
        return taken.spent(lambda: taken.intake.admit(batch))  # type: ignore[arg-type]


def _sum(one: dict[int, Spent], other: dict[int, Spent]) -> dict[int, Spent]:
    return {at: (own + other[at][0], server + other[at][1]) for at, (own, server) in one.items()}


def _row(name: str, spent: dict[bool, dict[int, Spent]]) -> list[str]:
    seconds = {
        has_evidence: sum(sum(each) for at, each in batches.items() if at >= WARM_EVENTS)
        for has_evidence, batches in spent.items()
    }
    count = sum(at >= WARM_EVENTS for at in spent[True]) * BATCH_EVENTS
    share = {each: 10_000 * seconds[each] / count / NANOSECONDS for each in seconds}
    return [name, f"{share[True]:.3f}", f"{share[False]:.3f}", f"{share[True] / share[False] - 1:+.1%}"]
