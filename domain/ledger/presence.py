"""What stands at one organization, and what its row says of it under a policy."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.ledger.policy import Policy
from domain.values.terms import FORMATIONS, Formation, Measure


class Presence(NamedTuple):
    """What stands at one organization: members by what they count as, covering formations, instructors.

    `effective` are the formations by which branches in effect cover it; None without an activity policy.
    """

    full_members: int = 0
    probationary_members: int = 0
    activists: int = 0
    formations: frozenset[Formation] = frozenset()
    instructors: int = 0
    full_elsewhere: int = 0
    probationary_elsewhere: int = 0
    effective: frozenset[Formation] | None = None


def formation(covering: Iterable[Formation]) -> Formation | None:
    """The strongest among the formations that cover the organization, or None."""
    return min(covering, key=FORMATIONS.index, default=None)


def organization_covered(covering: Iterable[Formation], policy: Policy) -> bool:
    """Whether at least one branch covers it by a formation that the policy counts."""
    return any(f in policy.formations_counted for f in covering)


def work_covered(strongest: Formation | None, instructors: int) -> bool:
    """Organization coverage by any formation, or at least one instructor."""
    return strongest is not None or instructors > 0


def members_counted(full_members: int, full_elsewhere: int, policy: Policy) -> int:
    """The full members that the policy looks at."""
    return full_members + (full_elsewhere if policy.members_counted == "here_and_elsewhere" else 0)


def eligible(full_members: int, policy: Policy) -> bool:
    """Whether it has the full members, of those counted, that the policy asks for to form a branch of its own."""
    return full_members >= policy.full_members_for_branch


def measure(employees: int | None, full_members: int, policy: Policy) -> Measure:
    """What the policy asks for; the first that holds. `full_members` are those counted; unknown employees are fewer."""
    if employees is not None and employees >= policy.employees_for_branch:
        return "establish_large"
    if eligible(full_members, policy):
        return "establish"
    return "combine" if full_members >= 1 else "instruct"
