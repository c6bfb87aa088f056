"""The data of branches: formed, changed, what they cover and how, their life, dissolved."""

from typing import Annotated

from pydantic import Field, model_validator

from domain.values.fields import (
    COVERS_MAX,
    GROUPS_MAX,
    BranchId,
    CalendarDate,
    Data,
    FactData,
    Name,
    OrganizationId,
    Organizations,
    RegionCode,
    at_least_one,
    given,
)
from domain.values.reach import Reach
from domain.values.terms import Formation, MeetingKind, SecretaryState, Tier


class Pair(Data):
    """An organization, and how the branch covers it."""

    org: OrganizationId
    formation: Formation


# Each an organization, covered by the branch's own formation, or said of the pair.
Groups = Annotated[int, Field(ge=0, le=GROUPS_MAX)]
Covered = Annotated[list[OrganizationId | Pair], Field(max_length=COVERS_MAX)]


class BranchFormed(FactData):
    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    name: Name
    tier: Tier
    formation: Formation
    region: RegionCode
    covers: Covered
    parent: BranchId | None = None
    groups: Groups = 0

    @model_validator(mode="after")
    def _parent_given(self) -> "BranchFormed":
        given(self, "parent")
        return self


class BranchChanged(FactData):
    """A branch's name, tier, parent (null: under none) or number of groups."""

    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    name: Name | None = None
    tier: Tier | None = None
    parent: BranchId | None = None
    groups: Groups | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "BranchChanged":
        at_least_one(self, "name", "tier", "parent", "groups")
        given(self, "name", "tier", "groups")
        return self


class BranchCoverageChanged(FactData):
    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    add: Covered | None = None
    drop: Organizations | None = None
    formation: Formation | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "BranchCoverageChanged":
        at_least_one(self, "add", "drop", "formation")
        given(self, "add", "drop", "formation")
        return self


class BranchTermBegan(FactData):
    """A term begins (换届); `to` is its last day, without it the activity policy's length for the tier runs."""

    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    to: CalendarDate | None = None

    @model_validator(mode="after")
    def _to_given(self) -> "BranchTermBegan":
        given(self, "to")
        return self


class BranchTermExtended(FactData):
    """The term goes on to a later last day."""

    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    to: CalendarDate


class BranchMeetingHeld(FactData):
    """A meeting was held on the day: of which kind, and whether it was quorate; never who came or what was said."""

    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    kind: MeetingKind
    quorate: bool


class BranchSecretaryReported(FactData):
    """Whether there is a secretary; never who."""

    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
    state: SecretaryState


class BranchDissolved(FactData):
    identifier = "branch"
    reach = Reach.WHERE_IT_STANDS
    branch: BranchId
