"""What the facts of random histories say: one strategy for each type of event, over a world of few names.

`TO_COME` has the types that the specification has and the product has not (`tests/oracle/README.md`).
"""

from typing import Any

from hypothesis import strategies as st
from stdnum.cn import uscc

from domain.inspection.signals import SignalPolicy


def _uscc(prefix: str, number: int) -> str:
    body = f"{prefix}510104{number:09d}"
    return f"uscc:{body}{uscc.calc_check_digit(body)}"


ECONOMIC = [_uscc("91", n) for n in range(3)]
SOCIAL = [_uscc("51", n) for n in range(2)]
GROUPS = ["group:G-1"]
ORGANIZATIONS = [*ECONOMIC, *SOCIAL, *GROUPS]
# Most of what happens, happens to these, so that facts meet.
BUSY = [ECONOMIC[0], SOCIAL[0], GROUPS[0]]
MEMBERS = [f"member:m{n}" for n in range(5)]
BRANCHES = ["branch:a", "branch:b"]
INSTRUCTORS = ["person:p1", "person:p2"]
BODIES = ["body:park-1", "body:park-2", "body:parks", "body:trade"]
REGIONS = ["510104", "510104001", "510104001003", "510105", "51"]
CATEGORIES = {
    "new_economic": ["private_enterprise", "foreign_enterprise", "sole_proprietor"],
    "new_social": ["association", "foundation", "service_institution"],
    "new_employment_group": ["courier", "ride_hailing"],
}
DAYS = [f"2024-02-{day:02d}" for day in range(1, 21)]
# Where months, quarters, half-years and years end and begin, and terms and vacancies run out.
DAYS_TO_COME = [
    "2023-07-01", "2023-09-30", "2023-10-01", "2023-11-15", "2023-12-31", "2024-01-01", "2024-01-15", "2024-01-31",
    "2024-02-01", "2024-02-15", "2024-02-29", "2024-03-01", "2024-03-30", "2024-03-31", "2024-04-01", "2024-04-30",
    "2024-06-30", "2024-07-01", "2024-12-31",
]  # fmt: skip

orgs = st.sampled_from([*BUSY, *BUSY, *BUSY, *ORGANIZATIONS])
members, branches = st.sampled_from(MEMBERS), st.sampled_from(BRANCHES)
standings = st.sampled_from(["full", "full", "full", "probationary", "activist"])
formations = st.sampled_from(["standalone", "joint", "affiliated"])
places = st.sampled_from([*BUSY, *BUSY, ECONOMIC[1], None])
relations = st.sampled_from(["here", "elsewhere"])
body_kinds = st.sampled_from(["park", "park", "industry_department", "supervising_unit"])
bodies = st.sampled_from(BODIES)
days_to_come = st.sampled_from(DAYS_TO_COME)


def kind_of(org: str) -> str:
    """The kind that the test world gives an organization."""
    return "new_economic" if org in ECONOMIC else "new_social" if org in SOCIAL else "new_employment_group"


@st.composite
def registered(draw: st.DrawFn, org: str | None = None) -> dict[str, Any]:
    org = org or draw(orgs)
    data: dict[str, Any] = {
        "org": org,
        "kind": kind_of(org),
        "category": draw(st.sampled_from(CATEGORIES[kind_of(org)])),
        "name": "甲",
        "region": draw(st.sampled_from(REGIONS)),
    }
    industry = draw(st.sampled_from([None, "I64", "I65", "C13", "G"]))
    if industry:
        data["industry"] = industry
    employees = draw(st.sampled_from([None, 0, 3, 49, 50, 80]))
    if employees is not None:
        data["employees"] = employees
    if draw(st.booleans()):
        data["legal_person"] = draw(st.booleans())
    return data


