"""When each position was learned, and which position an instant means (domain.md, Learned at)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Arrived(NamedTuple):
    """One position: when the log took it in, the import that it is of (None: it is live), its `time` in nanoseconds."""

    recorded_at: datetime
    history: str | None
    time_ns: int


def learned_at(positions: Sequence[Arrived]) -> list[datetime]:
    """By the text: of an import the latest `time` so far, never before the one before, never after it was recorded.

    Instants of learning are whole microseconds; what a `time` has beyond them is cut off.
    """
    learned: list[datetime] = []
    for number, position in enumerate(positions):
        if position.history is None:
            learned.append(position.recorded_at)
            continue
        so_far = [each.time_ns for each in positions[: number + 1] if each.history == position.history]
        said = EPOCH + timedelta(microseconds=max(so_far) // 1000)
        learned.append(min(max([said, *learned[-1:]]), position.recorded_at))
    return learned


def position_at(learned: Sequence[datetime], instant: datetime) -> int:
    """The last position learned at or before an instant; 0 where there is none."""
    return max((number for number, at in enumerate(learned, 1) if at <= instant), default=0)
