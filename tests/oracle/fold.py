"""The fold over every type: a state of plain dictionaries, and what each fact does to it.

Source: domain.md, the table of effects and anomalies. Whoever is not in a dictionary is not active, enrolled, formed,
created or assigned.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.oracle import branches, placing
from tests.oracle.branches import Branch
from tests.oracle.facts import Anomaly, Fact
from tests.oracle.forms import CATEGORIES
from tests.oracle.placing import Body, Placement

DEFAULT_POLICY = {
    "full_members_for_branch": 3,
    "employees_for_branch": 50,
    "formations_counted": ["standalone", "joint", "affiliated"],
    "members_counted": "here",
    "small_unit": 10,
}


@dataclass
class Organization:
    attributes: dict[str, Any]
    excluded: str | None = None


@dataclass
class Member:
    standing: str
    org: str | None
    relation: str


@dataclass
class State:
    organizations: dict[str, Organization] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    # Of each organization, in the order in which they were said.
    placements: dict[str, list[Placement]] = field(default_factory=dict)
    instructors: set[tuple[str, str]] = field(default_factory=set)
    policy: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_POLICY))
    activity_policy: dict[str, Any] | None = None
    bases: dict[str, dict[str, Any]] = field(default_factory=dict)


def _organization(state: State, name: str, data: dict[str, Any]) -> str | None:  # noqa: C901, PLR0911 -- the table's lines, one after the other
    org = data["org"]
    known = state.organizations.get(org)
    said = {key: value for key, value in data.items() if key not in ("effective_on", "org")}
    if name == "registered":
        if known:
            return "already_registered"
        state.organizations[org] = Organization(said)
        return None
    if name == "unplaced":
        return placing.unplace(state.placements, org, data["body"])
    if not known:
        return "not_registered"
    if name == "deregistered":
        del state.organizations[org]
        state.placements.pop(org, None)
    elif name == "placed":
        placing.place(state.placements, state.bodies, org, data)
    elif name == "excluded":
        if known.excluded:
            return "already_excluded"
        known.excluded = data["reason"]
    elif name == "readmitted":
        if not known.excluded:
            return "not_excluded"
        known.excluded = None
    elif name == "changed":
        if said.get("category") is not None and said["category"] not in CATEGORIES[known.attributes["kind"]]:
            del said["category"]
            known.attributes.update(said)
            return "category_of_another_kind"
        known.attributes.update(said)
    return None


def _member(state: State, name: str, data: dict[str, Any]) -> str | None:
    member = data["member"]
    known = state.members.get(member)
    relation = data.get("relation", "here")
    if name == "enrolled":
        if known:
            return "already_enrolled"
        state.members[member] = Member(data["standing"], data["org"], relation)
        return None
    if name == "transferred":
        if not known:
            state.members[member] = Member(data.get("standing", "full"), data["to_org"], relation)
            return "transfer_from_mismatch" if data["from_org"] is not None else None
        was_at = known.org
        known.org, known.relation = data["to_org"], relation
        return "transfer_from_mismatch" if data["from_org"] != was_at else None
    if not known:
        return "not_enrolled"
    if name == "removed":
        del state.members[member]
    elif name == "standing_changed":
        known.standing = data["standing"]
    elif name == "relation_changed":
        known.relation = data["relation"]
    return None


def _instructor(state: State, name: str, data: dict[str, Any]) -> str | None:
    pair = (data["org"], data["instructor"])
    assigned = pair in state.instructors
    if name == "assigned":
        state.instructors.add(pair)
        return "already_assigned" if assigned else None
    state.instructors.discard(pair)
    return None if assigned else "not_assigned"


def _adopted(state: State, name: str, data: dict[str, Any]) -> None:
    said = {key: value for key, value in data.items() if key != "effective_on"}
    if name == "policy":
        defaults = {key: DEFAULT_POLICY[key] for key in ("members_counted", "small_unit")}
        state.policy = {**defaults, **said}
    elif name == "activity_policy":
        state.activity_policy = said
    elif name == "basis":
        state.bases[said["name"]] = said


def _apply(state: State, fact: Fact) -> str | None:
    """The fact's effect on the state, and the anomaly's code if it contradicts what stands."""
    family, name = fact.name.split(".", 1)
    data = dict(fact.data)
    if family == "organization":
        return _organization(state, name, data)
    if family == "member":
        return _member(state, name, data)
    if family == "branch":
        return branches.apply(state.branches, name, fact.effective_on, data)
    if family == "body":
        return placing.apply(state.bodies, state.placements, name, data)
    if family == "instructor":
        return _instructor(state, name, data)
    if name == "adopted":
        _adopted(state, family, data)
    return None


def fold(facts: Iterable[Fact], as_of: date) -> tuple[State, list[Anomaly]]:
    """The state at the end of the day `as_of`, of facts in canonical order, and the contradictions met on the way."""
    state = State()
    anomalies = []
    for fact in facts:
        if fact.effective_on <= as_of:
            code = _apply(state, fact)
            if code:
                anomalies.append(Anomaly(code, fact.subject, fact.identity))
    return state, anomalies
