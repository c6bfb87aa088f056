"""Random histories for property tests: small worlds in which facts meet, contradict and arrive late."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import strategies as st
from stdnum.cn import uscc

from domain.events.envelope import check_data, read_event
from domain.events.facts import Event
from domain.inspection.signals import SignalPolicy


def _uscc(prefix: str, number: int) -> str:
    body = f"{prefix}510104{number:09d}"
    return f"uscc:{body}{uscc.calc_check_digit(body)}"


ECONOMIC = [_uscc("91", n) for n in range(3)]
SOCIAL = [_uscc("51", n) for n in range(2)]
GROUPS = ["group:G-1"]
ORGANIZATIONS = [*ECONOMIC, *SOCIAL, *GROUPS]
MEMBERS = [f"member:m{n}" for n in range(4)]
BRANCHES = ["branch:a", "branch:b"]
INSTRUCTORS = ["person:p1", "person:p2"]
NUMBERS = count(1)
SOURCES = ["/registry/market", "/registry/members", "/office"]
REGIONS = ["510104", "510104001", "510104001003", "510105", "51"]
CATEGORIES = {
    "new_economic": ["private_enterprise", "foreign_enterprise", "sole_proprietor"],
    "new_social": ["association", "foundation", "service_institution"],
    "new_employment_group": ["courier", "ride_hailing"],
}

days = st.integers(1, 28).map(lambda d: f"2024-02-{d:02d}")
orgs = st.sampled_from(ORGANIZATIONS)
standings = st.sampled_from(["activist", "probationary", "full"])
formations = st.sampled_from(["standalone", "joint", "affiliated"])


def kind_of(org: str) -> str:
    """The kind that the test world gives an organization."""
    return "new_economic" if org in ECONOMIC else "new_social" if org in SOCIAL else "new_employment_group"


@st.composite
def _registered(draw: st.DrawFn) -> dict[str, Any]:
    org = draw(orgs)
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
    return data


def _data(name: str) -> st.SearchStrategy[dict[str, Any]]:
    member, branch = st.sampled_from(MEMBERS), st.sampled_from(BRANCHES)
    place = st.none() | orgs
    fixed: dict[str, dict[str, Any]] = {
        "organization.deregistered": {"org": orgs, "reason": st.just("dissolved")},
        "organization.excluded": {"org": orgs, "reason": st.sampled_from(["not_operating", "duplicate"])},
        "organization.readmitted": {"org": orgs},
        "member.enrolled": {"member": member, "standing": standings, "org": place},
        "member.standing_changed": {"member": member, "standing": standings},
        "member.removed": {"member": member},
        "branch.formed": {
            "branch": branch, "name": st.just("支部"), "tier": st.just("branch"), "formation": formations,
            "region": st.just("510104"), "covers": st.lists(orgs, max_size=3),
        },
        "branch.dissolved": {"branch": branch},
        "instructor.assigned": {"org": orgs, "instructor": st.sampled_from(INSTRUCTORS)},
        "instructor.withdrawn": {"org": orgs, "instructor": st.sampled_from(INSTRUCTORS)},
        "policy.adopted": {
            "full_members_for_branch": st.integers(1, 3), "employees_for_branch": st.sampled_from([4, 50, 100]),
            "formations_counted": st.lists(formations, min_size=1, max_size=3, unique=True),
        },
        "signals.adopted": {field: st.integers(1, 90) for field in SignalPolicy._fields},
    }  # fmt: skip
    match name:
        case "organization.registered":
            return _registered()
        case "organization.changed":
            optional = {
                "category": st.sampled_from(["sole_proprietor", "foundation", "courier"]),
                "region": st.sampled_from(REGIONS),
                "industry": st.sampled_from([None, "H62"]),
                "employees": st.sampled_from([None, 2, 60]),
            }
            return st.fixed_dictionaries({"org": orgs}, optional=optional).filter(lambda d: len(d) > 1)
        case "member.transferred":
            required = {"member": member, "from_org": place, "to_org": place}
            return st.fixed_dictionaries(required, optional={"standing": standings})
        case "branch.coverage_changed":
            optional_lists = {
                "add": st.lists(orgs, max_size=2), "drop": st.lists(orgs, max_size=2), "formation": formations,
            }  # fmt: skip
            changed = st.fixed_dictionaries({"branch": branch}, optional=optional_lists)
            return changed.filter(lambda d: len(d) > 1)
    return st.fixed_dictionaries(fixed[name])


NAMES = [
    "organization.registered", "organization.registered", "organization.changed", "organization.deregistered",
    "organization.excluded", "organization.readmitted", "member.enrolled", "member.enrolled",
    "member.transferred", "member.standing_changed", "member.removed", "branch.formed", "branch.formed",
    "branch.coverage_changed", "branch.dissolved", "instructor.assigned", "instructor.withdrawn", "policy.adopted",
    "signals.adopted",
]  # fmt: skip


@st.composite
def _fact(draw: st.DrawFn, number: int) -> dict[str, Any]:
    name = draw(st.sampled_from(NAMES))
    day = draw(days)
    hour = draw(st.integers(0, 2))
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": draw(st.sampled_from(SOURCES)),
        "type": f"taizhang.{name}.v1",
        "time": f"{day}T0{hour}:00:00{draw(st.sampled_from(['Z', '+08:00']))}",
        "data": {"effective_on": day, **draw(_data(name))},
    }


@st.composite
def _word(draw: st.DrawFn, number: int, facts: list[dict[str, Any]]) -> dict[str, Any]:
    target = draw(st.sampled_from([*facts, {"source": "/office", "id": "never", "type": NAMES[0], "data": {}}]))
    about = {"source": target["source"], "id": target["id"]}
    event = {
        "specversion": "1.0",
        "id": f"w{number}",
        "source": draw(st.sampled_from(SOURCES)),
        "time": f"2024-03-0{draw(st.integers(1, 3))}T00:00:00Z",
    }
    if draw(st.booleans()):
        data = {"retracts": about, "reason": "annulled"}
        return {**event, "type": "taizhang.event.retracted.v1", "data": data}
    name = target["type"].removeprefix("taizhang.").removesuffix(".v1")
    fitting = name in NAMES and draw(st.integers(0, 4)) > 0
    replaced = draw(_data(name)) if fitting else {"org": "nonsense"}
    data = {"corrects": about, "replacement": {"effective_on": draw(days), **replaced}, "reason": "corrected"}
    return {**event, "type": "taizhang.event.corrected.v1", "data": data}


@st.composite
def deliveries(draw: Callable[[st.SearchStrategy[Any]], Any], facts_max: int = 30) -> list[dict[str, Any]]:
    """CloudEvents in order of arrival: facts, corrections and retractions, in any order."""
    facts = [draw(_fact(n)) for n in range(draw(st.integers(1, facts_max)))]
    words = [draw(_word(n, facts)) for n in range(draw(st.integers(0, 6)))]
    # A word about a word has no effect but an anomaly.
    if words and draw(st.booleans()):
        words.append(draw(_word(99, words)))
    arrivals: list[dict[str, Any]] = draw(st.permutations([*facts, *words]))
    return arrivals


def as_events(history: list[dict[str, Any]]) -> list[Event]:
    """The deliveries as accepted events, at dense positions from 1."""
    events = []
    for position, delivery in enumerate(history, 1):
        reading = read_event(json.dumps(delivery).encode())
        assert reading.event is not None, reading.reasons
        e = reading.event
        events.append(Event(position, e.source, e.id, e.type, e.time_ns, e.data))
    return events


def fits(type_: str, data: object) -> bool:
    """Whether a replacement fits a type."""
    return not check_data(type_, data)


def renamed(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same facts under sources of their own, so that one log takes many histories."""
    number = next(NUMBERS)

    def new(source: str) -> str:
        return f"{source}/{number}"

    def about(data: dict[str, Any]) -> dict[str, Any]:
        named = (name for name in ("corrects", "retracts") if name in data)
        return {**data, **{name: {**data[name], "source": new(data[name]["source"])} for name in named}}

    return [{**each, "source": new(each["source"]), "data": about(each["data"])} for each in history]
