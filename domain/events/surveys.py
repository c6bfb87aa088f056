"""The survey (大起底、大排查) as events: a survey opened over a region, and visits with their six findings (六清)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values import codes
from domain.values.fields import (
    Address,
    CalendarDate,
    Data,
    Employees,
    FactData,
    Name,
    Named,
    OfficeId,
    OrganizationId,
    Reason,
    RegionCode,
)
from domain.values.reach import Reach
from domain.values.terms import Kind

SurveyId = Annotated[str, Named("survey")]
VisitId = Annotated[str, Named("visit", codes.check_pseudonym)]
GridId = Annotated[str, Named("grid", codes.check_pseudonym)]
Operation = Literal["operating", "suspended", "closed", "not_found"]
BranchWork = Literal["standalone", "joint", "affiliated", "instructor", "none"]
Problem = Literal[
    "no_members", "few_members", "relations_not_transferred", "in_preparation", "premises", "other"
]  # fmt: skip


class OperationFinding(Data):
    clear: bool
    value: Operation | None = None


class CountFinding(Data):
    clear: bool
    value: Employees | None = None


class OwnerFinding(Data):
    """Whether the owner is a member; who it is never enters the log."""

    clear: bool
    value: Literal["member", "not_member"] | None = None


class BranchWorkFinding(Data):
    clear: bool
    value: BranchWork | None = None


class ProblemsFinding(Data):
    """What stands in the way, from the closed list; before there was one, offices wrote words of their own."""

    clear: bool
    value: Problem | Reason | None = None


class Findings(Data):
    """The six findings (六清): each is clear or not, with the value found; `members` are full members."""

    operation: OperationFinding
    employees: CountFinding
    members: CountFinding
    owner: OwnerFinding
    branch_work: BranchWorkFinding
    problems: ProblemsFinding


class Unknown(Data):
    """An organization found that no registry knows."""

    name: Name
    region: RegionCode
    address: Address | None = None


class SurveyOpened(FactData):
    """A survey of the organizations that the ledger has active in a region at the end of `effective_on`."""

    identifier = "survey"
    reach = Reach.WHAT_IT_NAMES
    survey: SurveyId
    name: Name
    region: RegionCode
    due_on: CalendarDate
    office: OfficeId
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=3)] | None = None


class VisitMade(FactData):
    """One visit of a survey on `effective_on`; `revisits` names the visit that a sample looks at again."""

    identifier = "visit"
    reach = Reach.WHAT_IT_NAMES
    visit: VisitId
    survey: SurveyId
    grid: GridId
    org: OrganizationId | None = None
    unknown: Unknown | None = None
    findings: Findings
    revisits: VisitId | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "VisitMade":
        if (self.org is None) == (self.unknown is None):
            raise PydanticCustomError("org_or_unknown", "a visit names the org, or describes the unknown one")
        return self
