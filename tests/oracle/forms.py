"""Which data fit which type (events.md, "Types" and "Identifiers and codes"): what a replacement is held against.

Limits of length, control characters and personal identifiers are intake's subject and not said here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.oracle.instants import read_date

Check = Callable[[object], bool]

CATEGORIES = {
    "new_economic": {"private_enterprise", "hmt_enterprise", "foreign_enterprise", "sole_proprietor"},
    "new_social": {
        "association",
        "foundation",
        "service_institution",
        "law_firm",
        "accounting_firm",
        "tax_agent_firm",
    },
    "new_employment_group": {"courier", "food_delivery", "ride_hailing", "truck_driver", "other_group"},
}
ALL_CATEGORIES = set().union(*CATEGORIES.values())
FORMATIONS = ("standalone", "joint", "affiliated")
TIERS = ("committee", "general_branch", "branch")
BODY_KINDS = ("supervising_unit", "industry_department", "park", "building", "market", "platform")
MEETINGS = ("general", "branch_committee", "group", "lecture", "theme_day", "life")
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def _is_day(value: object) -> bool:
    try:
        read_date(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _is_org(value: object) -> bool:
    if not isinstance(value, str):
        return False
    if re.fullmatch(r"group:[A-Z\da-z-]{1,40}", value, re.ASCII):
        return True
    code = value.removeprefix("uscc:")
    if code == value or len(code) != 18 or set(code) - set(USCC_ALPHABET):
        return False
    total = sum(USCC_ALPHABET.index(c) * w for c, w in zip(code, USCC_WEIGHTS, strict=False))
    return USCC_ALPHABET[-total % 31] == code[17]


def _matches(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _integer(least: int, most: int = 10**18) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_pair(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) == {"org", "formation"} and _is_org(value["org"]) and value["formation"] in FORMATIONS
    return _is_org(value)


def _is_meeting_rule(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"least", "per"}
        and _integer(1)(value["least"])
        and _one_of("month", "quarter", "half_year", "year")(value["per"])
    )


def _dict_of(keys: tuple[str, ...], check: Check) -> Check:
    return lambda value: isinstance(value, dict) and set(value) <= set(keys) and all(map(check, value.values()))


def _is_formations(value: object) -> bool:
    return _list_of(_one_of(*FORMATIONS))(value) and bool(value)


def _is_place(value: object) -> bool:
    padded = r"\d*00" if isinstance(value, str) and len(value) <= 6 else r"\d*000"
    return _matches(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")(value) and not _matches(padded)(value)


member, branch = _matches(r"member:[\w-]{1,64}"), _matches(r"branch:[\w-]{1,64}")
person, body = _matches(r"person:[\w-]{1,64}"), _matches(r"body:[\w-]{1,64}")
standing, formation, tier = _one_of("activist", "probationary", "full"), _one_of(*FORMATIONS), _one_of(*TIERS)
relation, industry = _one_of("here", "elsewhere"), _matches(r"[A-T](\d{2,4})?")
employees = _integer(0, 10_000_000)

# Each type's fields: those that it must have, and those that it may have.
FORMS: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "organization.registered": (
        {
            "org": _is_org,
            "kind": _one_of(*CATEGORIES),
            "category": _one_of(*ALL_CATEGORIES),
            "name": _is_text,
            "region": _is_place,
        },
        {
            "industry": industry,
            "employees": employees,
            "supervisor": _is_text,
            "address": _is_text,
            "registered_region": _is_place,
            "legal_person": _is_bool,
            "above_scale": _is_bool,
        },
    ),
    "organization.changed": (
        {"org": _is_org},
        {
            "category": _one_of(*ALL_CATEGORIES),
            "name": _is_text,
            "region": _is_place,
            "industry": _or_null(industry),
            "employees": _or_null(employees),
            "supervisor": _or_null(_is_text),
            "address": _or_null(_is_text),
        },
    ),
    "organization.deregistered": (
        {"org": _is_org, "reason": _one_of("dissolved", "revoked", "merged", "moved_away")},
        {},
    ),
    "organization.excluded": (
        {"org": _is_org, "reason": _one_of("not_operating", "duplicate", "out_of_scope")},
        {},
    ),
    "organization.readmitted": ({"org": _is_org}, {}),
    "organization.placed": ({"org": _is_org, "body": _or_null(body)}, {"kind": _one_of(*BODY_KINDS)}),
    "organization.unplaced": ({"org": _is_org, "body": body}, {}),
    "member.enrolled": ({"member": member, "standing": standing, "org": _or_null(_is_org)}, {"relation": relation}),
    "member.transferred": (
        {"member": member, "from_org": _or_null(_is_org), "to_org": _or_null(_is_org)},
        {"standing": standing, "relation": relation},
    ),
    "member.standing_changed": ({"member": member, "standing": standing}, {}),
    "member.relation_changed": ({"member": member, "relation": relation}, {}),
    "member.removed": ({"member": member}, {}),
    "branch.formed": (
        {
            "branch": branch,
            "name": _is_text,
            "tier": tier,
            "formation": formation,
            "region": _is_place,
            "covers": _list_of(_is_pair),
        },
        {"parent": branch, "groups": _integer(0)},
    ),
    "branch.coverage_changed": (
        {"branch": branch},
        {"add": _list_of(_is_pair), "drop": _list_of(_is_org), "formation": formation},
    ),
    "branch.changed": (
        {"branch": branch},
        {"name": _is_text, "tier": tier, "parent": _or_null(branch), "groups": _integer(0)},
    ),
    "branch.term_began": ({"branch": branch}, {"to": _is_day}),
    "branch.term_extended": ({"branch": branch, "to": _is_day}, {}),
    "branch.meeting_held": ({"branch": branch, "kind": _one_of(*MEETINGS), "quorate": _is_bool}, {}),
    "branch.secretary_reported": ({"branch": branch, "state": _one_of("filled", "vacant")}, {}),
    "branch.dissolved": ({"branch": branch}, {}),
    "instructor.assigned": ({"org": _is_org, "instructor": person}, {"role": _one_of("instructor", "liaison")}),
    "instructor.withdrawn": ({"org": _is_org, "instructor": person}, {}),
    "body.created": ({"body": body, "kind": _one_of(*BODY_KINDS), "name": _is_text}, {"parent": body}),
    "body.changed": ({"body": body}, {"name": _is_text, "parent": _or_null(body)}),
    "body.closed": ({"body": body}, {}),
    "policy.adopted": (
        {
            "full_members_for_branch": _integer(1),
            "employees_for_branch": _integer(1),
            "formations_counted": _is_formations,
        },
        {"members_counted": _one_of("here", "here_and_elsewhere"), "small_unit": _integer(0)},
    ),
    "activity_policy.adopted": (
        {
            "meetings": _dict_of(MEETINGS, _is_meeting_rule),
            "periods": _integer(1),
            "term_years": _dict_of(TIERS, _integer(1)),
            "members_for_branch_committee": _integer(1),
            "vacant_days_max": _integer(0),
        },
        {},
    ),
    "basis.adopted": (
        {
            "name": _is_text,
            "title": _is_text,
            "categories": _list_of(_one_of(*ALL_CATEGORIES)),
            "legal_persons_only": _is_bool,
            "employees_min": _or_null(_integer(0)),
            "formations_counted": _is_formations,
        },
        {},
    ),
}
SOMETHING_CHANGES = ("organization.changed", "branch.coverage_changed", "branch.changed", "body.changed")


def _holds_together(name: str, data: Mapping[str, Any]) -> bool:
    """What the fields say of one another."""
    if name == "organization.registered":
        of_a_group = data["org"].startswith("group:")
        return data["category"] in CATEGORIES[data["kind"]] and of_a_group == (data["kind"] == "new_employment_group")
    if name == "organization.placed":
        return (data["body"] is None) == ("kind" in data)
    return name not in SOMETHING_CHANGES or len(data) > 2


def fits(name: str, data: object) -> bool:
    """Whether `data` is a whole data object of the type `name`; unknown fields are refused.

    Of a type that the specification does not list, an act of an office, nothing is known and nothing decided.
    """
    if name not in FORMS:
        return True
    if not isinstance(data, dict):
        return False
    required, optional = FORMS[name]
    checks = {"effective_on": _is_day, **required, **optional}
    return (
        {"effective_on", *required} <= set(data) <= set(checks)
        and all(checks[field](value) for field, value in data.items())
        and _holds_together(name, data)
    )
