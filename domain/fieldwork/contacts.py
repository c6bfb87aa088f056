"""Who is assigned to which organization since when, and when they were last in contact (党建工作指导员联系)."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Final, NamedTuple

from domain.events.facts import Fact

ASSIGNED: Final = "taizhang.instructor.assigned.v1"
WITHDRAWN: Final = "taizhang.instructor.withdrawn.v1"
CONTACT: Final = "taizhang.contact.made.v1"


class Assignment(NamedTuple):
    """One instructor or liaison at one organization.

    Attributes:
        since: the first day of the assignment that stands.
        contacts: how many were told of since then.
        last: the day of the last of these; None: there was none.
        decided_by: the positions of the assignment.
    """

    org: str
    instructor: str
    since: date
    contacts: int
    last: date | None
    decided_by: tuple[int, ...]

    def quiet_days(self, as_of: date) -> int:
        """For how many days there has been no contact, since the last one or since the assignment."""
        return (as_of - (self.last or self.since)).days


def assignments(facts: Iterable[Fact], as_of: date, present: Collection[tuple[str, str]]) -> list[Assignment]:
    """The assignments of pairs of organization and instructor that stand on a date, in order of both.

    Args:
        facts: of instructors and of contacts, in canonical order.
        as_of: the date.
        present: the pairs that stand by the ledger.
    """
    found: dict[tuple[str, str], Assignment] = {}
    for fact in facts:
        if fact.effective_on > as_of:
            break
        if fact.type not in (ASSIGNED, WITHDRAWN, CONTACT):
            continue
        pair = fact.data["org"], fact.data["instructor"]
        before = found.get(pair)
        if fact.type == WITHDRAWN:
            found.pop(pair, None)
        elif fact.type == ASSIGNED:
            found.setdefault(pair, Assignment(*pair, fact.effective_on, 0, None, fact.decided_by))
        elif before is not None:
            found[pair] = before._replace(contacts=before.contacts + 1, last=fact.effective_on)
    return sorted(each for pair, each in found.items() if pair in present)
