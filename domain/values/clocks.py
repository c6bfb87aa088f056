"""The two clocks of a question (spec/domain.md, Two clocks)."""

from datetime import date
from typing import NamedTuple


class Clocks(NamedTuple):
    """The date at whose end a question asks, and the position of the log up to which all is known."""

    as_of: date
    known_at: int

    @property
    def day(self) -> int:
        """The date as an ordinal."""
        return self.as_of.toordinal()
