"""The facts that the registries publish, one function for each type (spec/events.md, Types)."""

from typing import Final, NamedTuple

from services.demo_city.chance import iso

Data = dict[str, object]

MARKET: Final = "/registry/market-regulation"
CIVIL: Final = "/registry/civil-affairs"
TAX: Final = "/registry/taxation"
TRANSPORT: Final = "/registry/post-and-transport"
MEMBERS: Final = "/registry/members"
BRANCHES: Final = "/registry/branches"
LIAISON: Final = "/office/liaison"
SURVEY: Final = "/office/survey"
OFFICE: Final = "/office/organization-department"
SOURCE_OF_KIND: Final = {"new_economic": MARKET, "new_social": CIVIL, "new_employment_group": TRANSPORT}


class Fact(NamedTuple):
    """One fact before it is sent: its effective day, its registry, its type and its data."""

    day: int
    source: str
    type: str
    subject: str | None
    data: Data


def registered(source: str, day: int, attributes: Data) -> Fact:
    """`attributes` holds the registration's fields from `org` on."""
    org = str(attributes["org"])
    return Fact(day, source, "organization.registered", org, {"effective_on": iso(day), **attributes})


def changed(source: str, day: int, org: str, changes: Data) -> Fact:
    return Fact(day, source, "organization.changed", org, {"effective_on": iso(day), "org": org, **changes})


def deregistered(source: str, day: int, org: str, reason: str) -> Fact:
    return Fact(day, source, "organization.deregistered", org, {"effective_on": iso(day), "org": org, "reason": reason})


def excluded(day: int, org: str, reason: str) -> Fact:
    return Fact(day, SURVEY, "organization.excluded", org, {"effective_on": iso(day), "org": org, "reason": reason})


def readmitted(day: int, org: str) -> Fact:
    return Fact(day, SURVEY, "organization.readmitted", org, {"effective_on": iso(day), "org": org})


def enrolled(day: int, member: str, standing: str, org: str | None) -> Fact:
    data: Data = {"effective_on": iso(day), "member": member, "standing": standing, "org": org}
    return Fact(day, MEMBERS, "member.enrolled", member, data)


def transferred(day: int, member: str, from_org: str | None, to_org: str | None) -> Fact:
    data: Data = {"effective_on": iso(day), "member": member, "from_org": from_org, "to_org": to_org}
    return Fact(day, MEMBERS, "member.transferred", member, data)


def standing_changed(day: int, member: str, standing: str) -> Fact:
    data: Data = {"effective_on": iso(day), "member": member, "standing": standing}
    return Fact(day, MEMBERS, "member.standing_changed", member, data)


def removed(day: int, member: str) -> Fact:
    return Fact(day, MEMBERS, "member.removed", member, {"effective_on": iso(day), "member": member})


def formed(day: int, branch: str, *, name: str, tier: str, formation: str, region: str, covers: list[str]) -> Fact:
    data: Data = {
        "effective_on": iso(day), "branch": branch, "name": name, "tier": tier,
        "formation": formation, "region": region, "covers": covers,
    }  # fmt: skip
    return Fact(day, BRANCHES, "branch.formed", branch, data)


def coverage_changed(day: int, branch: str, changes: Data) -> Fact:
    """`changes` holds any of `add`, `drop` and `formation`."""
    return Fact(
        day, BRANCHES, "branch.coverage_changed", branch, {"effective_on": iso(day), "branch": branch, **changes}
    )


def dissolved(day: int, branch: str) -> Fact:
    return Fact(day, BRANCHES, "branch.dissolved", branch, {"effective_on": iso(day), "branch": branch})


def assigned(day: int, org: str, instructor: str) -> Fact:
    data: Data = {"effective_on": iso(day), "org": org, "instructor": instructor}
    return Fact(day, LIAISON, "instructor.assigned", org, data)


def withdrawn(day: int, org: str, instructor: str) -> Fact:
    data: Data = {"effective_on": iso(day), "org": org, "instructor": instructor}
    return Fact(day, LIAISON, "instructor.withdrawn", org, data)


def policy_adopted(day: int) -> Fact:
    """The usual thresholds: 3 full members, 50 employees, all three formations."""
    data: Data = {
        "effective_on": iso(day), "full_members_for_branch": 3, "employees_for_branch": 50,
        "formations_counted": ["standalone", "joint", "affiliated"],
    }  # fmt: skip
    return Fact(day, OFFICE, "policy.adopted", None, data)
