"""The policy: data with effective dates, replaced whole by each `policy.adopted`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.values.terms import FORMATIONS, Formation, MembersCounted


class Policy(NamedTuple):
    """What the campaign asks for.

    Attributes:
        full_members_for_branch: full members from which an organization is eligible.
        employees_for_branch: employees from which it should establish a branch at once.
        formations_counted: the formations that count as organization coverage, strongest first.
        members_counted: whose relation makes an organization eligible, and decides its measure.
        small_unit: employees below which members are told in bands.
    """

    full_members_for_branch: int
    employees_for_branch: int
    formations_counted: tuple[Formation, ...]
    members_counted: MembersCounted = "here"
    small_unit: int = 10


DEFAULT_POLICY: Final = Policy(3, 50, FORMATIONS)


def read_policy(data: Mapping[str, Any]) -> Policy:
    """Read the data of a `policy.adopted` event."""
    counted = tuple(f for f in FORMATIONS if f in data["formations_counted"])
    return Policy(
        data["full_members_for_branch"], data["employees_for_branch"], counted,
        data.get("members_counted", DEFAULT_POLICY.members_counted), data.get("small_unit", DEFAULT_POLICY.small_unit),
    )  # fmt: skip


def policy_in_force(facts: Iterable[Fact]) -> Policy:
    """The policy after `facts` of the policy, given in canonical order."""
    policy = DEFAULT_POLICY
    for adopted in facts:
        policy = read_policy(adopted.data)
    return policy
