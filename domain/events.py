"""The event types and their data (spec/events.md, Types).

Each type is one pydantic model of its `data`; `EVENT_TYPES` is the registry of all of them.
The models are strict: a number in quotes, an unknown field or a null where none belongs is refused.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain import codes
from domain.instants import parse_date
from domain.terms import (
    CATEGORIES_OF_KIND,
    Category,
    DeregistrationReason,
    ExclusionReason,
    Formation,
    Kind,
    Standing,
    Tier,
)

NAME_LENGTH_MAX: Final = 200
ADDRESS_LENGTH_MAX: Final = 500
REASON_LENGTH_MAX: Final = 1_000
COVERS_MAX: Final = 10_000
EMPLOYEES_MAX: Final = 10_000_000
IDENTITY_LENGTH_MAX: Final = 128
SOURCE_LENGTH_MAX: Final = 256

# Facts of one day and one instant apply in this order (spec/domain.md, The ledger, step 3).
START, CHANGE, END = 0, 1, 2


def _coded(check: Callable[[str], str]) -> AfterValidator:
    def validate(value: str) -> str:
        try:
            return check(value)
        except codes.CodeError as error:
            raise PydanticCustomError("code", "{reason}", {"reason": str(error), "rule": error.rule}) from None

    return AfterValidator(validate)


def _read_date(value: object) -> date:
    if not isinstance(value, str):
        raise PydanticCustomError("date", "a date is a string, written YYYY-MM-DD")
    try:
        return parse_date(value)
    except ValueError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None


def _no_blank(value: str) -> str:
    if not value.strip() or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise PydanticCustomError("text", "text is not blank and holds no control characters")
    return value


CalendarDate = Annotated[date, BeforeValidator(_read_date), WithJsonSchema({"type": "string", "format": "date"})]
OrganizationId = Annotated[
    str,
    _coded(codes.check_organization),
    Field(json_schema_extra={"pattern": "^(uscc:[0-9A-HJ-NP-RTUWXY]{18}|group:[A-Za-z0-9-]{1,40})$"}),
]
MemberId = Annotated[
    str,
    _coded(lambda value: codes.check_pseudonym(value, "member")),
    Field(json_schema_extra={"pattern": "^member:[A-Za-z0-9_-]{1,64}$"}),
]
InstructorId = Annotated[
    str,
    _coded(lambda value: codes.check_pseudonym(value, "person")),
    Field(json_schema_extra={"pattern": "^person:[A-Za-z0-9_-]{1,64}$"}),
]
BranchId = Annotated[
    str,
    _coded(lambda value: codes.check_named(value, "branch")),
    Field(json_schema_extra={"pattern": "^branch:[A-Za-z0-9_-]{1,64}$"}),
]
RegionCode = Annotated[
    str,
    _coded(codes.check_region),
    Field(json_schema_extra={"pattern": "^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$"}),
]
IndustryCode = Annotated[
    str,
    _coded(codes.check_industry),
    Field(json_schema_extra={"pattern": "^[A-T]([0-9]{2,4})?$"}),
]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LENGTH_MAX),
    AfterValidator(_no_blank),
]
Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=ADDRESS_LENGTH_MAX),
    AfterValidator(_no_blank),
]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REASON_LENGTH_MAX),
    AfterValidator(_no_blank),
]
Employees = Annotated[int, Field(ge=0, le=EMPLOYEES_MAX)]
Threshold = Annotated[int, Field(ge=1, le=EMPLOYEES_MAX)]
Days = Annotated[int, Field(ge=1, le=3_650)]
Organizations = Annotated[list[OrganizationId], Field(max_length=COVERS_MAX)]


class Data(BaseModel):
    """The data of one event; `identifier` names the field with the first identifier, if any."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    identifier: ClassVar[str | None] = None


class FactData(Data):
    """Data that states a fact of the world, true from `effective_on` on."""

    effective_on: CalendarDate


def _at_least_one(model: Data, *fields: str) -> None:
    if not model.model_fields_set.intersection(fields):
        listed = ", ".join(fields)
        raise PydanticCustomError("nothing_said", "at least one of {fields}", {"fields": listed})


def _given(model: Data, *fields: str) -> None:
    for field in model.model_fields_set.intersection(fields):
        if getattr(model, field) is None:
            raise PydanticCustomError(
                "not_clearable", "{field} can't be null; leave it out to keep it", {"field": field}
            )


class OrganizationRegistered(FactData):
    identifier = "org"
    org: OrganizationId
    kind: Kind
    category: Category
    name: Name
    region: RegionCode
    industry: IndustryCode | None = None
    employees: Employees | None = None
    supervisor: Name | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _kind_agrees(self) -> "OrganizationRegistered":
        if self.category not in CATEGORIES_OF_KIND[self.kind]:
            raise PydanticCustomError(
                "category_of_another_kind",
                "{kind} has the categories {categories}",
                {"kind": self.kind, "categories": ", ".join(CATEGORIES_OF_KIND[self.kind])},
            )
        prefix = "group:" if self.kind == "new_employment_group" else "uscc:"
        if not self.org.startswith(prefix):
            raise PydanticCustomError(
                "organization_of_another_kind",
                "{kind} is identified by {prefix}",
                {"kind": self.kind, "prefix": prefix},
            )
        return self


