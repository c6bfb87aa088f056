"""What offices say of measures (分类施策) and of weak branches: deadlines, who answers, extensions, rectification."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import (
    BranchId,
    CalendarDate,
    Days,
    FactData,
    Named,
    OfficeId,
    OrganizationId,
    Reason,
    RegionCode,
)
from domain.values.reach import Reach
from domain.values.terms import Measure

Ground = Literal["could_stand_alone", "below_threshold", "without_members", "other"]
RectificationOutcome = Literal["rectified", "branch_dissolved", "withdrawn"]
RectificationId = Annotated[str, Named("rectification")]


def _each_once(grounds: list[Ground]) -> list[Ground]:
    if len(set(grounds)) != len(grounds):
        raise PydanticCustomError("ground_repeated", "each ground stands once")
    return grounds


class MeasureDeadlinesAdopted(FactData):
    """The deadlines, whole; days count from the day a measure opened, for a branch from the day of eligibility.

    `not_before` is the earliest due date there is; a measure without days has no due date.
    """

    reach = Reach.WHOLE_CITY
    not_before: CalendarDate | None = None
    establish_large_days: Days | None = None
    establish_days: Days | None = None
    combine_days: Days | None = None
    instruct_days: Days | None = None


class MeasureAssigned(FactData):
    """Which office answers for the measures of an organization, or of a region's organizations."""

    reach = Reach.WHAT_IT_NAMES
    office: OfficeId
    org: OrganizationId | None = None
    region: RegionCode | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "MeasureAssigned":
        if (self.org is None) == (self.region is None):
            raise PydanticCustomError("org_or_region", "an office answers for an org or for a region; name one of both")
        return self


class MeasureExtended(FactData):
    """Another due date for the measure that is open at an organization."""

    reach = Reach.WHAT_IT_NAMES
    org: OrganizationId
    measure: Measure
    due_on: CalendarDate
    reason: Reason


class RectificationOpened(FactData):
    identifier = "rectification"
    reach = Reach.WHAT_IT_NAMES
    rectification: RectificationId
    branch: BranchId
    grounds: Annotated[list[Ground], Field(min_length=1, max_length=4), AfterValidator(_each_once)]
    plan: Reason
    due_on: CalendarDate
    office: OfficeId


class RectificationClosed(FactData):
    identifier = "rectification"
    reach = Reach.WHAT_IT_NAMES
    rectification: RectificationId
    outcome: RectificationOutcome
    reason: Reason
