"""The policy: data with effective dates, replaced whole by each `policy.adopted`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.values.terms import FORMATIONS, Formation


class Policy(NamedTuple):
    """What the campaign asks for.

    Attributes:
        full_members_for_branch: full members from which an organization is eligible.
        employees_for_branch: employees from which it should establish a branch at once.
        formations_counted: the formations that count as organization coverage, strongest first.
    """

    full_members_for_branch: int
    employees_for_branch: int
    formations_counted: tuple[Formation, ...]


DEFAULT_POLICY: Final = Policy(3, 50, FORMATIONS)


def read_policy(data: Mapping[str, Any]) -> Policy:
    """Read the data of a `policy.adopted` event."""
    counted = tuple(f for f in FORMATIONS if f in data["formations_counted"])
    return Policy(data["full_members_for_branch"], data["employees_for_branch"], counted)


def policy_in_force(facts: Iterable[Fact]) -> Policy:
    """The policy after `facts` of the policy, given in canonical order."""
    policy = DEFAULT_POLICY
    for adopted in facts:
        policy = read_policy(adopted.data)
    return policy
