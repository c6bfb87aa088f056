"""How a source's full lists are read: the column profile kept for the source, as an office's act (list.profiled)."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import SOURCE_LENGTH_MAX, FactData
from domain.values.reach import Reach
from domain.values.terms import DeregistrationReason

ListField = Literal["org", "category", "name", "region", "industry", "employees", "supervisor", "address"]
REQUIRED_FIELDS: Final[tuple[ListField, ...]] = ("org", "category", "name", "region")
HEADING_LENGTH_MAX: Final = 200

Heading = Annotated[str, StringConstraints(min_length=1, max_length=HEADING_LENGTH_MAX)]
Percent = Annotated[int, Field(ge=0, le=100)]
Source = Annotated[str, StringConstraints(min_length=1, max_length=SOURCE_LENGTH_MAX)]


class ListProfiled(FactData):
    """The profile of one source's lists, whole; the last one effective stands.

    Attributes:
        list: the source whose lists it describes.
        columns: by field the heading of its column; fields left out are not compared, unless a constant states them.
        constants: by field what holds for every row of the list.
        categories: by the list's own words the category that they mean.
        digits: by field how many digits its codes have, so that lost leading zeros can be given back.
        deregistered_percent_max: of the source's active organizations; a list that would deregister a larger share
            is held until a person confirms the number.
        deregistered_reason: what a deregistration gives as its reason where the list only leaves a row out.
    """

    identifier = "list"
    reach = Reach.WHOLE_CITY
    list: Source
    columns: dict[ListField, Heading]
    constants: Annotated[dict[Literal["category", "region", "industry", "supervisor"], Heading], Field(default={})]
    categories: Annotated[dict[Heading, Heading], Field(default={}, max_length=200)]
    digits: Annotated[dict[Literal["region", "industry"], Annotated[int, Field(ge=2, le=12)]], Field(default={})]
    deregistered_percent_max: Percent = 5
    deregistered_reason: DeregistrationReason = "dissolved"

    @model_validator(mode="after")
    def _complete(self) -> "ListProfiled":
        missing = [f for f in REQUIRED_FIELDS if f not in self.columns and f not in self.constants]
        if missing:
            raise PydanticCustomError(
                "column_missing", "a profile names a column or a constant for {fields}", {"fields": ", ".join(missing)}
            )
        return self
