"""What an operator states of the log's own instants: between which positions the database's clock was wrong."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import FactData, Reason
from domain.values.reach import Reach

FAMILY: Final = "clock"
#: Beyond any log, and the last integer that every reader of JSON holds (RFC 8259, 6).
POSITION_MAX: Final = 2**53 - 1
#: Which way a clock was wrong.
Was = Literal["ahead", "behind"]
Position = Annotated[int, Field(ge=1, le=POSITION_MAX)]


class ClockFoundWrong(FactData):
    """The database's clock was wrong from position `first` to `last`, both included; `effective_on` the day it began.

    A position's instants are never changed. What is stated speaks of positions before the event's own, and of those
    after `last` that got its very instant, because the clock had not passed it.
    """

    reach = Reach.WHOLE_CITY
    first: Position
    last: Position
    was: Was
    reason: Reason

    @model_validator(mode="after")
    def _in_order(self) -> "ClockFoundWrong":
        if self.last < self.first:
            raise PydanticCustomError("positions_in_order", "the last position is not before the first")
        return self
