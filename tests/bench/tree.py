"""What the transparency log's tree costs intake: the same messages with it and without."""

import time
from collections.abc import Iterable, Sequence
from unittest.mock import patch

from psycopg import Cursor
from psycopg.rows import TupleRow

from domain.tree.merkle import Frontier, TileRoot
from services.intake.intake import CONNECTIONS_MAX, Intake
from services.log.messages import Message
from services.log.recorder import LogRecorder
from services.log.turns import Turn
from services.log.writer import Writer
from services.postgres.database import Datastore, migrate
from tests.bench.tables import median, table
from tests.bench.workshop import Workshop, messages, say

BATCH_EVENTS = 500
SIZE_MAX = 40_000


class _NoTree(Frontier):
    """Counts leaves and hashes nothing."""

    def __post_init__(self) -> None:
        self.roots = []

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[TileRoot]:
        self.size += sum(1 for _ in leaf_hashes)
        return []


class _WithoutTree(LogRecorder):
    def _frontier_at(self, _: Cursor[TupleRow], turn: Turn) -> Frontier:
        return _NoTree(turn.position)


def run(workshop: Workshop, lines: Sequence[bytes]) -> str:
    """Both take each batch one after the other, so that what else the machine does meets both alike."""
    say("the tree's share of intake")
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with workshop.database() as with_tree, workshop.database() as without_tree:
        migrate(with_tree)
        migrate(without_tree)
        intakes = {
            True: Intake.open(with_tree, "bench"),
            False: Intake(Writer(_WithoutTree(Datastore(without_tree, "bench", size_max=CONNECTIONS_MAX)))),
        }
        for number, at in enumerate(range(0, min(len(lines), SIZE_MAX), BATCH_EVENTS)):
            batch = messages(lines[at : at + BATCH_EVENTS])
            for has_tree in (number % 2 == 0, number % 2 == 1):
                seconds[has_tree].append(_admit(intakes[has_tree], batch, has_tree=has_tree) / len(batch))
        for intake in intakes.values():
            intake.close()
    whole, bare = median(seconds[True]), median(seconds[False])
    rows = [
        ["admission with the tree", f"{whole * 1e6:.1f}", f"{whole / bare - 1:+.1%}"],
        ["without: no leaf, no hash, no inner nodes", f"{bare * 1e6:.1f}", ""],
    ]
    note = f"Medians over {len(seconds[True])} batches of {BATCH_EVENTS:,}, each admitted both ways."
    return table("What the tree costs intake", ("way", "µs an event", "the tree adds"), rows, note)


def _admit(intake: Intake, batch: Sequence[Message], *, has_tree: bool) -> float:
    if has_tree:
        began = time.perf_counter()
        intake.admit(batch)
        return time.perf_counter() - began
    with (
        patch("services.intake.decisions.record_of", lambda *_: b""),
        patch("services.intake.decisions.leaf_of", lambda *_: b""),
        patch("services.log.blinding.keep", lambda *_: None),
        patch("services.intake.decisions.leaf_hash", lambda _: bytes(32)),
    ):
        began = time.perf_counter()
        intake.admit(batch)
        return time.perf_counter() - began
