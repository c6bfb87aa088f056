"""What one batch of events adds to the ledger's tables; every row is bound to a position.

All tables but the records are append-only. A later row overrides an earlier one on the days
that it spans, from its own position on, so that any state of knowledge stays readable.
"""

import json
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.ledger.activity import ActivityPolicy, activity_policy_data, read_activity_policy
from domain.ledger.entities import Attributes
from domain.ledger.placements import Answers
from domain.values.spans import FOREVER as FOREVER  # noqa: PLC0414 - here too, where days are
from domain.values.terms import Anomaly, CountedAs, Formation

# Days are proleptic Gregorian ordinals (date.toordinal); a span [from, FOREVER) has no end.
NO_ENTRY: Final = -1
INACTIVE: Final = -1

# An organization's raw state, before any policy: attributes number or INACTIVE, exclusion
# (0 none, else 1 + index in EXCLUSION_REASONS), members by standing, branches by formation,
# instructors, members whose relation is elsewhere by standing, the number of its answers (domain.ledger.placements),
# of which 0 is of those of whom nobody said anything, branches in effect by formation.
RawState = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
EMPTY: Final[RawState] = (INACTIVE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

ATTRIBUTES, EXCLUDED = 0, 1
AT_COUNTED: Final[dict[CountedAs, int]] = {
    "full": 2, "probationary": 3, "activist": 4, "full_elsewhere": 9, "probationary_elsewhere": 10,
}  # fmt: skip
AT_FORMATION: Final = {"standalone": 5, "joint": 6, "affiliated": 7}
AT_INSTRUCTORS: Final = 8
AT_ANSWERS: Final = 11
AT_EFFECTIVE: Final[dict[Formation, int]] = {"standalone": 12, "joint": 13, "affiliated": 14}


class Entry(NamedTuple):
    """From `position` on, the organization's raw state on the days [day_from, day_to)."""

    entry: int
    position: int
    org_no: int
    day_from: int
    day_to: int
    previous: int
    state: RawState


class PresenceEntry(NamedTuple):
    """From `position` on, what a member, branch or instructor is at the organization on the days.

    `value` is what the member counts as, the formation or `assigned`; None where it is not there.
    """

    position: int
    entity: str
    org_no: int
    day_from: int
    day_to: int
    value: str | None


class AnomalyEntry(NamedTuple):
    """From `position` on, whether the contradiction that `fact_position` shows is present."""

    position: int
    anomaly: Anomaly
    subject: str | None
    fact_position: int
    day: int | None
    detail: str
    present: bool


class PolicyEntry(NamedTuple):
    """From `position` on, the policy on the days: thresholds, the formations and the members counted.

    The last two are None in tables of a release that did not have them.
    """

    position: int
    day_from: int
    day_to: int
    full_members_for_branch: int
    employees_for_branch: int
    formations_counted: list[str]
    members_counted: str | None
    small_unit: int | None


class ActivityPolicyEntry(NamedTuple):
    """From `position` on, the activity policy on the days, as JSON of its event's data; None where none is in force."""

    position: int
    day_from: int
    day_to: int
    data: str | None

    @classmethod
    def of(cls, position: int, day_from: int, day_to: int, policy: ActivityPolicy | None) -> "ActivityPolicyEntry":
        """The entry of a policy."""
        data = None if policy is None else json.dumps(activity_policy_data(policy), sort_keys=True)
        return cls(position, day_from, day_to, data)

    @property
    def policy(self) -> ActivityPolicy | None:
        """The policy that it tells of."""
        return None if self.data is None else read_activity_policy(json.loads(self.data))


class BranchEntry(NamedTuple):
    """From `position` on, a branch's own state on the days; all None but the first four while it is not formed.

    Days are ordinals.
    """

    position: int
    branch: str
    day_from: int
    day_to: int
    name: str | None
    tier: str | None
    formation: str | None
    region: str | None
    groups: int | None
    formed_on: int | None
    term_from: int | None
    term_to: int | None
    extended_to: list[int] | None
    vacant_since: int | None


class MeetingEntry(NamedTuple):
    """From `position` on, whether a quorate meeting of a formed branch was held on a day; each stands by itself."""

    position: int
    branch: str
    day: int
    kind: str
    held: int


class ParentEntry(NamedTuple):
    """From `position` on, the branch that a branch stands under on the days; None for none."""

    position: int
    branch: str
    day_from: int
    day_to: int
    parent: str | None


class InEffectEntry(NamedTuple):
    """From `position` on, whether a branch is in effect on the days."""

    position: int
    branch: str
    day_from: int
    day_to: int
    in_effect: bool


class Mention(NamedTuple):
    """The event at `position` speaks of `identifier`; known from `since` on."""

    identifier: str
    position: int
    since: int


@dataclass(slots=True)
class Changes:
    """The rows to add, in order."""

    entries: list[Entry] = field(default_factory=list)
    presences: list[PresenceEntry] = field(default_factory=list)
    anomalies: list[AnomalyEntry] = field(default_factory=list)
    policies: list[PolicyEntry] = field(default_factory=list)
    activity_policies: list[ActivityPolicyEntry] = field(default_factory=list)
    branches: list[BranchEntry] = field(default_factory=list)
    meetings: list[MeetingEntry] = field(default_factory=list)
    parents: list[ParentEntry] = field(default_factory=list)
    in_effect: list[InEffectEntry] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    organizations: list[tuple[int, str]] = field(default_factory=list)
    attributes: list[tuple[int, int, Attributes]] = field(default_factory=list)
    answers: list[tuple[int, Answers]] = field(default_factory=list)
    words: list[tuple[str, str, int]] = field(default_factory=list)
