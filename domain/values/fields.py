"""The shapes that the data of events share: annotated fields, and the bases of their models (spec/events.md).

The models are strict: a number in quotes, an unknown field or a null where none belongs is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from domain.values import codes
from domain.values.instants import DATE_PATTERN, parse_date
from domain.values.reach import Reach
from domain.values.terms import CATEGORIES_OF_KIND, Category, Kind

NAME_LENGTH_MAX: Final = 200
ADDRESS_LENGTH_MAX: Final = 500
REASON_LENGTH_MAX: Final = 1_000
REMARK_LENGTH_MAX: Final = 200
COVERS_MAX: Final = 10_000
GROUPS_MAX: Final = 1_000
EMPLOYEES_MAX: Final = 10_000_000
IDENTITY_LENGTH_MAX: Final = 128
SOURCE_LENGTH_MAX: Final = 256


def coded(check: Callable[[str], str]) -> AfterValidator:
    """A validator that calls a check of `domain.values.codes`."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except codes.CodeError as error:
            raise PydanticCustomError("code", "{reason}", {"reason": str(error), "rule": error.rule}) from None

    return AfterValidator(validate)


@dataclass(frozen=True, slots=True)
class Named:
    """An identifier: its family, a colon, and 1 to 64 of `A-Z a-z 0-9 _ -`, as a check in `codes` has it."""

    family: str
    check: Callable[[str, str], str] = codes.check_named

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return coded(lambda value: self.check(value, self.family)).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^{self.family}:[A-Za-z0-9_-]{{1,64}}$"}


def _read_date(value: object) -> date:
    if not isinstance(value, str):
        raise PydanticCustomError("date", "a date is a string, written YYYY-MM-DD")
    try:
        return parse_date(value)
    except ValueError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None


def _no_blank(value: str) -> str:
    # What hides in a text is looked for in the whole event at once (domain.events.envelope).
    if not value.strip():
        raise PydanticCustomError("blank", "text is not blank; leave the field out where there is none")
    return value


_DATE_SCHEMA = WithJsonSchema({"type": "string", "format": "date", "pattern": f"^(?:{DATE_PATTERN})$"})
CalendarDate = Annotated[date, BeforeValidator(_read_date), _DATE_SCHEMA]
OrganizationId = Annotated[
    str,
    coded(codes.check_organization),
    Field(json_schema_extra={"pattern": "^(uscc:[0-9A-HJ-NP-RTUWXY]{18}|group:[A-Za-z0-9-]{1,40})$"}),
]
MemberId = Annotated[str, Named("member", codes.check_pseudonym)]
InstructorId = Annotated[str, Named("person", codes.check_pseudonym)]
BranchId = Annotated[str, Named("branch")]
BodyId = Annotated[str, Named("body")]
OfficeId = Annotated[str, Named("office", codes.check_pseudonym)]
CampaignId = Annotated[str, Named("campaign")]
AssessmentId = Annotated[str, Named("assessment")]
RegionCode = Annotated[
    str,
    coded(codes.check_region),
    Field(json_schema_extra={"pattern": codes.REGION_PATTERN}),
]
IndustryCode = Annotated[
    str,
    coded(codes.check_industry),
    Field(json_schema_extra={"pattern": "^[A-T]([0-9]{2,4})?$"}),
]
# str.strip() takes these, as far as text may hold them.
NOT_BLANK_PATTERN: Final = r"[^ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_NOT_BLANK: Final = Field(json_schema_extra={"pattern": NOT_BLANK_PATTERN})
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=NAME_LENGTH_MAX),
    AfterValidator(_no_blank),
    _NOT_BLANK,
]
Address = Annotated[
    str,
    StringConstraints(min_length=1, max_length=ADDRESS_LENGTH_MAX),
    AfterValidator(_no_blank),
    _NOT_BLANK,
]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REASON_LENGTH_MAX),
    AfterValidator(_no_blank),
    _NOT_BLANK,
]
# What stands beside a closed list (spec/events.md, What no event carries).
Remark = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REMARK_LENGTH_MAX),
    AfterValidator(_no_blank),
    _NOT_BLANK,
]
Employees = Annotated[int, Field(ge=0, le=EMPLOYEES_MAX)]
Threshold = Annotated[int, Field(ge=1, le=EMPLOYEES_MAX)]
Days = Annotated[int, Field(ge=1, le=3_650)]
Organizations = Annotated[list[OrganizationId], Field(max_length=COVERS_MAX)]


class Data(BaseModel):
    """The data of one event; `identifier` names the field with the first identifier, if any.

    `reach` is what an event of the type changes; each type states its own, parts of an event have none.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    identifier: ClassVar[str | None] = None
    reach: ClassVar[Reach | None] = None


class FactData(Data):
    """Data that states a fact of the world, true from `effective_on` on."""

    effective_on: CalendarDate


def at_least_one(model: Data, *fields: str) -> None:
    """Refuses data that names none of these fields."""
    if not model.model_fields_set.intersection(fields):
        listed = ", ".join(fields)
        raise PydanticCustomError("nothing_said", "at least one of {fields}", {"fields": listed})


def given(model: Data, *fields: str) -> None:
    """Refuses a null where a field can only be left out."""
    for field in model.model_fields_set.intersection(fields):
        if getattr(model, field) is None:
            raise PydanticCustomError(
                "not_clearable", "{field} can't be null; leave it out to keep it", {"field": field}
            )


class EventName(Data):
    """The name of an event: its `source` and `id`."""

    source: Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]
    id: Annotated[str, StringConstraints(min_length=1, max_length=IDENTITY_LENGTH_MAX)]


class Segment(Data):
    """The organizations that something speaks of: all where nothing is given; region and industry are prefixes.

    `body` means all that answer to it or below it, `basis` how they are counted: both as they stand at each date.
    """

    region: RegionCode | None = None
    kind: Kind | None = None
    category: Category | None = None
    industry: IndustryCode | None = None
    body: BodyId | None = None
    basis: Name | None = None

    @model_validator(mode="after")
    def _kind_agrees(self) -> Self:
        if self.kind and self.category and self.category not in CATEGORIES_OF_KIND[self.kind]:
            raise PydanticCustomError(
                "category_of_another_kind",
                "{kind} has the categories {categories}",
                {"kind": self.kind, "categories": ", ".join(CATEGORIES_OF_KIND[self.kind])},
            )
        return self
