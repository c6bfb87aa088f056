"""The data of the activity policy: what a living branch is (spec/domain.md, Branches)."""

from typing import Annotated, Final

from pydantic import Field

from domain.values.fields import Data, FactData, Threshold
from domain.values.reach import Reach
from domain.values.terms import MeetingKind, Per, Tier

MEETINGS_LEAST_MAX: Final = 31
PERIODS_MAX: Final = 24
TERM_YEARS_MAX: Final = 20
VACANT_DAYS_MAX: Final = 3_650


class MeetingsAsked(Data):
    """How often meetings of one kind are asked for in each period."""

    least: Annotated[int, Field(ge=1, le=MEETINGS_LEAST_MAX)]
    per: Per


class ActivityPolicyAdopted(FactData):
    """Replaces the one before whole.

    `periods` complete ones before the date are judged; a tier without `term_years` has terms without an end of their
    own; kinds of meetings that are not named are not asked for.
    """

    reach = Reach.WHOLE_CITY
    meetings: dict[MeetingKind, MeetingsAsked]
    periods: Annotated[int, Field(ge=1, le=PERIODS_MAX)]
    term_years: dict[Tier, Annotated[int, Field(ge=1, le=TERM_YEARS_MAX)]]
    members_for_branch_committee: Threshold
    vacant_days_max: Annotated[int, Field(ge=0, le=VACANT_DAYS_MAX)]
