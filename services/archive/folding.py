"""`taizhang replay --engine local`: the events of an archive folded anew, in one process and its memory."""

from typing import Any

from domain.ledger.rates import group
from domain.ledger.rows import Ledger
from services.archive.figures import Counted, Question, answer
from services.evidence.bundles.answers import fold, no_garbage_collection


def replay(asked: Question) -> dict[str, Any]:
    """The answer to a question by the rules as they stand in `domain`, from nothing but the events.

    Raises:
        ArchiveError: the events do not give the roots that were signed.
    """
    with no_garbage_collection():
        counted = [_counted(fold(log.events(known.position), asked.as_of), asked) for log, known in asked.logs]
    return answer(asked, counted)


def _counted(state: Ledger, asked: Question) -> Counted:
    return Counted(group(state.rows(), asked.dimensions, asked.filters), state.activity_policy is not None)
