"""Campaigns (集中攻坚) as events of the office that runs them: opened, target set or revised, closed."""

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import CalendarDate, CampaignId, FactData, Name, OfficeId, Reason, Segment
from domain.values.reach import Reach
from domain.values.terms import RateName

# `at_least` is reached by the value itself, `more_than` only above it.
Comparator = Literal["at_least", "more_than"]
TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# A ratio above 0 and up to 1, of at most four places, as rates are shown.
TargetValue = Annotated[str, StringConstraints(pattern=r"^(0\.[0-9]{1,4}|1\.0{1,4})$")]


class CampaignOpened(FactData):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId
    name: Name
    office: OfficeId


class CampaignTarget(Segment):
    """A target: this rate, of the organizations of this segment, at least or more than this value on this date."""

    target: TargetName
    rate: RateName
    comparator: Comparator
    value: TargetValue
    due_on: CalendarDate
    office: OfficeId


class CampaignTargetSet(FactData, CampaignTarget):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId

    @model_validator(mode="after")
    def _can_be_reached(self) -> "CampaignTargetSet":
        if float(self.value) == 0:
            raise PydanticCustomError("target_reached", "a target is above 0, which every group reaches")
        if self.comparator == "more_than" and float(self.value) == 1:
            raise PydanticCustomError("target_unreachable", "no rate is more than 1; write at_least 1.0000")
        if self.due_on < self.effective_on:
            raise PydanticCustomError("target_past", "due_on is not before effective_on, the date it is set")
        return self


class CampaignClosed(FactData):
    identifier = "campaign"
    reach = Reach.WHOLE_CITY
    campaign: CampaignId
    reason: Reason
