"""Score sheets (百分制考核) as an office adopts them, and the scores that offices report of themselves."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import BodyId, CalendarDate, Data, FactData, Name, OfficeId, RegionCode, given
from domain.values.reach import Reach
from domain.values.terms import Kind, RateName

ITEMS_MAX = 30
FULL_SCORE = 100

ItemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# Points of a score, from 0 to 100, of at most two places.
ScorePoints = Annotated[str, StringConstraints(pattern=r"^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)$")]
# A ratio from 0 to 1, or a difference of ratios: 0.2 are 20 percentage points.
Mark = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$")]
# What of a rate earns points: where it stands, or how far it rose from a date.
Measured = Literal["level", "rise"]


class ScoreItem(Data):
    """One line: a rate earns nothing up to `zero_at`, all of its `worth` from `full_at` on, in between its share."""

    item: ItemName
    title: Name
    worth: ScorePoints
    rate: RateName
    kind: Kind | None = None
    basis: Name | None = None
    measured: Measured = "level"
    base_on: CalendarDate | None = None
    zero_at: Mark
    full_at: Mark

    @model_validator(mode="after")
    def _can_be_scored(self) -> Self:
        given(self, "kind", "basis", "base_on")
        if Decimal(self.zero_at) >= Decimal(self.full_at):
            raise PydanticCustomError("score_marks", "zero_at lies below full_at")
        if (self.measured == "rise") != (self.base_on is not None):
            raise PydanticCustomError(
                "score_base", "a rise has base_on, the date that it is counted from; a level none"
            )
        return self


class ScoreSheetAdopted(FactData):
    """How offices are scored under this name, from its date on; it replaces the one before it whole."""

    reach = Reach.WHOLE_CITY
    name: Name
    title: Name
    items: Annotated[list[ScoreItem], Field(min_length=1, max_length=ITEMS_MAX)]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        names = [each.item for each in self.items]
        if len(set(names)) != len(names):
            raise PydanticCustomError("score_item_repeated", "each item stands once; give another name")
        total = sum(Decimal(each.worth) for each in self.items)
        if total != FULL_SCORE:
            raise PydanticCustomError(
                "score_weights", "the weights add up to {total}, not to 100; change them", {"total": str(total)}
            )
        if any(each.base_on is not None and each.base_on >= self.effective_on for each in self.items):
            raise PydanticCustomError("score_base_late", "base_on lies before effective_on, the sheet's date")
        return self


class ScoreReported(FactData):
    """The points that an office gives itself for a date, by a sheet's items: of its division, or of its body."""

    reach = Reach.WHAT_IT_NAMES
    name: Name
    office: OfficeId
    region: RegionCode | None = None
    body: BodyId | None = None
    points: Annotated[dict[ItemName, ScorePoints], Field(min_length=1, max_length=ITEMS_MAX)]

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        given(self, "region", "body")
        if (self.region is None) == (self.body is None):
            raise PydanticCustomError("score_of_one", "a score is of a division or of a body; give one of the two")
        return self
