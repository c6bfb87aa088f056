"""The fold: how each fact changes the state of the one entity that it is about.

One function for each row of the table in spec/domain.md ("fact, effect, anomaly"). Each takes
the state before and the fact, and gives the state after and the anomaly, or None for none.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from domain.events.facts import Fact
from domain.ledger.branches import (
    Branch,
    branch_changed,
    branch_coverage_changed,
    branch_dissolved,
    branch_formed,
    branch_meeting_held,
    branch_secretary_reported,
    branch_term_began,
    branch_term_extended,
)
from domain.ledger.placements import Body, Said, body_changed, body_closed, body_created, order_of
from domain.values.terms import (
    CATEGORIES_OF_KIND,
    Anomaly,
    Category,
    CountedAs,
    ExclusionReason,
    Kind,
    Relation,
    Standing,
)


class Attributes(NamedTuple):
    """An organization's attributes, as registered and last changed.

    `legal_person` is None where nothing is said; a row says what follows from that (`legal_person`).
    """

    kind: Kind
    category: Category
    name: str
    region: str
    industry: str | None
    employees: int | None
    supervisor: str | None
    address: str | None
    registered_region: str | None = None
    legal_person: bool | None = None
    above_scale: bool | None = None


def legal_person(attributes: Attributes) -> bool:
    """Whether it is a legal person (`says_legal_person`)."""
    return says_legal_person(attributes.kind, attributes.category, attributes.legal_person)


def says_legal_person(kind: str, category: str, said: bool | None) -> bool:  # noqa: FBT001 - the attribute itself
    """Whether an organization is a legal person: as said, or else all are but sole proprietors and groups."""
    if said is not None:
        return said
    return category != "sole_proprietor" and kind != "new_employment_group"


class Organization(NamedTuple):
    """An organization as its registry's facts have it; inactive while `attributes` is None.

    `said` is what was said of its bodies since it was registered (domain.ledger.placements).
    """

    attributes: Attributes | None = None
    excluded: ExclusionReason | None = None
    said: tuple[Said, ...] = ()


class Member(NamedTuple):
    """A member; `standing` is None while not enrolled, `org` is None while at none of them."""

    standing: Standing | None = None
    org: str | None = None
    relation: Relation = "here"


def counted_as(member: Member) -> CountedAs:
    """As what an enrolled member counts: those whose relation is elsewhere apart, activists alike.

    Raises:
        ValueError: the member is not enrolled.
    """
    match member:
        case Member("activist"):
            return "activist"
        case Member("full", relation=relation):
            return "full" if relation == "here" else "full_elsewhere"
        case Member("probationary", relation=relation):
            return "probationary" if relation == "here" else "probationary_elsewhere"
    raise ValueError("the member is not enrolled, and counts as nothing")


class Instructor(NamedTuple):
    """One instructor at one organization."""

    assigned: bool = False


State = Organization | Member | Branch | Instructor | Body
Outcome = tuple[State, Anomaly | None]


def organization_registered(before: Organization, data: Mapping[str, Any]) -> tuple[Organization, Anomaly | None]:
    if before.attributes is not None:
        return before, "already_registered"
    return Organization(
        Attributes(
            data["kind"], data["category"], data["name"], data["region"],
            data.get("industry"), data.get("employees"), data.get("supervisor"), data.get("address"),
            data.get("registered_region"), data.get("legal_person"), data.get("above_scale"),
        )
    ), None  # fmt: skip


def organization_changed(before: Organization, data: Mapping[str, Any]) -> tuple[Organization, Anomaly | None]:
    if before.attributes is None:
        return before, "not_registered"
    changes = {name: value for name, value in data.items() if name in Attributes._fields}
    anomaly: Anomaly | None = None
    if "category" in changes and changes["category"] not in CATEGORIES_OF_KIND[before.attributes.kind]:
        del changes["category"]
        anomaly = "category_of_another_kind"
    return before._replace(attributes=before.attributes._replace(**changes)), anomaly


def organization_deregistered(before: Organization, _: Mapping[str, Any]) -> tuple[Organization, Anomaly | None]:
    if before.attributes is None:
        return before, "not_registered"
    return Organization(), None


def organization_excluded(before: Organization, data: Mapping[str, Any]) -> tuple[Organization, Anomaly | None]:
    if before.attributes is None:
        return before, "not_registered"
    if before.excluded is not None:
        return before, "already_excluded"
    return before._replace(excluded=data["reason"]), None


def organization_readmitted(before: Organization, _: Mapping[str, Any]) -> tuple[Organization, Anomaly | None]:
    if before.attributes is None:
        return before, "not_registered"
    if before.excluded is None:
        return before, "not_excluded"
    return before._replace(excluded=None), None


def member_enrolled(before: Member, data: Mapping[str, Any]) -> tuple[Member, Anomaly | None]:
    if before.standing is not None:
        return before, "already_enrolled"
    return Member(data["standing"], data["org"], _relation(data)), None


def _relation(data: Mapping[str, Any]) -> Relation:
    relation: Relation = data.get("relation", "here")
    return relation


def member_transferred(before: Member, data: Mapping[str, Any]) -> tuple[Member, Anomaly | None]:
    if before.standing is None:
        after = Member(data.get("standing") or "full", data["to_org"], _relation(data))
        return after, None if data["from_org"] is None else "transfer_from_mismatch"
    after = before._replace(org=data["to_org"], relation=_relation(data))
    return after, None if data["from_org"] == before.org else "transfer_from_mismatch"


def member_standing_changed(before: Member, data: Mapping[str, Any]) -> tuple[Member, Anomaly | None]:
    if before.standing is None:
        return before, "not_enrolled"
    return before._replace(standing=data["standing"]), None


def member_relation_changed(before: Member, data: Mapping[str, Any]) -> tuple[Member, Anomaly | None]:
    if before.standing is None:
        return before, "not_enrolled"
    return before._replace(relation=data["relation"]), None


def member_removed(before: Member, _: Mapping[str, Any]) -> tuple[Member, Anomaly | None]:
    if before.standing is None:
        return before, "not_enrolled"
    return Member(), None


def instructor_assigned(before: Instructor, _: Mapping[str, Any]) -> tuple[Instructor, Anomaly | None]:
    return Instructor(assigned=True), "already_assigned" if before.assigned else None


def instructor_withdrawn(before: Instructor, _: Mapping[str, Any]) -> tuple[Instructor, Anomaly | None]:
    return Instructor(), None if before.assigned else "not_assigned"


def organization_placed(before: Organization, fact: Fact) -> tuple[Organization, Anomaly | None]:
    if before.attributes is None:
        return before, "not_registered"
    said = Said(order_of(fact), placed=True, body=fact.data["body"], kind=fact.data.get("kind"))
    return before._replace(said=(*before.said, said)), None


def organization_unplaced(before: Organization, fact: Fact) -> tuple[Organization, Anomaly | None]:
    """Whether it has left the body already for another one is seen with the bodies (placements.without_effect)."""
    body = fact.data["body"]
    under = [each.placed for each in before.said if each.body == body]
    if not under or not under[-1]:
        return before, "not_placed"
    return before._replace(said=(*before.said, Said(order_of(fact), placed=False, body=body))), None


# Effects for which the fact's place in the canonical order counts, beside its data.
_ORDERED: Final[dict[str, Callable[[Any, Fact], tuple[Any, Anomaly | None]]]] = {
    "taizhang.organization.placed.v1": organization_placed,
    "taizhang.organization.unplaced.v1": organization_unplaced,
    "taizhang.body.created.v1": body_created,
    "taizhang.body.changed.v1": body_changed,
    "taizhang.body.closed.v1": body_closed,
}

_EFFECTS: Final[dict[str, Callable[[Any, Mapping[str, Any]], tuple[Any, Anomaly | None]]]] = {
    "taizhang.organization.registered.v1": organization_registered,
    "taizhang.organization.changed.v1": organization_changed,
    "taizhang.organization.deregistered.v1": organization_deregistered,
    "taizhang.organization.excluded.v1": organization_excluded,
    "taizhang.organization.readmitted.v1": organization_readmitted,
    "taizhang.member.enrolled.v1": member_enrolled,
    "taizhang.member.transferred.v1": member_transferred,
    "taizhang.member.standing_changed.v1": member_standing_changed,
    "taizhang.member.relation_changed.v1": member_relation_changed,
    "taizhang.member.removed.v1": member_removed,
    "taizhang.branch.formed.v1": branch_formed,
    "taizhang.branch.coverage_changed.v1": branch_coverage_changed,
    "taizhang.branch.changed.v1": branch_changed,
    "taizhang.branch.term_began.v1": branch_term_began,
    "taizhang.branch.term_extended.v1": branch_term_extended,
    "taizhang.branch.meeting_held.v1": branch_meeting_held,
    "taizhang.branch.secretary_reported.v1": branch_secretary_reported,
    "taizhang.branch.dissolved.v1": branch_dissolved,
    "taizhang.instructor.assigned.v1": instructor_assigned,
    "taizhang.instructor.withdrawn.v1": instructor_withdrawn,
}

_INITIAL: Final[dict[str, State]] = {
    "organization": Organization(),
    "member": Member(),
    "branch": Branch(),
    "instructor": Instructor(),
    "body": Body(),
}


def initial_state(type_: str) -> State:
    """The state of an entity before its first fact, for the family of `type_`."""
    return _INITIAL[type_.split(".")[1]]


def apply(before: State, fact: Fact) -> Outcome:
    """The state after one more fact of the same entity, in canonical order, and its anomaly."""
    ordered = _ORDERED.get(fact.type)
    return _EFFECTS[fact.type](before, fact.data) if ordered is None else ordered(before, fact)
