"""Matching as events: a person decides whether two records are the same organization; another may undo it."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.events.surveys import VisitId
from domain.values.fields import FactData, Named, OrganizationId, Reason
from domain.values.reach import Reach

MatchId = Annotated[str, Named("match")]
# The position of the state on which the person decided.
KnownAt = Annotated[int, Field(ge=0)]


class MatchDecided(FactData):
    """`org` and `other`, or `org` and what a visit found, are the same organization, or are not."""

    identifier = "match"
    reach = Reach.WHAT_IT_NAMES
    match: MatchId
    org: OrganizationId
    other: OrganizationId | None = None
    visit: VisitId | None = None
    same: bool
    reason: Reason
    known_at: KnownAt | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "MatchDecided":
        if (self.other is None) == (self.visit is None):
            raise PydanticCustomError(
                "other_or_visit", "a match is with an other org, or with a visit; name one of both"
            )
        if self.other == self.org:
            raise PydanticCustomError("same_record", "a record is the same as itself; name another one")
        return self


class MatchUndone(FactData):
    identifier = "match"
    reach = Reach.WHAT_IT_NAMES
    match: MatchId
    reason: Reason
    known_at: KnownAt | None = None