def _optional(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """At least one of the optional fields."""
    return st.fixed_dictionaries(required, optional=optional).filter(lambda data: len(data) > len(required))


# An item of `covers` or `add`.
covering = orgs | st.fixed_dictionaries({"org": orgs, "formation": formations})


def _existing() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    relation = {"relation": relations}
    covers = st.lists(covering, max_size=2)
    policy = {
        "full_members_for_branch": st.sampled_from([3, 3, 2, 1]),
        "employees_for_branch": st.sampled_from([50, 4, 100]),
        "formations_counted": st.sampled_from(
            [["standalone", "joint", "affiliated"], ["joint", "standalone"], ["affiliated"]]
        ),
    }
    formed = {
        "branch": branches, "name": st.just("支部"), "formation": formations, "region": st.just("510104"),
        "tier": st.sampled_from(["branch", "branch", "committee"]),
        "covers": st.lists(covering, max_size=3),
    }  # fmt: skip
    return {
        "organization.registered": registered(),
        "organization.changed": _optional(
            {"org": orgs},
            {
                "category": st.sampled_from(["sole_proprietor", "foundation", "courier"]),
                "region": st.sampled_from(REGIONS),
                "industry": st.sampled_from([None, "H62"]),
                "employees": st.sampled_from([None, 2, 60]),
            },
        ),
        "organization.deregistered": st.fixed_dictionaries({"org": orgs, "reason": st.just("dissolved")}),
        "organization.excluded": st.fixed_dictionaries(
            {"org": orgs, "reason": st.sampled_from(["not_operating", "duplicate"])}
        ),
        "organization.readmitted": st.fixed_dictionaries({"org": orgs}),
        "member.enrolled": st.fixed_dictionaries(
            {"member": members, "standing": standings, "org": places}, optional=relation
        ),
        "member.transferred": st.fixed_dictionaries(
            {"member": members, "from_org": places, "to_org": places}, optional={"standing": standings, **relation}
        ),
        "member.standing_changed": st.fixed_dictionaries({"member": members, "standing": standings}),
        "member.relation_changed": st.fixed_dictionaries({"member": members, "relation": relations}),
        "member.removed": st.fixed_dictionaries({"member": members}),
        "branch.formed": st.fixed_dictionaries(formed, optional={"parent": branches, "groups": st.integers(0, 2)}),
        "branch.coverage_changed": _optional(
            {"branch": branches}, {"add": covers, "drop": st.lists(orgs, max_size=2), "formation": formations}
        ),
        "branch.changed": _optional(
            {"branch": branches},
            {
                "tier": st.sampled_from(["branch", "general_branch"]),
                "parent": st.none() | branches,
                "groups": st.integers(0, 2),
            },
        ),
        "branch.dissolved": st.fixed_dictionaries({"branch": branches}),
        "instructor.assigned": st.fixed_dictionaries(
            {"org": orgs, "instructor": st.sampled_from(INSTRUCTORS)},
            optional={"role": st.sampled_from(["instructor", "liaison"])},
        ),
        "instructor.withdrawn": st.fixed_dictionaries({"org": orgs, "instructor": st.sampled_from(INSTRUCTORS)}),
        "policy.adopted": st.fixed_dictionaries(
            policy, optional={"members_counted": st.sampled_from(["here_and_elsewhere", "here"])}
        ),
        "signals.adopted": st.fixed_dictionaries({field: st.integers(1, 90) for field in SignalPolicy._fields}),
        **_of_bodies(),
    }


def _of_bodies() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    return {
        "body.created": st.fixed_dictionaries(
            {"body": bodies, "kind": body_kinds, "name": st.just("园")}, optional={"parent": bodies}
        ),
        "body.changed": _optional({"body": bodies}, {"name": st.just("园区"), "parent": st.none() | bodies}),
        "body.closed": st.fixed_dictionaries({"body": bodies}),
        "organization.placed": st.fixed_dictionaries({"org": orgs, "body": bodies})
        | st.fixed_dictionaries({"org": orgs, "body": st.none(), "kind": body_kinds}),
        "organization.unplaced": st.fixed_dictionaries({"org": orgs, "body": bodies}),
        "basis.adopted": st.fixed_dictionaries(
            {
                "name": st.sampled_from(["legal_units", "large"]),
                "title": st.just("口径"),
                "categories": st.just([category for of in CATEGORIES.values() for category in of[:2]]),
                "legal_persons_only": st.booleans(),
                "employees_min": st.sampled_from([None, 3, 50]),
                "formations_counted": st.lists(formations, min_size=1, max_size=3, unique=True),
            }
        ),
    }


def _to_come() -> dict[str, st.SearchStrategy[dict[str, Any]]]:
    rule = st.fixed_dictionaries(
        {"least": st.integers(1, 2), "per": st.sampled_from(["month", "quarter", "half_year", "year"])}
    )
    return {
        "branch.term_began": st.fixed_dictionaries({"branch": branches}, optional={"to": days_to_come}),
        "branch.term_extended": st.fixed_dictionaries({"branch": branches, "to": days_to_come}),
        "branch.meeting_held": st.fixed_dictionaries(
            {
                "branch": branches,
                "kind": st.sampled_from(["general", "general", "group", "branch_committee"]),
                "quorate": st.sampled_from([True, True, True, False]),
            }
        ),
        "branch.secretary_reported": st.fixed_dictionaries(
            {"branch": branches, "state": st.sampled_from(["vacant", "filled"])}
        ),
        "activity_policy.adopted": st.fixed_dictionaries(
            {
                "meetings": st.dictionaries(
                    st.sampled_from(["general", "group", "branch_committee"]), rule, min_size=1, max_size=2
                ),
                "periods": st.integers(1, 2),
                "term_years": st.fixed_dictionaries({}, optional={"branch": st.integers(1, 3)}),
                "members_for_branch_committee": st.integers(1, 4),
                "vacant_days_max": st.sampled_from([0, 1, 31, 90]),
            }
        ),
    }


DATA = _existing()
DATA_TO_COME = {**DATA, **_to_come()}
# What changes much happens more often.
NAMES = [*DATA, "branch.coverage_changed", "branch.formed", "organization.registered", "member.transferred"]
NAMES += ["organization.placed", "branch.coverage_changed", "branch.coverage_changed", "branch.dissolved"]
NAMES_TO_COME = [
    *DATA_TO_COME,
    *("branch.meeting_held",) * 4,
    *("branch.term_began", "branch.secretary_reported", "organization.placed", "body.created", "body.changed"),
]
