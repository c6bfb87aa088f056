"""What is known of a position of the log, and what a stranger needs to check a figure as known there."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from domain.inspection.wrong_clock import WrongClock
from domain.values.clocks import Basis
from services.ledger.wrong_clocks import Stated


class Known(NamedTuple):
    """A position of the log: when it was recorded and learned (None for 0), and the root hash of the tree up to it.

    `basis`: whose word `learned_at` is, this log's own or that of an import's sources. The hash is in hex.
    `wrong` are the statements by which the database's clock was wrong there, or among the positions of a range.
    """

    position: int
    recorded_at: datetime | None
    learned_at: datetime | None
    basis: Basis
    root_hash: str
    wrong: tuple[WrongClock, ...] = ()


class Evidence(NamedTuple):
    """What a stranger needs to check a figure: the tree that holds the events, and the rules.

    `ruleset` made the rows; `read_by` are the rules that made figures of them, where those are others: None else.
    """

    tree_size: int
    root_hash: str
    ruleset: str
    read_by: str | None


def doubted(known: Known, stated: Sequence[Stated]) -> Known:
    """A position with the statements that its clock was wrong."""
    wrong = tuple(each.clock for each in stated if each.speaks_of(known.position, known.recorded_at))
    return known._replace(wrong=wrong) if wrong else known
