"""Regions that change (行政区划变更): created, renamed, retired, merged, split, moved to another parent.

A renamed division keeps its code; one that changes its parent is retired and gets a new code. `children` says which
code each smaller division gets; one that is not named follows the longest code above it that is, by its last digits.
"""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import FactData, Name, Reason, RegionCode
from domain.values.reach import Reach

Children = Annotated[dict[RegionCode, RegionCode], Field(max_length=10_000)]


class RegionCreated(FactData):
    identifier = "region"
    reach = Reach.WHOLE_CITY
    region: RegionCode
    name: Name
    name_en: Name | None = None


class RegionRenamed(FactData):
    identifier = "region"
    reach = Reach.WHOLE_CITY
    region: RegionCode
    name: Name
    name_en: Name | None = None


class RegionRetired(FactData):
    """Retired with nobody after it; what was there cannot be mapped to later dates."""

    identifier = "region"
    reach = Reach.WHOLE_CITY
    region: RegionCode
    reason: Reason


class _Succeeded(FactData):
    region: RegionCode
    children: Annotated[Children, Field(default={})]

    @model_validator(mode="after")
    def _below(self) -> "_Succeeded":
        wrong = [code for code in self.children if not code.startswith(self.region) or code == self.region]
        if wrong:
            raise PydanticCustomError(
                "child_elsewhere", "{child} is not below {region}", {"child": wrong[0], "region": self.region}
            )
        return self


class RegionMerged(_Succeeded):
    """It ends, and is part of `into` from `effective_on` on."""

    identifier = "region"
    reach = Reach.WHOLE_CITY
    into: RegionCode


class RegionMoved(_Succeeded):
    """It has another parent and so another code, `to`, from `effective_on` on."""

    identifier = "region"
    reach = Reach.WHOLE_CITY
    to: RegionCode


class RegionSplit(_Succeeded):
    """It ends, and its parts are in these regions; only `children` says what went where."""

    identifier = "region"
    reach = Reach.WHOLE_CITY
    into: Annotated[list[RegionCode], Field(min_length=2, max_length=100)]
