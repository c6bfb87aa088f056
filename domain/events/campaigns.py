"""Campaigns (集中攻坚) as events of the office that runs them: opened, target set or revised, closed."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import CalendarDate, CampaignId, FactData, Name, OfficeId, Reason, Segment, given
from domain.values.reach import Reach
from domain.values.terms import RateName

# `at_least` is reached by the value itself, `more_than` only above it.
Comparator = Literal["at_least", "more_than"]
TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# A ratio above 0 and up to 1, of at most four places, as rates are shown.
TargetValue = Annotated[str, StringConstraints(pattern=r"^(0\.[0-9]{1,4}|1\.0{1,4})$")]

# Percentage points from 0 to 100, of at most two places, as differences of rates are shown.
Points = Annotated[str, StringConstraints(pattern=r"^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)$")]
# What a relative target is measured against: the segment's own rate, or that of the whole city.
Against = Literal["itself", "city"]


class CampaignOpened(FactData):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId
    name: Name
    office: OfficeId


class CampaignTarget(Segment):
    """A target: this rate, of the organizations of this segment, at least or more than what is asked, on this date.

    Asked is `value`; or, relatively, the rate of what it is measured `against` on the date `base_on` (the city's, where
    that is left out, on the date that is looked at), and so many percentage points more: `points`, or what the
    `wording` of that name means then.
    """

    target: TargetName
    rate: RateName
    comparator: Comparator
    value: TargetValue | None = None
    against: Against | None = None
    base_on: CalendarDate | None = None
    points: Points | None = None
    wording: Name | None = None
    due_on: CalendarDate
    office: OfficeId

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        given(self, "value", "against", "base_on", "points", "wording")
        return self


class CampaignTargetSet(FactData, CampaignTarget):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId

    @model_validator(mode="after")
    def _one_is_asked(self) -> Self:
        relative = (self.against, self.base_on, self.points, self.wording)
        if (self.value is None) == (self.against is None) or (self.value and any(relative)):
            raise PydanticCustomError(
                "target_asked", "a target asks for a value, or is measured against something; give one of the two"
            )
        if self.against is not None and (self.points is None) == (self.wording is None):
            raise PydanticCustomError(
                "target_points", "a relative target has points, or a wording that is defined; give one of the two"
            )
        if self.against == "itself" and self.base_on is None:
            raise PydanticCustomError("target_base", "what is measured against itself needs base_on, the base's date")
        if self.base_on is not None and self.base_on >= self.due_on:
            raise PydanticCustomError("target_base_late", "base_on lies before due_on")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.value is not None and float(self.value) == 0:
            raise PydanticCustomError("target_reached", "a target is above 0, which every group reaches")
        if self.value is not None and self.comparator == "more_than" and float(self.value) == 1:
            raise PydanticCustomError("target_unreachable", "no rate is more than 1; write at_least 1.0000")
        if self.due_on < self.effective_on:
            raise PydanticCustomError("target_past", "due_on is not before effective_on, the date it is set")
        return self


class WordingAdopted(FactData):
    """What a wording of documents means (大幅提升: at least so many percentage points more), from its date on."""

    reach = Reach.WHOLE_CITY
    name: Name
    points: Points


class CampaignClosed(FactData):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId
    reason: Reason
