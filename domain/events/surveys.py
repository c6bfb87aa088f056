"""The survey (大起底、大排查) as events: a survey opened over a region, and visits with their six findings (六清)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from domain.values import codes, reasons
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
    """Whether it is clear who the owner is; a value stands in visits of before alone (said_no_more)."""

    clear: bool
    value: SkipJsonSchema[Literal["member", "not_member"]] | None = None


class BranchWorkFinding(Data):
    clear: bool
    value: BranchWork | None = None


class ProblemsFinding(Data):
    """What stands in the way, from the closed list; words of one's own stand in visits of before (said_no_more)."""

    clear: bool
    value: Problem | SkipJsonSchema[Reason] | None = None


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


_NO_OWNER: Final = (
    "a visit says whether it is clear who the owner is, and never whether the owner is a member; leave it out"
)
_CLOSED: Final = f"the sixth finding comes from a closed list: {', '.join(get_args(Problem))}; send one of these"


def said_no_more(data: Mapping[str, Any]) -> list[reasons.Reason]:
    """What of a visit's data, or of what takes its place, no new event carries (spec/events.md, What no event carries).

    Visits that have it already stand as they are: whoever reads them leaves it out.
    """
    findings = data.get("findings")
    if not isinstance(findings, Mapping):
        return []

    def value(name: str) -> object:
        finding = findings.get(name)
        return finding.get("value") if isinstance(finding, Mapping) else None

    found = []
    if value("owner") is not None:
        found.append(reasons.Reason("owner_membership", "/data/findings/owner/value", None, _NO_OWNER))
    if value("problems") not in (None, *get_args(Problem)):
        found.append(reasons.Reason("problem_words", "/data/findings/problems/value", None, _CLOSED))
    return found


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
