"""The two clocks of a question, and when a position was learned (spec/domain.md, Two clocks, Learned at)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple

#: The intake coordinate that names the import which a position is of.
IMPORT: Final = "import"
#: What an instant of learning rests on: this log's own clock, or (an import) the sources' word.
Basis = Literal["recorded", "said"]
#: What an answer at position 0 says of itself.
NOTHING_KNOWN: Final = "before the first position: nothing was known yet, so the ledger is empty"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1_000


class Clocks(NamedTuple):
    """The date at whose end a question asks, and the position of the log up to which all is known."""

    as_of: date
    known_at: int

    @property
    def day(self) -> int:
        """The date as an ordinal."""
        return self.as_of.toordinal()


def basis_of(coordinates: Mapping[str, object]) -> Basis:
    """What `learned_at` of a position with these intake coordinates rests on."""
    return "said" if IMPORT in coordinates else "recorded"


class Learning:
    """When each position was learned, one after the other.

    Of an import it is the latest CloudEvents `time` of the import so far, down to the microsecond; never before the
    position before it, never after it was recorded. Of all others it is when they were recorded.
    """

    def __init__(self, learned_at: datetime | None, ahead: Mapping[str, int]) -> None:
        """Go on from a position.

        Args:
            learned_at: that position's; None before the first.
            ahead: by import the latest `time` so far, in nanoseconds since 1970; where that is not after
                `learned_at` it may be left out.
        """
        self.learned_at = learned_at
        self._latest_ns = dict(ahead)

    def next(self, recorded_at: datetime, coordinates: Mapping[str, object], time_ns: int) -> datetime | None:
        """When the next position was learned, by its intake coordinates and its `time`; None: when it was recorded."""
        history = coordinates.get(IMPORT)
        if history is None:
            self.learned_at = recorded_at
            return None
        name = str(history)
        latest_ns = self._latest_ns[name] = max(self._latest_ns.get(name, time_ns), time_ns)
        said = _EPOCH + timedelta(microseconds=latest_ns // _NS_PER_US)
        self.learned_at = min(recorded_at, said if self.learned_at is None else max(self.learned_at, said))
        return self.learned_at

    def ahead(self) -> dict[str, int]:
        """What still counts at an import's next position, as the constructor takes it."""
        learned_at = self.learned_at or _EPOCH
        learned_us = (learned_at - _EPOCH) // timedelta(microseconds=1)
        return {name: ns for name, ns in self._latest_ns.items() if ns // _NS_PER_US > learned_us}
