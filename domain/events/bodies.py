"""The data of bodies, of who answers to them, and of the bases of rates (谁主管谁负责, 口径)."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import (
    BodyId,
    Employees,
    FactData,
    Name,
    OrganizationId,
    at_least_one,
    given,
)
from domain.values.reach import Reach
from domain.values.terms import BodyKind, Category, Formation

# What a question names that asks by no basis; no event makes or replaces it.
ALL: str = "all"


class BodyCreated(FactData):
    identifier = "body"
    reach = Reach.WHOLE_CITY
    body: BodyId
    kind: BodyKind
    name: Name
    parent: BodyId | None = None

    @model_validator(mode="after")
    def _parent_given(self) -> "BodyCreated":
        given(self, "parent")
        return self


class BodyChanged(FactData):
    """A body's name or parent (null: under none)."""

    identifier = "body"
    reach = Reach.WHOLE_CITY
    body: BodyId
    name: Name | None = None
    parent: BodyId | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "BodyChanged":
        at_least_one(self, "name", "parent")
        given(self, "name")
        return self


class BodyClosed(FactData):
    identifier = "body"
    reach = Reach.WHOLE_CITY
    body: BodyId


class OrganizationPlaced(FactData):
    """An organization answers to a body; with `body` null and a `kind`, to none of that kind (直接登记)."""

    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    body: BodyId | None
    kind: BodyKind | None = None

    @model_validator(mode="after")
    def _kind_of_none(self) -> "OrganizationPlaced":
        given(self, "kind")
        if (self.body is None) != (self.kind is not None):
            raise PydanticCustomError(
                "kind_of_none", "a kind stands where body is null, to say that it has none of that kind, and only there"
            )
        return self


class OrganizationUnplaced(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    body: BodyId


class BasisAdopted(FactData):
    """Whom a rate of this name counts, and which formations count as covered; it replaces the one before it whole."""

    reach = Reach.WHOLE_CITY
    name: Name
    title: Name
    categories: Annotated[list[Category], Field(max_length=20)]
    legal_persons_only: bool
    employees_min: Employees | None
    formations_counted: Annotated[list[Formation], Field(min_length=1, max_length=3)]

    @model_validator(mode="after")
    def _not_all(self) -> "BasisAdopted":
        if self.name == ALL:
            raise PydanticCustomError("basis_of_all", "the basis all is that of every organization; give another name")
        return self
