"""Data of every event type, made from its model, and which grants let it be said at which place."""

from typing import Any

from domain.access.rights import Right
from domain.events.evidence import FORMAT
from domain.events.types import EVENT_TYPES
from domain.inspection.signals import SignalPolicy
from domain.values.reach import Reach
from tests.access.attacks import FINDINGS, HERE, ORG, POLICY, SOURCE, TARGET

HASH = "0" * 64
# What stands in a field of any type, by what is said of the whole city; and below, what is said at a place.
VALUES: dict[str, Any] = {
    **POLICY, **TARGET, "effective_on": "2024-03-01", "kind": "new_employment_group", "category": "courier",
    "name": "名", "title": "名", "reason": "x", "standing": "full", "relation": "elsewhere",
    "tier": "branch", "formation": "joint", "instructor": "person:m",
    "measure": "combine", "grounds": ["other"], "plan": "x", "outcome": "rectified",
    "grid": "grid:g", "findings": FINDINGS, "same": True, "list": SOURCE,
    "columns": {"org": "a", "category": "b", "name": "c", "region": "d"},
    "assessment": "assessment:a", "as_of": "2024-03-01", "known_at": 0, "group_by": [], "segment": {}, "policy": POLICY,
    "targets": [], "groups": [], "total": {}, "root_hash": HASH, "ruleset": HASH, "checkpoint": "x",
    "access": "access:m", "holder": "m", "roles": ["inspector"], "source": "/m",
    "quorate": True, "state": "vacant", "first": 1, "last": 1, "was": "ahead", "meetings": {}, "periods": 2,
    "term_years": {}, "members_for_branch_committee": 7, "vacant_days_max": 90,
    "format": FORMAT, "kinds": ["new_social"], "counts": ["registered"], "sums": HASH, "entities": 0, "map": HASH,
    "epoch": 2, "because": "lost", "old_key": "x", "new_key": "x", "size": 0, "signatures": ["x"],
    "by": "office:o", "asks": "x", "says": "done", "lacks": "other",
    "positions": [1], "key": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, "to": "990303",
    "body": "body:b", "categories": ["courier"], "legal_persons_only": False, "employees_min": None,
    "city": "city:m", "origin": "m", "report": "report:m", "due_on": "2024-03-01", "rulesets": [HASH], "sealed_at": 1,
    "unproved": 0, "head": {"size": 1, "root_hash": HASH}, "extends": [], "file": HASH, "brought_by": "m",
    "points": "20.00",
    "ground": "figures_edited", "words": "x", "content": "eA==",
    **dict.fromkeys(SignalPolicy._fields, 9),
}  # fmt: skip
# Of optional fields those that a type needs to say something, and values of its own.
OWN: dict[str, dict[str, Any]] = {
    "organization.changed": {"name": "名"},
    "body.created": {"kind": "park"},
    "body.changed": {"name": "名"},
    "organization.deregistered": {"reason": "dissolved"},
    "organization.excluded": {"reason": "not_operating"},
    "branch.coverage_changed": {"formation": "affiliated"},
    "branch.changed": {"name": "名"},
    "list.stated": {
        "statement": HASH[:32],
        "reason": "dissolved",
        "fields": ["name"],
        "rows": 1,
        "sha256": HASH,
    },
    "city.joined": {"key": f"m+01234567+{'A' * 44}", "region": "99"},
    "city.changed": {"name": "名"},
    "city.reported": {"counts": [{"kind": "new_social", "counts": {"registered": 1}}]},
    "contact.made": {"kind": "visit"},
    "campaign.target_set": {"value": "0.9"},
    "score_sheet.adopted": {
        "items": [
            {"item": "a", "title": "名", "worth": "100", "rate": "work_coverage", "zero_at": "0.5", "full_at": "1"}
        ]
    },
    "score.reported": {"points": {"a": "9.50"}},
    "order.issued": {"ground": "other"},
    "order.closed": {"outcome": "done"},
    "assessment.superseded": {"by": "assessment:b"},
    "region.merged": {"into": "990303"},
    "branch.term_extended": {"to": "2025-03-01"},
    "branch.meeting_held": {"kind": "general"},
    "region.split": {"into": ["990303", "990404"]},
}


def at_place(place: str) -> dict[str, Any]:
    side = "here" if place == HERE else "there"
    return {
        "org": ORG[place][1], "other": ORG[place][0], "member": f"member:{place}", "from_org": ORG[place][0],
        "to_org": ORG[place][1], "branch": f"branch:{side}", "covers": [ORG[place][1]], "region": f"{place}001",
        "survey": f"survey:{side}", "visit": f"visit:{side}", "match": f"match:{side}",
        "rectification": f"rectification:{side}",
        "order": f"order:{side}", "by_region": f"{place}001", "part": {"regions": [f"{place}001"]},
    }  # fmt: skip


def data_of(type_: str, place: str) -> dict[str, Any]:
    """Data of a type, made from its model: the required fields, and what else it cannot do without."""
    name, values = type_.removeprefix("taizhang.").removesuffix(".v1"), VALUES | at_place(place)
    fields = EVENT_TYPES[type_].model_fields
    data = {
        field: values[field] for field, told in fields.items() if told.is_required() and field not in OWN.get(name, {})
    }
    data |= OWN.get(name, {})
    needs = {
        "measure.assigned": "region",
        "visit.made": "org",
        "match.decided": "other",
        "list.stated": "part",
        "score.reported": "region",
    }
    needed = needs.get(name)
    return data | ({needed: values[needed]} if needed else {})


RIGHTS: dict[str, Right] = {
    "whole": Right(),
    "steward": Right(frozenset({"steward"})),
    "county": Right(scope=(HERE,)),
    "county steward": Right(frozenset({"steward"}), scope=(HERE,)),
    "registry": Right(sources=frozenset({SOURCE})),
    "registry of a county": Right(sources=frozenset({SOURCE}), scope=(HERE,)),
    "another registry": Right(sources=frozenset({"/another"})),
    "administrator": Right(frozenset({"administrator"})),
    "administrator of a county": Right(frozenset({"administrator"}), scope=(HERE,)),
    "nothing": Right(types=frozenset({"taizhang.visit.made.v2"})),
}


def allowed(right: str, type_: str, place: str) -> bool:
    """What spec/events.md, Who may say it, comes to in this world; the type is that of what is changed."""
    reach, given = EVENT_TYPES[type_].reach, RIGHTS[right]
    if given.types is not None or (given.sources is not None and SOURCE not in given.sources):
        return False
    if reach is Reach.THE_SERVICE:
        return False
    if reach is Reach.ACCESS:
        return right == "administrator"
    if reach is Reach.WHOLE_CITY:
        return given.scope is None and given.sources is None
    return given.scope is None or place == HERE
