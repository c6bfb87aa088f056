"""The activity policy: what a living branch is, with dates, replaced whole by each `activity_policy.adopted`."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from domain.events.facts import Fact
from domain.values.terms import MEETING_KINDS, TIERS, MeetingKind, Per, Tier


class Asked(NamedTuple):
    """How many meetings of a kind are asked for in each period of the calendar."""

    kind: MeetingKind
    least: int
    per: Per


class ActivityPolicy(NamedTuple):
    """What is asked of a branch.

    Attributes:
        meetings: by kind what is asked for, in the order of the kinds.
        periods: how many complete periods before a date are judged.
        term_years: by tier the length of a term whose last day was not said.
        members_for_branch_committee: full members from which meetings of the committee are owed.
        vacant_days_max: for how many days a secretary may be vacant.
    """

    meetings: tuple[Asked, ...]
    periods: int
    term_years: tuple[tuple[Tier, int], ...]
    members_for_branch_committee: int
    vacant_days_max: int

    @property
    def by_members(self) -> int | None:
        """From how many full members on more is owed; None where members decide nothing."""
        asked = any(each.kind == "branch_committee" for each in self.meetings)
        return self.members_for_branch_committee if asked else None


def read_activity_policy(data: Mapping[str, Any]) -> ActivityPolicy:
    """Read the data of an `activity_policy.adopted` event."""
    meetings, years = data["meetings"], data["term_years"]
    return ActivityPolicy(
        tuple(
            Asked(kind, meetings[kind]["least"], meetings[kind]["per"]) for kind in MEETING_KINDS if kind in meetings
        ),
        data["periods"],
        tuple((tier, years[tier]) for tier in TIERS if tier in years),
        data["members_for_branch_committee"],
        data["vacant_days_max"],
    )


def activity_policy_data(policy: ActivityPolicy) -> dict[str, Any]:
    """The policy as an event's data has it, but for the date."""
    return {
        "meetings": {each.kind: {"least": each.least, "per": each.per} for each in policy.meetings},
        "periods": policy.periods,
        "term_years": dict(policy.term_years),
        "members_for_branch_committee": policy.members_for_branch_committee,
        "vacant_days_max": policy.vacant_days_max,
    }


def activity_policy_in_force(facts: Iterable[Fact]) -> ActivityPolicy | None:
    """The policy after its facts, given in canonical order; None before the first."""
    policy = None
    for adopted in facts:
        policy = read_activity_policy(adopted.data)
    return policy
