"""A list's plan published in the writer's turn: all of it, or nothing, unless something that matters came since."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple

from domain.values.clocks import Learning
from services.intake.in_turn import CameSinceError, Grounds, Matters, act_on
from services.intake.intake import Intake
from services.lists.facts import HEAD
from services.lists.plan import TURN_EVENTS_MAX, Plan
from services.log.messages import Message, Receipt
from services.log.recorder import LogRecorder
from services.log.turns import Turn

_NAMED_MAX: Final = 3


class Published(NamedTuple):
    """What was published.

    Attributes:
        counts: differences by disposition.
        stated: events that state the list itself.
        position: the highest one; None where there was nothing to publish.
    """

    counts: dict[str, int]
    stated: int
    position: int | None


def matters(source: str, about: Iterable[str], sources: Iterable[str]) -> Matters:
    """What a list's plan rests on.

    What the source says, what is said of its events and of its lists; and what was asked of other sources, of
    organizations and of those sources' lists.
    """
    return Matters(sources=frozenset((source,)), subjects=frozenset((source, *about, *sources)))


def publish_plan(
    intake: Intake,
    plan: Plan,
    source: str,
    events: Iterator[bytes],
    messages_of: Callable[[Sequence[bytes], int], Sequence[Message]],
) -> Published:
    """Publish a plan's events, a turn's worth at a time.

    Args:
        intake: that of the service.
        plan: as it was decided.
        source: whose list it is.
        events: the plan's, in order.
        messages_of: makes messages of events, the first of which has this number in the plan.

    Raises:
        CameSinceError: something came since the plan was decided; what it rests on is no longer so.
        ActRefusedError, StoreUnavailableError: as `services.intake.in_turn.act`.
    """
    rests_on = matters(source, plan.about, plan.sources)
    counts = {"accepted": 0, "duplicate": 0, "quarantined": 0}
    position, done = plan.position, 0
    while batch := list(islice(events, TURN_EVENTS_MAX)):
        try:
            receipts = act_on(intake, Grounds(position, rests_on), messages_of(batch, done))
        except CameSinceError as error:
            if not done:
                raise
            raise CameSinceError(
                f"{done:,} of the plan's {plan.events:,} events were published, then {error}. Send the same list "
                "again: it publishes what is left",
                error.position,
                error.came,
            ) from error
        # The statement comes last.
        differences = max(0, plan.differences - done)
        for receipt in receipts[:differences]:
            counts[receipt.disposition] += 1
        position, done = last_position(receipts, position), done + len(batch)
    return Published(counts, plan.events - plan.differences, position if done else None)


def last_position(receipts: Iterable[Receipt], position: int) -> int:
    """The highest position of a turn's events, or the one before where there is none."""
    return max((r.position for r in receipts if r.position is not None), default=position)


def came_since(recorder: LogRecorder, source: str, plan: Plan, position: int) -> str:
    """What came after a position of all that a plan rests on, in words; empty where nothing did."""
    grounds = Grounds(position, matters(source, plan.about, plan.sources))
    with recorder.transaction() as cursor:
        row = cursor.execute(HEAD).fetchone()
        turn = Turn(row[0] if row else 0, None, 0, datetime.now(UTC), Learning(None, {}), 0, blinded=False)
        came = grounds.came(cursor, turn)
    named = ", ".join(f"{e.type} of {e.source} at position {e.position}" for e in came[:_NAMED_MAX])
    more = len(came) - _NAMED_MAX
    return named + (f" and {more} more" if more > 0 else "")
