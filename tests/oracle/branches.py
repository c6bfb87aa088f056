"""Branches and whether they live: pairs of formation, parents, terms, meetings, secretaries.

Source: domain.md, "Branches: how they cover, and whether they live".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.oracle.instants import complete_periods, last_day_of_years, years_on
from tests.oracle.placing import in_circle

STRONGEST_FIRST = ("standalone", "joint", "affiliated")


@dataclass
class Branch:
    formed_on: date
    name: str
    tier: str
    region: str
    formation: str
    # By organization: the formation said of the pair, or null where it is the branch's own.
    covers: dict[str, str | None] = field(default_factory=dict)
    parent: str | None = None
    groups: int = 0
    term_from: date = date.min
    term_to: date | None = None
    extensions: list[tuple[str, date]] = field(default_factory=list)
    # The days of the meetings that were quorate, by kind.
    meetings: dict[str, list[date]] = field(default_factory=dict)
    vacant_since: date | None = None

    def formation_of(self, org: str) -> str:
        return self.covers[org] or self.formation


def _cover(branch: Branch, items: list[Any]) -> None:
    for item in items:
        if isinstance(item, str):
            branch.covers[item] = None
        else:
            branch.covers[item["org"]] = item["formation"]


def _put_under(branches: Mapping[str, Branch], name: str, parent: str | None) -> str | None:
    if in_circle(name, parent, lambda at: branches[at].parent if at in branches else None):
        return "parent_in_circle"
    branches[name].parent = parent
    return None


def _form(branches: dict[str, Branch], on: date, data: Mapping[str, Any]) -> str | None:
    branch = branches[data["branch"]] = Branch(
        on, data["name"], data["tier"], data["region"], data["formation"], groups=data.get("groups", 0), term_from=on
    )
    _cover(branch, data["covers"])
    return _put_under(branches, data["branch"], data.get("parent"))


def _coverage_changed(branch: Branch, data: Mapping[str, Any]) -> None:
    branch.formation = data.get("formation", branch.formation)
    _cover(branch, data.get("add", []))
    for org in data.get("drop", []):
        branch.covers.pop(org, None)


def _secretary_reported(branch: Branch, on: date, state: str) -> None:
    if state == "filled":
        branch.vacant_since = None
    elif branch.vacant_since is None:
        branch.vacant_since = on


def apply(branches: dict[str, Branch], name: str, on: date, data: Mapping[str, Any]) -> str | None:  # noqa: C901 -- the types' lines, one after the other
    """What a branch's fact does; the anomaly's code where it contradicts what stands."""
    branch = branches.get(data["branch"])
    if name == "formed":
        return "already_formed" if branch else _form(branches, on, data)
    if not branch:
        return "not_formed"
    if name == "coverage_changed":
        _coverage_changed(branch, data)
    elif name == "dissolved":
        del branches[data["branch"]]
    elif name == "term_began":
        branch.term_from, branch.extensions = on, []
        branch.term_to = date.fromisoformat(data["to"]) if "to" in data else None
    elif name == "term_extended":
        branch.extensions.append((data["branch"], date.fromisoformat(data["to"])))
    elif name == "meeting_held" and data["quorate"]:
        branch.meetings.setdefault(data["kind"], []).append(on)
    elif name == "secretary_reported":
        _secretary_reported(branch, on, data["state"])
    elif name == "changed":
        branch.name, branch.tier = data.get("name", branch.name), data.get("tier", branch.tier)
        branch.groups = data.get("groups", branch.groups)
        if "parent" in data:
            return _put_under(branches, data["branch"], data["parent"])
    return None


def term_ends(branch: Branch, policy: Mapping[str, Any] | None) -> tuple[date | None, list[date]]:
    """The term's last day (null: not bounded, or not known without a policy), and the extensions that are too long.

    A term is extended by at most a year beyond its own last day, however often; the last extension said stands.
    """
    own = branch.term_to
    if own is None and policy is not None and branch.tier in policy["term_years"]:
        own = last_day_of_years(branch.term_from, policy["term_years"][branch.tier])
    if own is None:
        return None, []
    ends, too_long = own, []
    for _, to in branch.extensions:
        if to > years_on(own, 1):
            too_long.append(to)
        elif to > own:
            ends = to
    return ends, too_long


def owes(branch: Branch, kind: str, members: int, policy: Mapping[str, Any]) -> bool:
    """Whether meetings of the kind are owed, with so many full members at the organizations covered."""
    if kind == "branch_committee":
        return members >= int(policy["members_for_branch_committee"])
    return kind != "group" or branch.groups > 0


def kinds_missed(branch: Branch, members: int, policy: Mapping[str, Any], as_of: date) -> set[str]:
    """The kinds of meetings owed that were not held in every judged period."""
    missed = set()
    for kind, rule in policy["meetings"].items():
        if not owes(branch, kind, members, policy):
            continue
        for first, last in complete_periods(rule["per"], policy["periods"], as_of):
            held = sum(first <= day <= last for day in branch.meetings.get(kind, []))
            if first >= branch.formed_on and held < rule["least"]:
                missed.add(kind)
    return missed


def in_effect(
    branches: Mapping[str, Branch],
    name: str,
    full_members: Mapping[str, int],
    policy: Mapping[str, Any] | None,
    as_of: date,
) -> bool | None:
    """Whether the branch lives; null without a policy. `full_members` by active organization."""
    if policy is None:
        return None
    branch = branches[name]
    if branch.tier != "branch":
        below = [other for other, found in branches.items() if found.parent == name]
        return any(in_effect(branches, other, full_members, policy, as_of) for other in below)
    ends, _ = term_ends(branch, policy)
    if ends is not None and ends < as_of:
        return False
    vacant = branch.vacant_since
    if vacant is not None and (as_of - vacant).days > policy["vacant_days_max"]:
        return False
    members = sum(full_members.get(org, 0) for org in branch.covers)
    return not kinds_missed(branch, members, policy, as_of)
