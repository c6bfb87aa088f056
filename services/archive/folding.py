"""`taizhang replay --engine local`: the events of an archive folded anew, in one process and its memory."""

from typing import Any

from domain.ledger.rates import group
from services.archive.figures import Question, answer
from services.evidence.bundles.answers import fold, no_garbage_collection


def replay(asked: Question) -> dict[str, Any]:
    """The answer to a question by the rules as they stand in `domain`, from nothing but the events.

    Raises:
        ArchiveError: the events do not give the roots that were signed.
    """
    with no_garbage_collection():
        counted = [
            group(fold(log.events(known.position), asked.as_of).rows(), asked.dimensions, asked.filters)
            for log, known in asked.logs
        ]
    return answer(asked, counted)