class OrganizationChanged(FactData):
    identifier = "org"
    org: OrganizationId
    category: Category | None = None
    name: Name | None = None
    region: RegionCode | None = None
    industry: IndustryCode | None = None
    employees: Employees | None = None
    supervisor: Name | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "OrganizationChanged":
        _at_least_one(self, "category", "name", "region", "industry", "employees", "supervisor", "address")
        _given(self, "category", "name", "region")
        return self


class OrganizationDeregistered(FactData):
    identifier = "org"
    org: OrganizationId
    reason: DeregistrationReason


class OrganizationExcluded(FactData):
    identifier = "org"
    org: OrganizationId
    reason: ExclusionReason


class OrganizationReadmitted(FactData):
    identifier = "org"
    org: OrganizationId


class MemberEnrolled(FactData):
    identifier = "member"
    member: MemberId
    standing: Standing
    org: OrganizationId | None


class MemberTransferred(FactData):
    identifier = "member"
    member: MemberId
    from_org: OrganizationId | None
    to_org: OrganizationId | None
    standing: Standing | None = None

    @model_validator(mode="after")
    def _standing_given(self) -> "MemberTransferred":
        _given(self, "standing")
        return self


class MemberStandingChanged(FactData):
    identifier = "member"
    member: MemberId
    standing: Standing


class MemberRemoved(FactData):
    identifier = "member"
    member: MemberId


class BranchFormed(FactData):
    identifier = "branch"
    branch: BranchId
    name: Name
    tier: Tier
    formation: Formation
    region: RegionCode
    covers: Organizations


class BranchCoverageChanged(FactData):
    identifier = "branch"
    branch: BranchId
    add: Organizations | None = None
    drop: Organizations | None = None
    formation: Formation | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "BranchCoverageChanged":
        _at_least_one(self, "add", "drop", "formation")
        _given(self, "add", "drop", "formation")
        return self


class BranchDissolved(FactData):
    identifier = "branch"
    branch: BranchId


class InstructorAssigned(FactData):
    identifier = "org"
    org: OrganizationId
    instructor: InstructorId


class InstructorWithdrawn(FactData):
    identifier = "org"
    org: OrganizationId
    instructor: InstructorId


class PolicyAdopted(FactData):
    full_members_for_branch: Threshold
    employees_for_branch: Threshold
    formations_counted: Annotated[list[Formation], Field(min_length=1, max_length=3)]


class SignalsAdopted(FactData):
    backdated_days: Days
    backdated_grace_days: Days
    short_lived_days: Days
    moved_days: Days
    without_members_days: Days
    exclusion_days: Days
    exclusion_factor: Threshold
    exclusions_min: Threshold
    correction_days: Days
    correction_sigmas: Threshold
    corrections_min: Threshold


class EventName(Data):
    """The name of an event: its `source` and `id`."""

    source: Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]
    id: Annotated[str, StringConstraints(min_length=1, max_length=IDENTITY_LENGTH_MAX)]


class EventCorrected(Data):
    corrects: EventName
    replacement: dict[str, Any]
    reason: Reason


class EventRetracted(Data):
    retracts: EventName
    reason: Reason


_MODELS: Final[dict[str, tuple[type[Data], int | None]]] = {
    "organization.registered": (OrganizationRegistered, START),
    "organization.changed": (OrganizationChanged, CHANGE),
    "organization.deregistered": (OrganizationDeregistered, END),
    "organization.excluded": (OrganizationExcluded, CHANGE),
    "organization.readmitted": (OrganizationReadmitted, CHANGE),
    "member.enrolled": (MemberEnrolled, START),
    "member.transferred": (MemberTransferred, CHANGE),
    "member.standing_changed": (MemberStandingChanged, CHANGE),
    "member.removed": (MemberRemoved, END),
    "branch.formed": (BranchFormed, START),
    "branch.coverage_changed": (BranchCoverageChanged, CHANGE),
    "branch.dissolved": (BranchDissolved, END),
    "instructor.assigned": (InstructorAssigned, START),
    "instructor.withdrawn": (InstructorWithdrawn, END),
    "policy.adopted": (PolicyAdopted, CHANGE),
    "signals.adopted": (SignalsAdopted, CHANGE),
    "event.corrected": (EventCorrected, None),
    "event.retracted": (EventRetracted, None),
}
EVENT_TYPES: Final[dict[str, type[Data]]] = {f"taizhang.{name}.v1": model for name, (model, _) in _MODELS.items()}
RANKS: Final[dict[str, int]] = {f"taizhang.{name}.v1": rank for name, (_, rank) in _MODELS.items() if rank is not None}
CORRECTED: Final = "taizhang.event.corrected.v1"
RETRACTED: Final = "taizhang.event.retracted.v1"
