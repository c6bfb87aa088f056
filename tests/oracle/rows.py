"""What each organization's row says, and the contradictions that a state shows.

Source: domain.md, "What each organization's row says".
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.oracle import branches, placing
from tests.oracle.facts import Anomaly, Fact
from tests.oracle.fold import State, fold

Row = dict[str, Any]
OPTIONAL = ("industry", "employees", "supervisor", "address", "registered_region", "above_scale")


def _heads(state: State) -> dict[str, dict[str, int]]:
    """By active organization: the members now at it."""
    zero = {"full_members": 0, "probationary_members": 0, "activists": 0, "members_elsewhere": 0, "full_elsewhere": 0}
    heads = {org: dict(zero) for org in state.organizations}
    for member in state.members.values():
        if member.org not in heads:
            continue
        at = heads[member.org]
        if member.standing == "activist":
            at["activists"] += 1
        elif member.relation == "elsewhere":
            at["members_elsewhere"] += 1
            at["full_elsewhere"] += member.standing == "full"
        else:
            at["full_members" if member.standing == "full" else "probationary_members"] += 1
    return heads


def legal_person(attributes: dict[str, Any]) -> bool:
    said = attributes.get("legal_person")
    if said is not None:
        return bool(said)
    return bool(attributes["category"] != "sole_proprietor" and attributes["kind"] != "new_employment_group")


def _measure(policy: dict[str, Any], employees: int | None, full: int) -> str:
    if employees is not None and employees >= policy["employees_for_branch"]:
        return "establish_large"
    if full >= policy["full_members_for_branch"]:
        return "establish"
    return "combine" if full >= 1 else "instruct"


def _rows(state: State, as_of: date, formations_counted: Iterable[str] | None) -> dict[str, Row]:
    policy, heads = state.policy, _heads(state)
    counted = set(policy["formations_counted"] if formations_counted is None else formations_counted)
    full = {org: at["full_members"] for org, at in heads.items()}
    living = {
        name: branches.in_effect(state.branches, name, full, state.activity_policy, as_of) for name in state.branches
    }
    rows = {}
    for org, organization in state.organizations.items():
        attributes = organization.attributes
        pairs = {name: found.formation_of(org) for name, found in state.branches.items() if org in found.covers}
        at = heads[org]
        who_counts = at["full_members"]
        if policy["members_counted"] == "here_and_elsewhere":
            who_counts += at["full_elsewhere"]
        formation = next((how for how in branches.STRONGEST_FIRST if how in pairs.values()), None)
        counting = [name for name, how in pairs.items() if how in counted]
        rows[org] = {
            **dict.fromkeys(OPTIONAL),
            **attributes,
            "legal_person": legal_person(attributes),
            **{key: value for key, value in at.items() if key != "full_elsewhere"},
            "formation": formation,
            "organization_covered": bool(counting),
            "work_covered": formation is not None or any(at_org == org for at_org, _ in state.instructors),
            "excluded": organization.excluded,
            "eligible": who_counts >= policy["full_members_for_branch"],
            "measure": _measure(policy, attributes.get("employees"), who_counts),
            "effectively_covered": None if state.activity_policy is None else any(living[name] for name in counting),
            "bodies": placing.answers_to(state.bodies, state.placements.get(org, [])),
        }
    return rows


def _seen(state: State) -> list[Anomaly]:
    """What the state of a day shows, beside what single facts contradict."""
    anomalies = []
    for name, branch in state.branches.items():
        anomalies += [Anomaly("covers_inactive", name, org) for org in branch.covers if org not in state.organizations]
        _, too_long = branches.term_ends(branch, state.activity_policy)
        anomalies += [Anomaly("extension_too_long", name, to.isoformat()) for to in too_long]
    for name, member in state.members.items():
        if member.org is not None and member.org not in state.organizations:
            anomalies.append(Anomaly("member_at_inactive", name, member.org))
    for org, there in state.placements.items():
        anomalies += [
            Anomaly("body_not_created", org, placement.body)
            for placement in there
            if placement.body is not None and placement.body not in state.bodies
        ]
    return anomalies


def branch_rows(state: State, as_of: date) -> dict[str, Row]:
    """The branches' ledger: each formed branch, its term, and whether it is in effect."""
    full = {org: at["full_members"] for org, at in _heads(state).items()}
    policy = state.activity_policy
    found = {}
    for name, branch in state.branches.items():
        ends, _ = branches.term_ends(branch, policy)
        members = sum(full.get(org, 0) for org in branch.covers)
        found[name] = {
            "name": branch.name,
            "tier": branch.tier,
            "formation": branch.formation,
            "region": branch.region,
            "parent": branch.parent if branch.parent in state.branches else None,
            "groups": branch.groups,
            "covers": {org: branch.formation_of(org) for org in branch.covers},
            "term": (branch.term_from, ends),
            "vacant_since": branch.vacant_since,
            "full_members": members,
            "in_effect": branches.in_effect(state.branches, name, full, policy, as_of),
            "missed": None if policy is None else branches.kinds_missed(branch, members, policy, as_of),
        }
    return found


def ledger(
    facts: Iterable[Fact], as_of: date, formations_counted: Iterable[str] | None = None
) -> tuple[State, dict[str, Row], list[Anomaly]]:
    """The state, every active organization's row and the anomalies at the end of the day `as_of`."""
    state, anomalies = fold(facts, as_of)
    return state, _rows(state, as_of, formations_counted), [*anomalies, *_seen(state)]
