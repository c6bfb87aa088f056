"""Assessments as events: a report sealed with all that it rests on, and superseded by a later one."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.events.campaigns import CampaignTarget, Points
from domain.values.attributes import LINES_PATTERN
from domain.values.clocks import Basis
from domain.values.fields import (
    AssessmentId,
    CalendarDate,
    CampaignId,
    Data,
    Employees,
    FactData,
    Name,
    OfficeId,
    Reason,
    Segment,
    Threshold,
    given,
)
from domain.values.reach import Reach
from domain.values.terms import Formation, MembersCounted

SEALED = "taizhang.assessment.sealed.v1"
GROUPS_MAX = 1_000
TARGETS_MAX = 100

Count = Annotated[int, Field(ge=0)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Names of counts and of dimensions (spec/domain.md, Rates).
Term = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}(:[a-z_]{1,32})?(:[0-9]{1,2})?$")]
CountsByName = Annotated[dict[Term, Count], Field(max_length=30)]


class SealedPolicy(Data):
    full_members_for_branch: Threshold
    employees_for_branch: Threshold
    formations_counted: Annotated[list[Formation], Field(min_length=1, max_length=3)]
    members_counted: MembersCounted | None = None
    small_unit: Employees | None = None


class SealedRate(Data):
    """Both sides of a rate; without a numerator where the question had no answer."""

    numerator: Count | None = None
    denominator: Count

    @model_validator(mode="after")
    def _numerator_given(self) -> "SealedRate":
        given(self, "numerator")
        return self


class SealedBase(SealedRate):
    """The rate that a relative target was measured against, and the percentage points beyond it."""

    points: Points | None


class SealedVerdict(SealedRate):
    known_at: Count
    # Of a day before the log began, reports once took `effective_on`; what they call recorded_at is `recorded`.
    basis: Basis | Literal["recorded_at", "effective_on"] | None
    reached: bool | None
    # Of a relative target alone, as of the target itself.
    asked: SealedBase | None = None


class SealedTarget(CampaignTarget):
    """A target as it was set, and where it stood."""

    start: SealedRate
    now: SealedRate
    required: Count | None
    missing: Count | None
    organizations_missing: Count | None
    reached: bool | None
    as_known_then: SealedVerdict | None
    as_known_now: SealedVerdict | None
    asked: SealedBase | None = None


class SealedGroup(Data):
    key: Annotated[list[str | None], Field(max_length=10)]
    counts: CountsByName


class AssessmentSealed(FactData):
    """A report with all that it rests on; with `supersedes` it takes the place of an earlier one, for `reason`."""

    identifier = "assessment"
    reach = Reach.WHOLE_CITY
    assessment: AssessmentId
    title: Name
    office: OfficeId
    campaign: CampaignId
    as_of: CalendarDate
    known_at: Count
    group_by: Annotated[list[Term], Field(max_length=10)]
    segment: Segment
    policy: SealedPolicy
    targets: Annotated[list[SealedTarget], Field(max_length=TARGETS_MAX)]
    groups: Annotated[list[SealedGroup], Field(max_length=GROUPS_MAX)]
    total: CountsByName
    root_hash: Hash
    ruleset: Hash
    # A signed note (C2SP signed-note) is of lines; every other text of an event is of one.
    checkpoint: Annotated[
        str, StringConstraints(min_length=1, max_length=4_000), Field(json_schema_extra={"pattern": LINES_PATTERN})
    ]
    supersedes: AssessmentId | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _superseded_with_a_reason(self) -> "AssessmentSealed":
        if (self.supersedes is None) != (self.reason is None):
            raise PydanticCustomError("reason", "supersedes and its reason stand together; give both or neither")
        if self.supersedes == self.assessment:
            raise PydanticCustomError("supersedes_itself", "a report takes the place of another one; name that")
        return self


class AssessmentSuperseded(FactData):
    """The same said by an event of its own, as it once was; the service puts it into the later report's event."""

    identifier = "assessment"
    reach = Reach.WHOLE_CITY
    assessment: AssessmentId
    by: AssessmentId
    reason: Reason
